"""The folder of a cascade, written beside its place and then renamed: the old or the new one is always whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from prunetext.errors import InputError, RunError
from prunetext.fitting.parts import RESULT, delete, refuse_link, write_rows
from prunetext.runtime import _native
from prunetext.runtime.cascade_files import FIRST_FILE, LARGEST_CASCADE, SECOND_FILE
from prunetext.runtime.classifier import CASCADE_FILE
from prunetext.runtime.states import write_state
from prunetext.runtime.writing import PRIVATE_FOLDER, folder_into_place, new_file, partial_of, sync

CURVE_FILE = "curve.jsonl"
OF_CASCADE = frozenset({CASCADE_FILE, FIRST_FILE, SECOND_FILE, RESULT, CURVE_FILE})


def refuse_target(out: Path, *, overwrite: bool) -> None:
    """Refuse a place that is no folder, or holds anything but a cascade that may be replaced."""
    if not out.name:
        raise InputError(f"out is {str(out)!r}. Give a new folder a name, such as both.")
    refuse_link(out)
    if (former := former_of(out)).is_dir() and not out.exists():
        folder_into_place(former, out, former)  # a kill came between the two names
    if (above := next(each for each in (out, *out.parents) if each.exists())) != out:
        if not above.is_dir():
            raise RunError(f"{above} is a file. Give a folder as --out.")
        return
    names = {each.name for each in out.iterdir()}
    if CASCADE_FILE in names and not foreign_to_cascade(out):
        if not overwrite:
            raise RunError(f"{out} holds a cascade. Give another --out, or --overwrite to replace it.")
    elif names:
        raise RunError(f"{out} holds files but no cascade. Give an empty or a new folder as --out.")


def write_cascade(
    out: Path,
    description: Mapping[str, Any],
    parts: Mapping[str, Path],
    result: Mapping[str, Any],
    curve: Iterable[dict[str, Any]],
) -> None:
    """Write a cascade; parts: the files of both models, by `first` and `second`.

    write_cascade(Path("runs/both"), {"format": "prunetext-cascade/1", …}, {"first": …, "second": …}, result, curve)
    """
    beside, former = partial_of(out), former_of(out)
    for each in (beside, former):
        empty(each)
    beside.mkdir(PRIVATE_FOLDER, parents=True)
    said = {}
    for name, file in (("first", FIRST_FILE), ("second", SECOND_FILE)):
        data = parts[name].read_bytes()
        said[name] = {"bytes": len(data), "checksum": _native.checksum(data)}
        with new_file(beside / file, private=True) as new:
            new.write(data)
        sync(beside / file)
    write_rows(beside / CURVE_FILE, curve)
    write_state(beside / RESULT, result)
    write_state(beside / CASCADE_FILE, {**description, **said})
    if (size := (beside / CASCADE_FILE).stat().st_size) > LARGEST_CASCADE:
        empty(beside)
        raise InputError(
            f"{out}: its labels take {size:,} bytes, and a cascade's description has room for {LARGEST_CASCADE:,}. "
            "Give shorter names to the labels."
        )
    folder_into_place(beside, out, former)
    empty(former)


def former_of(out: Path) -> Path:
    """The name of a cascade that is being replaced.

    >>> former_of(Path("runs/both")).name
    '.both.former'
    """
    return out.with_name(f".{out.name}.former")


def foreign_to_cascade(folder: Path) -> list[str]:
    """What lies in a folder, but belongs to no cascade."""
    return sorted(
        each.name for each in folder.iterdir() if each.name.strip(".").removesuffix(".partial") not in OF_CASCADE
    )


def empty(folder: Path) -> None:
    """Delete a cascade that is not, or no longer, in its place; `RunError` for what is somebody else's."""
    refuse_link(folder)
    if not folder.exists():
        return
    if unknown := foreign_to_cascade(folder):
        raise RunError(f"{folder} holds {unknown[0]}, which is no part of a cascade. Remove it, or give another --out.")
    delete(folder.iterdir())
    folder.rmdir()
