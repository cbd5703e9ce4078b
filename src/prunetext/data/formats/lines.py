"""Texts without a table: fastText's lines with their labels, and folders with a file for each text."""

from __future__ import annotations

import re
from stat import S_ISREG
from typing import TYPE_CHECKING

from prunetext.data.columns import quoted, refuse_columns
from prunetext.data.files import Lines, SourceFile, decoded
from prunetext.data.formats.rows import LineLabels, SourceRow
from prunetext.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prunetext.data.columns import Wanted

_LABELLED = re.compile(r"[ \t]*((?:__label__[^ \t\v\f\r\n]*[ \t]*)+)(.*)", re.DOTALL)
_ONE_LABEL = re.compile(r"__label__([^ \t\v\f\r\n]*)")
_LABEL_INSIDE = re.compile(r"(?:^|[ \t])__label__")


def read_fasttext(file: SourceFile, wanted: Wanted) -> Iterator[SourceRow]:
    """Read fastText's format, one text a line after its label or labels.

    __label__positive Great, really
    """
    refuse_columns(file, wanted)
    lines = Lines(file)
    for line in lines:
        if line.isspace():
            continue
        match = _LABELLED.match(line)
        if match is None:
            raise DataError(
                file,
                "the label is missing. Start every line of a .txt file with __label__ and the label's name, "
                "or give a table (.csv, .jsonl).",
                lines.number,
            )
        labels, text = match.groups()
        if _LABEL_INSIDE.search(text):
            raise DataError(file, "a label is inside the text. Put all labels before its first word.", lines.number)
        yield SourceRow(lines.number, (text.rstrip("\r\n"),), LineLabels(_ONE_LABEL.findall(labels)))


def read_label_folder(path: Path, wanted: Wanted, encoding: str) -> Iterator[SourceRow]:
    """Read a folder that has one sub-folder per label; each .txt file in it is one text.

    reviews/positive/1.txt   reviews/positive/2.txt   reviews/negative/1.txt

    Labels and files come in the order of their names; other files in a sub-folder are ignored. What is not a regular
    file, and a link that leads out of the folder, is refused.
    """
    refuse_columns(path, wanted)
    root = path.resolve()
    folders = [each for each in path.iterdir() if each.is_dir() and not each.name.startswith(".")]
    if not folders:
        raise DataError(path, "the folder has no sub-folders. Give a file, or a folder with one sub-folder per label.")
    for folder in sorted(folders, key=lambda each: each.name):
        _check_inside(folder, root)
        files = [each for each in folder.iterdir() if each.suffix.lower() == ".txt" and not each.name.startswith(".")]
        if not files:
            inside = any(each.is_dir() for each in folder.iterdir())
            remedy = "Give that folder as the source" if inside else "Put one text per .txt file into it"
            raise DataError(
                folder,
                f"the folder of the label {quoted(folder.name)} holds {'folders, but ' * inside}no .txt file. "
                f"{remedy}, or move it elsewhere. Folders of splits are named train, dev and test.",
            )
        for file in sorted(files, key=lambda each: each.name):
            _check_inside(file, root)
            if not S_ISREG(file.stat().st_mode):
                raise DataError(file, "this is not a regular file. Remove it, or put a text file in its place.")
            yield SourceRow(file, ("".join(decoded(SourceFile(file, "text", encoding))),), folder.name)


def _check_inside(path: Path, root: Path) -> None:
    """Refuse a link that leads out of the folder, so that a downloaded folder shows no other file of the machine."""
    if not path.is_symlink():
        return
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise DataError(path, "this link leads nowhere. Put a file in its place, or remove it.") from None
    if not target.is_relative_to(root):
        raise DataError(path, "this link leads out of the folder. Put a copy of the file in its place, or remove it.")
