"""What the sources say, for the tests of the house's rules: modules, imports, definitions, code without prose."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "prunetext"
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


class Import(NamedTuple):
    """A module that a file imports, be it in a function."""

    name: str
    line: int
    runs: bool  # False where it stands for types alone


def python_files(*folders: str) -> list[Path]:
    """All Python files of these folders of the repository."""
    found = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    assert found, f"there is no Python file in {folders}"
    return found


@cache
def modules() -> dict[str, Path]:
    """Dotted names of all modules of the package; a folder stands for its __init__.py."""
    names = {}
    for path in python_files("src/prunetext"):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def room(module: str) -> str:
    """The folder or module directly in the package that a module lies in; that of the package itself is __init__."""
    _, _, below = module.partition(".")
    return below.partition(".")[0] or "__init__"


def within(*rooms: str) -> dict[str, Path]:
    """The modules of these rooms."""
    return {name: path for name, path in modules().items() if room(name) in rooms}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """What a file imports, modules of the package by their full names."""
    typing_only = {
        id(node)
        for branch in ast.walk(tree(path))
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for statement in branch.body
        for node in ast.walk(statement)
    }
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{place(path, node.lineno)}: a relative import. Write the name from prunetext on."
            deeper = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in modules() else str(node.module) for name in deeper]
        else:
            continue
        found += [Import(name, node.lineno, id(node) not in typing_only) for name in dict.fromkeys(names)]
    return tuple(found)


def own_imports(path: Path) -> list[Import]:
    """What it imports of the package."""
    return [each for each in imports(path) if each.name.split(".")[0] == "prunetext"]


def place(path: Path, line: int | None = None) -> str:
    """Where something stands, as an editor opens it."""
    return f"{path.relative_to(ROOT).as_posix()}{'' if line is None else f':{line}'}"


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions, those inside of classes and functions, too."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, FUNCTION))


def definitions(path: Path) -> Iterator[tuple[str, ast.stmt]]:
    """Functions, classes and names that a module defines, in the branches of its ifs, too."""
    waiting: list[ast.stmt] = list(tree(path).body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            waiting += [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.stmt)]
        elif isinstance(node, (*FUNCTION, ast.ClassDef)):
            yield node.name, node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            named = [each for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]
            yield from ((each.id, node) for each in named if isinstance(each.ctx, ast.Store))


def code(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines without docstrings and comments."""
    lines = path.read_text("utf-8").splitlines()
    for node in ast.walk(tree(path)):
        if isinstance(node, (*FUNCTION, ast.ClassDef, ast.Module)) and ast.get_docstring(node) is not None:
            first = node.body[0]
            for at in range(first.lineno, (first.end_lineno or first.lineno) + 1):
                lines[at - 1] = ""
    for token in tokenize.generate_tokens(io.StringIO("\n".join(lines) + "\n").readline):
        if token.type == tokenize.COMMENT:
            lines[token.start[0] - 1] = lines[token.start[0] - 1][: token.start[1]]
    return ((at, line) for at, line in enumerate(lines, start=1) if line.strip())


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Ways that lead back to where they began, one for each arrow that closes one."""
    found, done = [], set()

    def walk(node: str, way: list[str]) -> None:
        if node in way:
            found.append([*way[way.index(node) :], node])
        elif node not in done:
            for target in sorted(arrows.get(node, ())):
                walk(target, [*way, node])
            done.add(node)

    for start in sorted(arrows):
        walk(start, [])
    return found


def assert_none(found: Iterable[str]) -> None:
    """Nothing breaks the rule; else each place is named, with its remedy."""
    lines = list(found)
    if lines:
        pytest.fail("\n".join(lines), pytrace=False)
