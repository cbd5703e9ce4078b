"""What a folder stands for: the splits, the labels or the shards that it holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from prunetext.data.formats.registry import format_of, stem_of
from prunetext.data.parts import KNOWN_ENDINGS, LabelFolder, Opening, Part, Reading, Source
from prunetext.errors import DataError

if TYPE_CHECKING:
    from prunetext.data.files import SourceFile

FOLDER_NAMES = {
    "train": ("train", "training"),
    "dev": ("dev", "valid", "validation", "val", "eval"),
    "test": ("test", "testing"),
}  # of folders, which hold labels unless two of these stand side by side
SPLIT_NAMES = {"train": ("train",), "dev": ("dev", "valid", "validation", "val"), "test": ("test",)}
_UNLABELLED = ("unsup", "unsupervised", "unlabeled", "unlabelled")  # folders beside those of labels, as IMDB has
_NUMBERS = re.compile(r"(\d+)")
_WORD = re.compile(r"[a-z]+")
_OF = re.compile(r"[-_.]of[-_.](\d{1,9})\Z")
_SHARD = re.compile(r"[-_.]\d+([-_.]of[-_.]\d+)?\Z")  # what follows a split's name: train-00000-of-00002


def folder_splits(folder: Path, opening: Opening) -> dict[str, Source]:
    """The splits of a folder, by the names of its files and folders; shards of a split are read in their order."""
    with Reading(folder):
        shown = [each for each in sorted(folder.iterdir(), key=in_order) if not each.name.startswith(".")]
        found: dict[str, Source] = {}
        for name, stems in SPLIT_NAMES.items():
            files = [each for each in shown if not each.is_dir() and format_of(each.name) and _names(each, stems)]
            if odd := [each for each in files if not each.is_file()]:
                raise DataError(odd[0], "this is no regular file, or its link leads nowhere. Put one in its place.")
            whole = [each for each in files if stem_of(each.name).lower() in stems]
            if len(whole) > 1 or (whole and len(files) > 1):
                first, second = [*whole, *(each for each in files if each not in whole)][:2]
                raise DataError(
                    folder, f"the folder holds both {first.name} and {second.name} for {name}. Keep one of them."
                )
            _check_shards(folder, files)
            if files:
                place = str(files[0]) if len(files) == 1 else f"{folder / stem_of(files[0].name)} and following"
                found[name] = Source(place, [opening.file(each) for each in files])
        return found or _split_folders(shown, opening)


def _split_folders(shown: list[Path], opening: Opening) -> dict[str, Source]:
    """The splits in folders of their own: train/pos/1.txt, test/pos/1.txt; none if the names are labels."""
    folders = {each.name.lower(): each for each in shown if each.is_dir()}
    named = {name: [folders[stem] for stem in stems if stem in folders] for name, stems in FOLDER_NAMES.items()}
    named = {name: places for name, places in named.items() if places}
    if "train" not in named or (len(named) < 2 and not any(each.is_dir() for each in named["train"][0].iterdir())):
        return {}
    found = {}
    for name, places in named.items():
        if len(places) > 1:
            raise DataError(
                places[0].parent, f"both {places[0].name} and {places[1].name} are folders of {name}. Keep one of them."
            )
        inside = [each for each in sorted(places[0].iterdir()) if not each.name.startswith(".")]
        labels = [each for each in inside if each.is_dir()]
        if extra := [each for each in labels if each.name.lower() in _UNLABELLED]:
            raise DataError(
                extra[0],
                "its texts have no labels, but the folder is beside those of labels. Move it out of the split, and "
                "give its texts with --unlabelled.",
            )
        if labels:
            found[name] = Source(str(places[0]), [LabelFolder(places[0], opening.encoding)])
        elif any(format_of(each.name) not in (None, "text") for each in inside):
            found[name] = Source(str(places[0]), folder_parts(places[0], opening))
        else:
            raise DataError(
                places[0],
                f"this folder is the split {name}, but has no folder for each label in it. "
                f"Put its texts into folders such as {name}/positive and {name}/negative, or give a table.",
            )
    return found


def folder_parts(folder: Path, opening: Opening) -> list[Part]:
    """What a folder without splits holds: folders, one per label, or shards of one table."""
    shown = [each for each in folder.iterdir() if not each.name.startswith(".")]
    folders = [each for each in shown if each.is_dir()]
    if folders and not any(each.is_file() for each in shown):
        return [LabelFolder(folder, opening.encoding)]
    return list(
        folder_shards(
            folder,
            opening,
            "the folder has no train file, and does not hold only sub-folders, one per label, or shards of one table. "
            f"Name the training file train, with the ending {KNOWN_ENDINGS}",
        )
    )


def folder_shards(folder: Path, opening: Opening, remedy: str) -> list[SourceFile]:
    """The files of a folder that holds nothing but shards of one format."""
    shown = [each for each in sorted(folder.iterdir(), key=in_order) if each.name[0] not in "._"]
    formats = {opening.format or format_of(each.name) if each.is_file() else None for each in shown}
    if len(formats) != 1 or None in formats:
        raise DataError(folder, f"{remedy}.")
    return [opening.file(each) for each in not_empty(shown)]


def in_order(path: Path) -> list[tuple[int, str]]:
    """The name of a file for sorting: numbers by their value.

    >>> sorted([Path("p-10"), Path("p-9")], key=in_order)[0].name
    'p-9'
    """
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _NUMBERS.split(path.name)]


def not_empty(files: list[Path]) -> list[Path]:
    """The files that hold something, or all if none does: writers of shards leave empty ones."""
    return [each for each in files if each.stat().st_size] or files


def refuse_mixed_splits(source: object, files: list[Path]) -> None:
    """Refuse files that look like several splits where they would be read as one table."""
    seen: dict[str, Path] = {}
    for file in files:
        words = set(_WORD.findall(stem_of(file.name).lower()))
        for name, stems in SPLIT_NAMES.items():
            if words & set(stems):
                seen.setdefault(name, file)
    if len(seen) > 1:
        (one, first), (other, second) = [(name, seen[name]) for name in SPLIT_NAMES if name in seen][:2]
        raise DataError(
            source,
            f"{first.name} and {second.name} look like {one} and {other}, and would be read as one table. Name them "
            f"{one} and {other} in a folder of their own, or give the second one with --{other}.",
        )


def _check_shards(folder: Path, files: list[Path]) -> None:
    """Refuse shards of which some are missing, as their names tell."""
    for file in files:
        told = _OF.search(stem_of(file.name))
        if told is not None and int(told[1]) != len(files):
            raise DataError(
                folder, f"{file.name} is one of {int(told[1])} shards, but the folder has {len(files)}. Complete them."
            )


def _names(file: Path, stems: tuple[str, ...]) -> bool:
    return _SHARD.sub("", stem_of(file.name).lower()) in stems
