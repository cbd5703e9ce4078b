"""A name means one thing and stands where one looks for it."""

import ast
import importlib
import inspect
import pkgutil
from collections import defaultdict
from pathlib import Path
from types import ModuleType

import prunetext
from helpers.source import FUNCTION, ROOT, SOURCE, assert_none, definitions, modules, place, python_files, room

PACKAGE = Path(prunetext.__file__).parent
MAY_BE_TWICE = {"main", "TYPE_CHECKING"}
WITHOUT_A_ROOM = {"house", "helpers"}  # of tests


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


def test_a_public_function_stands_in_the_api_of_a_folder() -> None:
    found = []
    for name in prunetext.__all__:
        if name.islower():
            home = getattr(prunetext, name).__module__
            if home.split(".")[2:] != ["api"]:
                found.append(f"{home}.{name}: define it in the api.py of the folder that the work belongs to")
    assert_none(found)


def test_no_public_name_is_defined_twice() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for module, path in modules().items():
        for name in dict(definitions(path)):
            if not name.startswith("_") and name not in MAY_BE_TWICE and not is_command(module, path, name):
                homes[name].append(place(path, dict(definitions(path))[name].lineno))
    assert len(homes) > 300
    assert_none(
        f"{name} is defined in {' and '.join(places)}: give each thing its own name, or a leading _ to what is inside"
        for name, places in sorted(homes.items())
        if len(places) > 1
    )


def is_command(module: str, path: Path, name: str) -> bool:
    """A command bears the name of the function that it calls."""
    node = dict(definitions(path))[name]
    if room(module) != "cli" or not isinstance(node, FUNCTION) or name not in prunetext.__all__:
        return False
    return any("command" in ast.unparse(each) for each in node.decorator_list)


def test_the_tests_lie_where_what_they_test_lies() -> None:
    found = []
    for path in python_files("tests"):
        folder = path.parent.relative_to(ROOT / "tests")
        free = folder == Path() or folder.parts[0] in WITHOUT_A_ROOM or not path.name.startswith("test_")
        if not free and not (SOURCE / folder).is_dir():
            found.append(f"{place(path)}: there is no src/prunetext/{folder}. Move it to the folder of what it tests")
    assert_none(found)
