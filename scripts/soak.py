"""Damage files of every kind that prunetext reads as its own, and see that each copy is refused or made again.

    python scripts/soak.py 1000000

Model files (packed and float), steps, checkpoints, cached answers, results, recipes and sources of small runs are
damaged in seeded random ways. Half of the copies get the checksum that they should have: they may be used. Of the
others, one may only be used if no byte changed: else the change was silent. Exits with 1 after a silent change, a
refusal of a whole file, or an error that is not one sentence; the copy then lies at the path that is printed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import damage_test
import numpy as np
import torch

import prunetext
from prunetext.data.dataset import Data, Examples
from prunetext.errors import InputError
from prunetext.fitting.earlier import read_earlier
from prunetext.fitting.parts import RECIPE, RESULT, SOURCE, STEPS_FOLDER, belonging, read_json
from prunetext.modelfiles.opening import answers_of_float
from prunetext.modelfiles.trained import read_trained
from prunetext.models.protocol import Model, Rates
from prunetext.pruning.store import Store
from prunetext.runtime import _native
from prunetext.runtime.states import BLANK_CHECKSUM, read_state, write_state
from prunetext.teaching.cache import cached
from prunetext.training.checkpoint import Checkpoint

ROOM = 1 << 30  # bytes that a process may take beyond those that it has
PATIENCE = 60  # seconds for one copy
PART = 1_000  # copies that one process takes at a time
CLASSES = ("dull", "good")
OPTIONS: dict[str, Any] = {
    "teacher": "none",
    "dimensions": 6,
    "filters": 4,
    "widths": "1,2",
    "epochs": 2.0,
    "max_drop": 20.0,
}
RATES = Rates(1e-3, 4e-3, 0.0, None)


class StoppedError(Exception):
    """Stands for a kill."""


class RefusedError(InputError):
    """Stands for a file that was deleted, to be made again."""


class Kind(NamedTuple):
    """A kind of file: whole ones, where a copy must lie, and how it is used; InputError if it is refused."""

    name: str
    files: Sequence[bytes]
    place: Path
    use: Callable[[Path], object]


def toy(count: int, seed: int) -> Examples:
    """Texts whose label follows from their words."""
    draw = random.Random(seed)
    texts, labels = [], []
    for number in range(count):
        own = [draw.choice("abcdefghij") + str(number % 2) for _ in range(6)] + [
            draw.choice("uvwxyz") for _ in range(4)
        ]
        texts.append(" ".join(own))
        labels.append(CLASSES[number % 2])
    return Examples(texts, labels)


def make(folder: Path) -> list[Kind]:
    """Small runs, and the kinds of files that they leave."""
    data = Data(toy(200, 0), toy(60, 1), toy(60, 2))
    stopped, whole = folder / "stopped", folder / "whole"

    def stop(stage: str, now: Any) -> None:
        if stage == "step 1" and now.done == 2:
            raise StoppedError

    effort = prunetext_effort()
    with suppress(StoppedError):
        prunetext.fit(data, out=stopped, progress=stop, effort=effort, **OPTIONS)
    prunetext.fit(data, out=whole, **OPTIONS)
    checkpoints = list((stopped / "unfinished" / STEPS_FOLDER).glob("*.checkpoint"))
    steps = sorted((whole / STEPS_FOLDER).glob("*.safetensors"))
    assert checkpoints
    assert steps
    dense = read_trained(whole / "dense.safetensors").model
    small = Store(steps[0].parent, dense).load(checkpoints[0].stem)  # the model that this training makes
    answers, key = folder / "cache" / "answers", "teacher"
    cached(key, data.train.texts, len(CLASSES), lambda some: np.ones((len(some), len(CLASSES)), np.float32))
    (answer,) = answers.iterdir()
    texts = data.train.texts

    def again(some: Sequence[Any]) -> Any:
        raise RefusedError("the teacher is asked again")

    def kind(name: str, files: Sequence[Path], use: Callable[[Path], object], place: Path | None = None) -> Kind:
        return Kind(name, [each.read_bytes() for each in files], place or folder / name, use)

    (folder / "steps").mkdir()
    run = folder / "run"
    run.mkdir()
    for each in whole.iterdir():
        if each.is_file():
            (run / each.name).write_bytes(each.read_bytes())
    return [
        kind("packed", [whole / "model.safetensors", *packed_models(folder)], damage_test.use),
        kind("float", [whole / "dense.safetensors", whole / "pruned.safetensors"], use_float),
        kind("step", steps, lambda path: use_step(path, dense), folder / "steps" / "a.safetensors"),
        kind("checkpoint", checkpoints, lambda path: use_checkpoint(path, small)),
        kind("cache", [answer], lambda path: cached(key, texts, len(CLASSES), again), answer),
        kind("result", [whole / RESULT], lambda path: read_json(run, RESULT), run / RESULT),
        kind("recipe", [whole / RECIPE], lambda path: use_run(run), run / RECIPE),
        kind("source", [whole / SOURCE], lambda path: use_run(run), run / SOURCE),
    ]


def prunetext_effort() -> Any:
    """Checkpoints after every step."""
    from prunetext.fitting.effort import Effort

    return Effort(training={"checkpoint_seconds": -1.0})


def packed_models(folder: Path) -> list[Path]:
    """Packed files of pairs, of several labels, and with coded tensors."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))
    import make_seeds

    from prunetext.runtime import format as packed

    make_tensors, paths = make_seeds.tests_module("conftest").make_tensors, []
    for name in ("pairs", "several", "mixed", "gaps", "reject"):
        paths.append(folder / f"{name}.safetensors")
        packed.write(paths[-1], *make_tensors(**make_seeds.SHAPES[name]))
    return paths


