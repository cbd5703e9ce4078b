"""The plan of the house: imports point down, in no circle; some rooms do without torch, some know no family."""

import re
import subprocess
import sys
from functools import cache

from helpers.source import SOURCE, assert_none, circles, code, modules, own_imports, place, room, within
from helpers.source import imports as imports_of

# From the bottom up; a room may import those before it. `options` holds plain dataclasses, `runtime` does without them.
LAYERS = (
    "errors",
    "runtime",
    "options",
    "data",
    "statistics",
    "models",
    "training",
    "pruning",
    "peers",
    "modelfiles",
    "teaching",
    "judging",
    "fitting",
    "comparison",
    "benchmarking",
    "reporting",
    "cli",
)
TOP = ("__init__", "__main__")
MOST_MODULES, MOST_ARROWS, MOST_FLOORS = 8, 100, 12
TORCH_FREE = ("runtime", "statistics", "scaling", "serving")
BRING_TORCH = ("torch", "safetensors.torch", "transformers", "sentence_transformers")
FAMILY_BLIND = ("pruning", "training")
OF_ONE_FAMILY = re.compile(r"TextCNN|\bembedding\b|\bremap\b|\.bits\b")


def test_imports_point_down() -> None:
    order = {name: height for height, name in enumerate(LAYERS)} | dict.fromkeys(TOP, len(LAYERS))
    assert len(modules()) > len(LAYERS)
    found = []
    for name, path in modules().items():
        if room(name) not in order:
            found.append(f"{place(path)}: give `{room(name)}` a place in LAYERS of {__file__}")
            continue
        for each in own_imports(path):
            if room(each.name) not in order:
                found.append(f"{place(path, each.line)} imports {each.name}: give it a place in LAYERS, or correct it")
            elif order[room(each.name)] > order[room(name)]:
                found.append(
                    f"{place(path, each.line)} imports {each.name}, which lies above it. Move what it needs down, or "
                    "let its caller pass it"
                )
    assert_none(found)


def test_no_imports_go_in_a_circle() -> None:
    arrows = {name: {each.name for each in own_imports(path)} - {name} for name, path in modules().items()}
    assert_none(
        f"{' → '.join(circle)}: move what both need into a module of its own below them" for circle in circles(arrows)
    )


def test_rooms_are_few_and_so_are_the_arrows_between_them() -> None:
    arrows: dict[str, set[str]] = {}
    for name, path in modules().items():
        arrows.setdefault(room(name), set()).update(room(each.name) for each in own_imports(path))
    arrows = {name: targets - {name, "__init__"} for name, targets in arrows.items() if name != "__init__"}

    @cache
    def floor(name: str) -> int:
        return 1 + max(map(floor, arrows[name]), default=0)

    found = [f"{' → '.join(circle)}: a circle of rooms, in which nothing is first" for circle in circles(arrows)]
    assert_none(found)
    count, most = sum(map(len, arrows.values())), max(arrows, key=lambda name: len(arrows[name]))
    if count > MOST_ARROWS:
        found.append(
            f"{count} arrows between rooms, more than {MOST_ARROWS}, most from {most}: let it ask fewer others"
        )
    highest = max(map(floor, arrows))
    if highest > MOST_FLOORS:
        tower = [next(name for name in arrows if floor(name) == highest)]
        while arrows[tower[-1]]:
            tower.append(max(arrows[tower[-1]], key=floor))
        found.append(f"{highest} floors, more than {MOST_FLOORS}: {' on '.join(tower)}. Cut one of these arrows")
    direct = sorted(path.name for path in SOURCE.glob("*.py"))
    if len(direct) > MOST_MODULES:
        found.append(f"{', '.join(direct)} stand directly in {place(SOURCE)}: give all but {MOST_MODULES} a room")
    assert_none(found)


def test_some_rooms_import_nothing_that_brings_torch() -> None:
    found = []
    for name in within(*TORCH_FREE):
        ways, seen = [[name]], {name}
        while ways:
            way = ways.pop()
            for each in imports_of(modules()[way[-1]]):
                if not each.runs or each.name in seen:
                    continue
                if each.name.startswith(BRING_TORCH):
                    where = place(modules()[way[-1]], each.line)
                    found.append(f"{where} imports {each.name}, and {' → '.join(way)}: move what needs it to models/")
                elif each.name in modules():
                    seen.add(each.name)
                    ways.append([*way, each.name])
    assert_none(found)


def test_some_rooms_can_be_imported_where_there_is_no_torch() -> None:
    names = list(within(*TORCH_FREE))
    assert len(names) > 5
    code = f"import sys\nsys.modules['torch'] = None\nfrom importlib import import_module\nfor name in {names}:\n"
    code += "    try:\n        import_module(name)\n    except ImportError as error:\n        print(name, error)\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "", f"{done.stdout}: do without torch there, or import it in the function that needs it"


def test_training_and_pruning_know_no_family_of_models() -> None:
    families = tuple(f"prunetext.models.{each.name}" for each in (SOURCE / "models").iterdir() if each.is_dir())
    assert "prunetext.models.textcnn" in families
    found = []
    for path in within(*FAMILY_BLIND).values():
        found += [
            f"{place(path, each.line)} imports {each.name}: ask prunetext.models.protocol for it"
            for each in own_imports(path)
            if each.name.startswith(families)
        ]
        found += [
            f"{place(path, at)} speaks of one family, `{word.group()}`: let the model say it by its protocol"
            for at, line in code(path)
            for word in OF_ONE_FAMILY.finditer(line)
        ]
    assert_none(found)
