"""Files and functions stay as short as one reads at a time."""

import re

from helpers.source import ROOT, assert_none, functions, place, python_files

MOST_PYTHON, MOST_CPP, MOST_FUNCTION = 300, 350, 60  # lines
FOLDERS = ("src", "tests", "scripts", "benchmarks", "fuzz", "examples")
GENERATED = re.compile(r"scripts/\w+\.py")  # named at its top, where it says what to run instead of editing


def test_python_files_are_short() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in python_files(*FOLDERS)}
    assert_none(
        f"{place(path)} has {lines} lines, more than {MOST_PYTHON}: split it by subject"
        for path, lines in lengths.items()
        if lines > MOST_PYTHON
    )


def test_cpp_files_are_short() -> None:
    paths = [path for folder in ("src", "fuzz") for path in sorted((ROOT / folder).rglob("*.?pp"))]
    paths += sorted((ROOT / "src").rglob("*.inc"))
    assert len(paths) > 10
    found = []
    for path in paths:
        lines = path.read_text("utf-8").splitlines()
        if len(lines) > MOST_CPP and not GENERATED.search("\n".join(lines[:2])):
            found.append(f"{place(path)} has {len(lines)} lines, more than {MOST_CPP}: split it by subject")
    assert_none(found)


def test_functions_are_short() -> None:
    found = []
    for path in python_files(*FOLDERS):
        for each in functions(path):
            lines = (each.end_lineno or each.lineno) - each.lineno + 1
            if lines > MOST_FUNCTION:
                found.append(f"{place(path, each.lineno)}: {each.name} has {lines} lines: give its parts names")
    assert_none(found)
