"""Who prints, who asks what a task is, and how often tests reach into a module."""

import ast
import re
from pathlib import Path

from helpers.source import ROOT, SOURCE, assert_none, code, modules, place, python_files, room, tree

# For packages that are not there (3, in sys.modules), what the system does with files (5), a clock, and the pace at
# which transformers are tuned (2), which no command can be told.
MOST_PATCHES = 11
PATCHES = {"setattr", "delattr", "setitem", "delitem"}
# Places outside `data`, `statistics`, `runtime` and the families that ask for what an example is, or what is answered.
MOST_QUESTIONS = 15
QUESTION = re.compile(r"\btask\.(texts|answer)\b|\.texts (==|!=|>)|\.answer\b(?!\()|\.tuned\b|\.several\b")
MAY_ASK = (
    "src/prunetext/data/",
    "src/prunetext/statistics/",
    "src/prunetext/runtime/",
    "src/prunetext/models/textcnn/",
)
A_PLACE = re.compile(r"[\w./-]*\w+/[\w.-]+\.(?:py|hpp|cpp|md|sh)\b")
WHAT_THE_TASK_IS = re.compile(r"\bpairs is (not )?None|label_sets is")


def test_one_module_of_the_command_line_prints_and_no_other() -> None:
    found = []
    for module, path in modules().items():
        # The first escapes what could control a terminal; the second says what is missing where the first cannot run.
        if module in ("prunetext.cli.output", "prunetext.__main__"):
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


def test_few_places_ask_what_the_task_is() -> None:
    found = [
        f"{place(path, at)} asks: `{line.strip()}`"
        for path in modules().values()
        if not place(path).startswith(MAY_ASK)
        for at, line in code(path)
        if QUESTION.search(line)
    ]
    if len(found) > MOST_QUESTIONS:
        assert_none([*found, f"{len(found)} questions, more than {MOST_QUESTIONS}: let the Task or its loss answer"])


def test_tests_seldom_reach_into_a_module() -> None:
    lines = {path: patches(path) for path in python_files("tests")}
    count = sum(map(len, lines.values()))
    assert_none(
        f"{place(path)}, lines {', '.join(map(str, found))}: of {count} patches {MOST_PATCHES} may stay. Let the code "
        "take as a parameter what a test must change"
        for path, found in sorted(lines.items(), key=lambda each: -len(each[1]))
        if found and count > MOST_PATCHES
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


def test_one_function_renames_files() -> None:
    """What a power failure must not tear is synced before it is renamed."""
    renames = {"rename", "renames", "move"}
    found = []
    for path in python_files("src"):
        for node in ast.walk(tree(path)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            on_disk = node.func.attr == "replace" and len(node.args) == 1 and not node.keywords  # a text takes two
            if on_disk or ast.unparse(node.func) in {"os.replace", "shutil.move"} or node.func.attr in renames:
                found.append(place(path, node.lineno))
    (one,) = found
    assert one.startswith("src/prunetext/runtime/writing.py"), "what syncs first renames, and nothing else"


def test_places_that_are_named_are_there() -> None:
    pages = [*python_files("src"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

    found, seen = [], 0
    for page in pages:
        places = (ROOT, ROOT / "src", SOURCE, SOURCE / "runtime" / "native", page.parent)
        for at, line in enumerate(page.read_text("utf-8").splitlines(), start=1):
            for name in A_PLACE.findall(line):
                seen += 1
                if not any((each / name).exists() for each in places):
                    found.append(f"{place(page, at)}: there is no {name}. Name the place that is meant")
    assert seen > 50
    assert_none(found)
