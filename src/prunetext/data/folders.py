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

SPLIT_NAMES = {"train": ("train",), "dev": ("dev", "valid", "validation", "val"), "test": ("test",)}
_UNLABELLED = ("unsup", "unsupervised", "unlabeled", "unlabelled")  # folders beside those of labels, as IMDB has
_SHARD = re.compile(r"[-_.]\d+([-_.]of[-_.]\d+)?\Z")  # what follows a split's name: train-00000-of-00002


def folder_splits(folder: Path, opening: Opening) -> dict[str, Source]:
    """The splits of a folder, by the names of its files and folders; shards of a split are read in their order."""
    with Reading(folder):
        shown = [each for each in sorted(folder.iterdir()) if not each.name.startswith(".")]
        found: dict[str, Source] = {}
        for name, stems in SPLIT_NAMES.items():
            files = [each for each in shown if each.is_file() and format_of(each.name) and _names(each, stems)]
            whole = [each for each in files if stem_of(each.name).lower() in stems]
            if len(whole) > 1 or (whole and len(files) > 1):
                first, second = [*whole, *(each for each in files if each not in whole)][:2]
                raise DataError(
                    folder, f"the folder holds both {first.name} and {second.name} for {name}. Keep one of them."
                )
            if files:
                place = str(files[0]) if len(files) == 1 else f"{folder / stem_of(files[0].name)} and following"
                found[name] = Source(place, [opening.file(each) for each in files])
        return found or _split_folders(shown, opening)


def _split_folders(shown: list[Path], opening: Opening) -> dict[str, Source]:
    """The splits in folders of their own: train/pos/1.txt, test/pos/1.txt; none if the names are labels."""
    folders = {each.name.lower(): each for each in shown if each.is_dir()}
    named = {name: [folders[stem] for stem in stems if stem in folders] for name, stems in SPLIT_NAMES.items()}
    named = {name: places for name, places in named.items() if places}
    if len(named) < 2 or "train" not in named or sum(map(len, named.values())) < len(folders):
        return {}
    found = {}
    for name, places in named.items():
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
    shown = [each for each in sorted(folder.iterdir()) if each.name[0] not in "._"]
    formats = {opening.format or format_of(each.name) if each.is_file() else None for each in shown}
    if len(formats) != 1 or None in formats:
        raise DataError(folder, f"{remedy}.")
    return [opening.file(each) for each in shown]


def _names(file: Path, stems: tuple[str, ...]) -> bool:
    return _SHARD.sub("", stem_of(file.name).lower()) in stems
