"""Every module can be imported, every public name is what it says, and imports point down."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path
from types import ModuleType

import prunetext

# From the bottom up; a unit may import those before it. `config` holds plain dataclasses, `runtime` does without them.
LAYERS = (
    "errors",
    "runtime",
    "options",
    "data",
    "statistics",
    "models",
    "training",
    "pruning",
    "modelfiles",
    "teaching",
    "judging",
    "fitting",
    "peers",
    "comparison",
    "benchmarking",
    "cli",
)
TOP = ("__init__", "__main__")
PACKAGE = Path(prunetext.__file__).parent


def test_every_submodule_is_imported_and_then_every_public_name_is_its_object() -> None:
    # In this order: a module of the name of a public function would by now stand in the function's place.
    for module in pkgutil.walk_packages([str(PACKAGE)], "prunetext."):
        importlib.import_module(module.name)
    assert {"fit", "load", "read"} <= set(prunetext.__all__)
    for name in prunetext.__all__:
        public = getattr(prunetext, name)
        assert not isinstance(public, ModuleType), f"prunetext.{name} is a module"
        assert public is getattr(prunetext, name)
        if inspect.isclass(public) or inspect.isroutine(public):
            assert public.__name__ == name
            assert inspect.getdoc(public), f"prunetext.{name} has no docstring"


def test_listed_names_are_those_of_dir() -> None:
    assert set(prunetext.__all__) <= set(dir(prunetext))


def test_imports_point_down() -> None:
    order = {name: height for height, name in enumerate(LAYERS)} | dict.fromkeys(TOP, len(LAYERS))
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > len(LAYERS)
    for file in files:
        unit = unit_of(("prunetext", *file.relative_to(PACKAGE).with_suffix("").parts))
        assert unit in order, f"{file.relative_to(PACKAGE)}: give `{unit}` a place in LAYERS"
        for imported in imported_modules(file):
            below = unit_of(tuple(imported.split(".")))
            assert below in order, f"{unit} imports {imported}: give `{below}` a place in LAYERS"
            assert order[below] <= order[unit], f"{file.relative_to(PACKAGE)} imports {imported}, which lies above it"


def unit_of(module: tuple[str, ...]) -> str:
    return module[1] if len(module) > 1 else "__init__"


def imported_modules(file: Path) -> set[str]:
    """Full names of all modules of prunetext that the file imports anywhere, be it in a function."""
    here = ("prunetext", *file.relative_to(PACKAGE).parts)
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = list(here[: -node.level]) if node.level else []
            module = ".".join(start + ([node.module] if node.module else []))
            # `from prunetext import cli` imports a submodule; deeper names, module or not, are of the same unit.
            found |= {f"{module}.{alias.name}" for alias in node.names} if module == "prunetext" else {module}
    return {name for name in found if name.split(".")[0] == "prunetext"}