def use_float(path: Path) -> None:
    """Read a float model, look into it, and let it label texts."""
    prunetext.inspect(path, words=3)
    found = read_trained(path)
    assert answers_of_float(found, ["a0 b0 c1", ""]).probabilities.shape == (2, len(found.labels))


def use_step(path: Path, like: Model) -> None:
    """Take a step of a search from a folder."""
    store = Store(path.parent, like)
    if path.stem not in store:
        raise RefusedError("the step is made again")
    store.load(path.stem)(torch.zeros(1, 3).long())
    with suppress(InputError):
        store.outcome(path.stem)


def use_checkpoint(path: Path, model: Model) -> None:
    """Go on from a checkpoint."""
    state = Checkpoint(path, model, model.optimizers(RATES))
    state.restore()
    if not path.exists():
        raise RefusedError("the training begins anew")
    model(torch.zeros(1, 3).long())


def use_run(folder: Path) -> None:
    """Read a finished run whose files belong together, but for a changed one."""
    read_state(folder / RECIPE), read_state(folder / SOURCE)
    with suppress(InputError, OSError):
        result = read_state(folder / RESULT)
        write_state(folder / RESULT, {**result, "files": belonging(folder)})
    read_earlier(folder, {"max_size": "3kB"})


def resealed(data: bytes, draw: random.Random, files: Sequence[bytes]) -> bytes:
    """A damaged copy under a right checksum."""
    start = b'{\n "checksum": "'
    if not data.startswith(start):
        return damage_test.resealed_damage(data, draw, list(files))
    rest = damage_test.damage(data[len(start) + len(BLANK_CHECKSUM) :], draw, list(files))
    digits = _native.checksum(start + BLANK_CHECKSUM.encode() + rest)
    return start + digits.encode() + rest


def begin(folder: Path) -> list[Kind]:
    """Make the files, use each whole one, and let the process take little more memory than it has."""
    os.environ["PRUNETEXT_CACHE"] = str(folder / "cache")
    kinds = make(folder)
    for kind in kinds:
        for data in kind.files:
            kind.place.write_bytes(data)
            kind.use(kind.place)
    taken = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, taken + ROOM))
    return kinds


def soak(kinds: Sequence[Kind], copies: int, seed: int) -> tuple[Counter[str], str]:
    """Damage so many copies; the counts by kind and fate, and what went wrong."""
    draw, counts = random.Random(seed), Counter[str]()
    for number in range(copies):
        kind = kinds[number % len(kinds)]
        data, sealed = draw.choice(kind.files), draw.random() < 0.5
        copy = (resealed if sealed else damage_test.damage)(data, draw, list(kind.files))
        kind.place.unlink(missing_ok=True)
        kind.place.write_bytes(copy)
        signal.alarm(PATIENCE)
        try:
            kind.use(kind.place)
        except InputError as error:
            counts[f"{kind.name} refused"] += 1
            wrong = "a whole file was refused" if copy == data else ""
            wrong = wrong or ("its message is no sentence" if "\n" in str(error) else "")
        except Exception:
            wrong = traceback.format_exc()
        else:
            counts[f"{kind.name} {'unchanged' if copy in kind.files else 'used' if sealed else 'SILENT'}"] += 1
            wrong = "" if copy in kind.files or sealed else "a change was silent"
        signal.alarm(0)
        if wrong:
            kept = Path(tempfile.gettempdir(), f"soak-{kind.name}-{seed}-{number}")
            kept.write_bytes(copy)
            return counts, f"{kind.name}, copy {number} of seed {seed} ({kept}): {wrong}"
        if kind.name in ("result", "recipe", "source"):  # they are read together
            kind.place.write_bytes(data)
    return counts, ""


MADE: list[Kind] = []  # by a process, for all its parts


def part(task: tuple[int, int, str]) -> tuple[Counter[str], str]:
    """A part of the copies, with a seed of its own."""
    copies, seed, folder = task
    if not MADE:
        MADE.extend(begin(Path(tempfile.mkdtemp(dir=folder))))
    return soak(MADE, copies, seed)


def main() -> int:
    """Share the copies out over the cores; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("copies", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    began, counts, found = time.monotonic(), Counter[str](), []
    memory = Path("/dev/shm")  # where it exists, a file costs no disk
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        starts = range(0, arguments.copies, PART)
        tasks = [(min(PART, arguments.copies - at), arguments.seed + at, folder) for at in starts]
        processes = min(arguments.processes, len(tasks))
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            for done, (own, wrong) in enumerate(pool.imap_unordered(part, tasks), start=1):
                counts += own
                found += [wrong] if wrong else []
                if done % 20 == 0:
                    print(f"{counts.total():,} copies, {len(found)} findings", flush=True)
    print(f"{counts.total():,} copies in {time.monotonic() - began:.0f} s")
    print(json.dumps(dict(sorted(counts.items())), indent=1))
    print("\n".join(found) or "none was used with a silent change, and every refusal is a sentence")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
