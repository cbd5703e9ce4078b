"""Who prints, who asks what a task is, and how often tests reach into a module."""

import ast
import re
from collections import Counter
from pathlib import Path

from helpers.source import assert_none, code, modules, place, python_files, room, tree

MOST_PATCHES = 15
PATCHES = {"setattr", "delattr", "setitem", "delitem"}
WHAT_THE_TASK_IS = re.compile(r"\bpairs is (not )?None|label_sets is")


def test_only_the_command_line_prints() -> None:
    found = []
    for module, path in modules().items():
        if room(module) in ("cli", "__main__"):
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                said = "prints"
            elif isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.stdout", "sys.stderr"):
                said = f"has {ast.unparse(node)}"
            else:
                continue
            found.append(
                f"{place(path, node.lineno)} {said}: return it, or tell it to a function that the caller gives"
            )
    assert_none(found)


def test_only_data_asks_what_a_task_is_by_what_is_missing() -> None:
    assert_none(
        f"{place(path, at)}: ask the Task of the examples (prunetext.data.task) in the place of `{line.strip()}`"
        for module, path in modules().items()
        if room(module) != "data"
        for at, line in code(path)
        if WHAT_THE_TASK_IS.search(line)
    )


def test_tests_seldom_reach_into_a_module() -> None:
    places = [place(path, at) for path in python_files("tests") for at in patches(path)]
    files = Counter(each.partition(":")[0] for each in places).most_common()
    assert_none(
        f"{file} patches in {count} of {len(places)} places, where {MOST_PATCHES} are allowed in all tests: let the code "
        "take what a test must change as a parameter"
        for file, count in files
        if len(places) > MOST_PATCHES
    )


def patches(path: Path) -> list[int]:
    """Lines that change what belongs to a module or class, by a patch or by hand."""
    known = set()  # names that stand for modules
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            known |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            below = [alias for alias in node.names if f"{node.module}.{alias.name}" in modules()]
            known |= {alias.asname or alias.name for alias in below}
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in PATCHES or ast.unparse(node.func).startswith(("mock.patch", "mocker.patch")):
                found.append(node.lineno)
        elif isinstance(node, ast.Assign):
            targets = [each for each in node.targets if isinstance(each, ast.Attribute)]
            found += [node.lineno for each in targets if isinstance(each.value, ast.Name) and each.value.id in known]
    return found
