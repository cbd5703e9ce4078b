"""The files of a run: their names, which of them a run wrote, and how they are read and put into place."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from prunetext.errors import DamagedError, RunError
from prunetext.modelfiles.header import PACKED_MODELS, packed_in
from prunetext.runtime.classifier import cascade_folder
from prunetext.runtime.states import checksum_of, discard_damaged, read_state
from prunetext.runtime.writing import into_place, new_file, write_whole

WORK = "unfinished"  # folder inside that of the run; it holds no finished model
RECIPE, RESULT, LOCK, PART = "recipe.json", "result.json", "lock", "{}.part"
RUN_FORMAT, OLD_RUN = "prunetext-run/2", "prunetext-run/1"  # the old one has no checksums
SOURCE, HISTORY, STEPS_FOLDER, SENSITIVITY = "source.json", "history.jsonl", "steps", "sensitivity.jsonl"
BELIEFS = "beliefs.safetensors"  # labels that a model which taught itself was sure of; not every run has them
DENSE_MODEL, PRUNED_MODEL = "dense.safetensors", "pruned.safetensors"
TIMES = "times.json"  # what a run with a speed in its budget has measured, where its family measures parts
SEARCHED_MODEL = "searched.safetensors"  # the dense model that was pruned, where the final one has learnt dev, too
KEPT = (RECIPE, SOURCE, DENSE_MODEL, PRUNED_MODEL, HISTORY, RESULT)
NOT_IN_EVERY_RUN = (BELIEFS, SEARCHED_MODEL, TIMES, *PACKED_MODELS)
TOGETHER = "files"  # in the result: the checksum of each of the files that belong to it

SCRATCH = "measured.safetensors"  # a packed file, to be asked
_SCRATCH = ("dense.checkpoint", SCRATCH, "compared.safetensors", LOCK)
_OWN = "|".join(map(re.escape, (*KEPT, *NOT_IN_EVERY_RUN, *_SCRATCH)))
_STEP = r"[\w-]+\.(safetensors|checkpoint)"
OWN_FILE = re.compile(rf"({_OWN})(\.part)?|\.({_OWN})\.(\d+\.)?partial")
STEP_FILE = re.compile(rf"{_STEP}(\.part)?|\.{_STEP}\.partial")


def refuse_link(folder: Path) -> None:
    """Refuse to work in a folder that is a link, or no folder: what is behind it is somebody else's."""
    if folder.is_symlink():
        raise RunError(f"{folder} is a link to another place. Remove the link, or give another --out.")
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is not a folder. Remove it, or give another --out.")


def foreign(work: Path) -> list[str]:
    """What lies in the folder of an unfinished run, but was written by no run."""
    if not work.is_dir():
        return []
    return sorted(
        each.name
        for each in work.iterdir()
        if not (OWN_FILE.fullmatch(each.name) or (each.name == STEPS_FOLDER and not each.is_symlink()))
    )


def clear(work: Path, but: Iterable[str] = ()) -> None:
    """Delete what a run writes into its folder, but for some names; links are not followed, other files stay."""
    kept = set(but)
    steps = work / STEPS_FOLDER
    if STEPS_FOLDER not in kept and steps.is_dir() and not steps.is_symlink():
        delete(each for each in steps.iterdir() if STEP_FILE.fullmatch(each.name))
        if not any(steps.iterdir()):
            steps.rmdir()
    delete(each for each in work.iterdir() if OWN_FILE.fullmatch(each.name) and each.name not in kept)


def delete(paths: Iterable[Path]) -> None:
    """Delete files and links, but no folders."""
    for each in list(paths):
        if each.is_symlink() or not each.is_dir():
            each.unlink(missing_ok=True)


def remove(work: Path) -> None:
    """Delete the folder of a run that has ended; the result goes last, by which the rest of a kill is known."""
    clear(work, but=(RESULT, LOCK))
    clear(work)
    if not any(work.iterdir()):
        work.rmdir()


def is_left_over(own: Path, work: Path) -> bool:
    """Whether `work` is what a kill has left of a run that had ended in `own`."""
    if not (own / RESULT).is_file() or not work.is_dir() or foreign(work):
        return False
    left = {each.name for each in work.iterdir()}
    if left <= {LOCK}:
        return True
    return RESULT in left and (work / RESULT).read_bytes() == (own / RESULT).read_bytes()


def discard_damaged_parts(work: Path) -> list[str]:
    """Delete the damaged tensors of an unfinished run; give a note on each."""
    parts = [each for each in work.iterdir() if each.suffix in (".safetensors", ".checkpoint")]
    steps = work / STEPS_FOLDER
    if steps.is_dir():
        parts += [each for each in steps.iterdir() if STEP_FILE.fullmatch(each.name)]
    scratch = ("model.safetensors", "measured.safetensors", "compared.safetensors")  # written anew before they are read
    found = {
        each: discard_damaged(each)
        for each in sorted(parts)
        if each.name not in scratch and not each.name.startswith(".") and each.suffix != ".part"
    }
    return [remade(work.parent, path, reason) for path, reason in found.items() if reason is not None]


