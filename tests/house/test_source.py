"""What the rules of the house rest on finds what it is to find: a rule that sees nothing is always kept."""

import ast
from pathlib import Path

from helpers.source import circles, code, definitions, functions, imports, modules

TEXT = '''"""Says TextCNN."""
from prunetext import options
from prunetext.data import task as tasks
if TYPE_CHECKING:
    import torch  # as a type
NAMES, LATER = 1, "TextCNN"  # of TextCNN
if NAMES:
    def first():
        """Says TextCNN."""
        def second(): import prunetext.cli.app
'''


def test_a_circle_is_found_wherever_one_begins() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c", "b"]]
    assert circles({"a": {"a"}}) == [["a", "a"]]
    assert circles({"a": {"b", "c"}, "b": {"c"}}) == []


def test_imports_definitions_and_code_are_found(tmp_path: Path) -> None:
    path = tmp_path / "some.py"
    path.write_text(TEXT, "utf-8")
    assert [(each.name, each.line, each.runs) for each in imports(path)] == [
        ("prunetext.options", 2, True),
        ("prunetext.data.task", 3, True),
        ("torch", 5, False),
        ("prunetext.cli.app", 10, True),
    ]
    assert {name for name, _ in definitions(path)} == {"NAMES", "LATER", "first"}
    assert [each.name for each in functions(path)] == ["first", "second"]
    assert [at for at, line in code(path) if "TextCNN" in line] == [6]
    assert dict(code(path))[6] == 'NAMES, LATER = 1, "TextCNN"  '


def test_all_modules_are_seen() -> None:
    assert {"prunetext", "prunetext.data", "prunetext.data.task", "prunetext.__main__"} <= modules().keys()
    assert all(isinstance(ast.parse(path.read_text("utf-8")), ast.Module) for path in modules().values())
