"""What the name of a source stands for on this machine, whole or split by split."""

from __future__ import annotations

import os
import re
from glob import glob
from pathlib import Path
from typing import Any

from prunetext.data.files import SourceFile
from prunetext.data.folders import (
    SPLIT_NAMES,
    folder_parts,
    folder_shards,
    folder_splits,
    in_order,
    not_empty,
    refuse_mixed_splits,
)
from prunetext.data.formats.registry import LINES, stem_of
from prunetext.data.formats.tables import as_frame
from prunetext.data.parts import KNOWN_ENDINGS, SAMPLE, Opening, Reading, SampleCorpus, Source
from prunetext.errors import DataError, InputError

_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def whole_source(source: Any, opening: Opening) -> Source:
    """The whole of a source, without regard to splits."""
    if (frame := as_frame(source)) is not None:
        return Source(str(frame), [frame])
    name = _checked(source)
    if name.startswith(SAMPLE):
        return Source(name, [SampleCorpus(name.removeprefix(SAMPLE))])
    path = Path(name)
    with Reading(name):
        parts = folder_parts(path, opening) if path.is_dir() else _files(path, opening)
        refuse_mixed_splits(name, [part.path for part in parts if isinstance(part, SourceFile) and part.path])
        return Source(name, parts)


def splits_of(source: Any, opening: Opening) -> dict[str, Source]:
    """Each split of a source: only train, unless it is a folder with a train file, or a train folder, in it."""
    folder = _folder(source)
    if folder is None:
        return {"train": whole_source(source, opening)}
    found = folder_splits(folder, opening)
    if found and "train" not in found:
        raise DataError(
            source,
            f"the folder has a {next(iter(found))} split, but no train file. "
            f"Name the training file train, with the ending {KNOWN_ENDINGS}.",
        )
    return found or {"train": whole_source(source, opening)}


def split_of(source: Any, split: str | None, opening: Opening) -> Source:
    """One split of a folder of splits, by default test, or the whole of any other source."""
    if split is not None and split not in SPLIT_NAMES:
        raise InputError(f"split is {split!r}: it must be {', '.join(SPLIT_NAMES)}.")
    folder = _folder(source)
    found = {} if folder is None else folder_splits(folder, opening)
    if not found:
        if split is not None:
            raise DataError(source, f"this is not a folder with a {split} file. Leave --split out.")
        return whole_source(source, opening)
    name = split or "test"
    if name not in found:
        raise DataError(
            source, f"the folder has no {name} file. Choose --split {' or --split '.join(found)}, or give a file."
        )
    return found[name]


def holds_splits(source: Any) -> bool:
    """Tell whether the source is a folder with files or folders named train, dev or test."""
    folder = _folder(source)
    return folder is not None and bool(folder_splits(folder, Opening()))


def split_names(source: Any) -> list[str]:
    """The splits that a folder has; none for any other source."""
    folder = _folder(source)
    return [] if folder is None else list(folder_splits(folder, Opening()))


def files_of(source: Any, opening: Opening, what: str) -> list[SourceFile]:
    """The files of texts without labels: a file, a folder or a pattern of shards, or - for standard input."""
    if isinstance(source, str) and not source:
        raise InputError("The source of the texts is an empty name. Give a file, or - for standard input.")
    name = _checked(source)
    if name == "-":
        return [SourceFile(None, opening.format or LINES, opening.encoding, opening.quoting)]
    path = Path(name)
    with Reading(name):
        if path.is_dir():
            return folder_shards(
                path, opening, f"this folder does not hold files of one format. Give a file with a {what} a line"
            )
        if not path.exists() and any(mark in name for mark in " \t") and not is_pattern(name):
            raise DataError(name, "there is no such file. To label one text, pipe it into prunetext predict MODEL -.")
        if path.exists() and not path.is_file():  # a pipe, which is read once
            return [opening._replace(usual=LINES).file(path)]
        return _files(path, opening._replace(usual=LINES))


def places_of_texts(source: str) -> list[Path]:
    """The files that a name stands for, as far as they are there."""
    path = Path(source).expanduser()
    if path.is_dir():
        return list(path.iterdir())
    if not path.exists() and is_pattern(source):
        return _matching(path)
    return [path]


def source_name(source: Any) -> str:
    """The name of data from this source, which any terminal can show."""
    if as_frame(source) is not None:
        return "data"
    if str(source).startswith(SAMPLE):
        return str(source).removeprefix(SAMPLE)
    path = Path(source).expanduser().resolve()
    name = path.name if path.is_dir() else stem_of(path.name)
    return os.fsencode(name).decode("utf-8", "replace")


def _checked(source: Any) -> str:
    """The name of a source on this machine."""
    if not isinstance(source, (str, os.PathLike)):
        raise InputError(
            f"The source of the data is {type(source).__name__}. Give a path, sample:NAME or a data frame of pandas, "
            "Polars or Arrow."
        )
    name = os.fspath(source)
    if not name:
        raise InputError("The source of the data is an empty name. Give a file, a folder or sample:NAME.")
    if name.startswith("hf:"):
        raise DataError(
            name, "hf:NAME is not supported yet. Export the data to Parquet or JSON Lines, and give that file."
        )
    if _URL.match(name):
        raise DataError(name, "this is an address, not a file. Download it, and give the file.")
    try:
        return str(Path(name).expanduser()) if name.startswith("~") else name
    except RuntimeError:
        raise DataError(name, "there is no such home folder. Check the name.") from None


def _folder(source: Any) -> Path | None:
    if as_frame(source) is not None:
        return None
    name = _checked(source)
    with Reading(name):
        return Path(name) if not name.startswith(SAMPLE) and Path(name).is_dir() else None


def _files(path: Path, opening: Opening) -> list[Any]:
    """A file, or those that a pattern names."""
    if not path.exists() and is_pattern(str(path)):
        found = _matching(path)
        if not found:
            raise DataError(path, "no file has such a name. Check the pattern.")
        return [opening.file(each) for each in not_empty(found)]
    if not path.exists():
        raise DataError(path, "there is no such file or folder. Check the name.")
    if not path.is_file():
        raise DataError(path, "this is neither a regular file nor a folder. Give one that can be read twice.")
    return [opening.file(path)]


def _matching(pattern: Path) -> list[Path]:
    """The files of such a name, in their order."""
    names = glob(str(pattern), recursive=True)  # noqa: PTH207  a pattern can begin anywhere
    return sorted((each for each in map(Path, names) if each.is_file()), key=lambda each: (each.parent, in_order(each)))


def is_pattern(name: str) -> bool:
    """Whether a name stands for several files, as shards/*.jsonl does."""
    return any(mark in name for mark in "*?[")