def remade(folder: Path, path: Path, reason: str) -> str:
    """The note on a damaged part.

    >>> remade(Path("runs/a"), Path("runs/a/unfinished/dense.checkpoint"), "its checksum does not match")
    'unfinished/dense.checkpoint was damaged (its checksum does not match); it is made again where it is needed.'
    """
    return f"{path.relative_to(folder)} was damaged ({reason}); it is made again where it is needed."


def read_json(folder: Path, name: str, *, old: bool = False) -> dict[str, Any]:
    """Read one of the small files of a finished run; RunError if it is missing or damaged.

    old: whether the run is one of an earlier version, which wrote no checksums.
    """
    if cascade_folder(folder) is not None:
        raise RunError(f"{folder} holds a cascade, not a run. Give one of the two runs that it was made of.")
    try:
        return read_state(folder / name, old="" if old else OLD_RUN)
    except (FileNotFoundError, NotADirectoryError):
        raise no_run(folder, name) from None
    except DamagedError as error:
        if not folder.is_dir():
            raise no_run(folder, name) from None
        raise RunError(
            f"{folder / name}: this part of the run is damaged ({error.reason}). Repeat the run with --overwrite."
        ) from None


def no_run(folder: Path, name: str) -> RunError:
    """The error for a folder without this file."""
    return RunError(f"{folder} holds no finished run: its {name} is missing. Give the --out of a fit.")


def packed_path(folder: Path) -> Path:
    """The packed file of a run, which may be missing."""
    return packed_in(folder)


def run_recipe(folder: Path) -> dict[str, Any] | None:
    """A folder's recipe, if it is one of prunetext."""
    try:
        recipe = read_state(folder / RECIPE, old=OLD_RUN)
    except (OSError, DamagedError):
        return None
    return recipe if recipe.get("format") in (RUN_FORMAT, OLD_RUN) else None


def is_run(folder: Path) -> bool:
    """Whether a folder holds a finished run, or one of which a part is damaged."""
    if run_recipe(folder) is not None:
        return True
    try:
        return TOGETHER in read_state(folder / RESULT)
    except (OSError, DamagedError):
        return False


def is_made(folder: Path, recipe: Mapping[str, Any]) -> bool:
    """Whether a folder holds a finished run of this recipe."""
    finished = (folder / RESULT).is_file() and (folder / RECIPE).is_file() and not (folder / WORK).exists()
    return finished and changed_since(folder, recipe) is None


def changed_since(folder: Path, recipe: Mapping[str, Any]) -> str | None:
    """The first key with another value in this folder's unfinished run; None without such a run."""
    before, now = run_recipe(folder), json.loads(json.dumps({"format": RUN_FORMAT, **recipe}))
    if before is None:
        return None
    return next((key for key in {**now, **before} if before.get(key) != now.get(key)), None)


def belonging(folder: Path) -> dict[str, str]:
    """The checksums of the files that belong to a result."""
    names = (*(name for name in KEPT if name != RESULT), *NOT_IN_EVERY_RUN)
    return {name: checksum_of(folder / name) for name in names if (folder / name).exists()}


def refuse_mixed(folder: Path, *names: str) -> None:
    """RunError if one of these files is missing, or does not belong to the folder's result."""
    together = read_json(folder, RESULT).get(TOGETHER)
    for name in names:
        if not (folder / name).is_file():
            raise no_run(folder, name)
        if not isinstance(together, dict) or checksum_of(folder / name) != together.get(name):
            raise RunError(f"{folder / name} is damaged, or belongs to another run. Repeat the run with --overwrite.")


def write_rows(path: Path, rows: Iterable[dict[str, Any]], indent: int | None = None) -> None:
    """Write rows of JSON."""
    text = "".join(json.dumps(row, ensure_ascii=False, indent=indent) + "\n" for row in rows)
    write_whole(path, text.encode("utf-8", "backslashreplace"))


def place(source: Path, target: Path) -> None:
    """Give a file a second name, in place of what has that name: a run killed here still has all its files."""
    beside = target.with_name(PART.format(target.name))
    beside.unlink(missing_ok=True)
    link(source, beside)
    into_place(beside, target)
    beside.unlink(missing_ok=True)  # renaming a file to another name of the same file does nothing


def link(source: Path, target: Path) -> None:
    """A second name for a file, or a copy of it."""
    try:
        os.link(source, target)
    except OSError:  # not every file system has hard links
        with source.open("rb") as old, new_file(target, private=True) as new:
            shutil.copyfileobj(old, new)
