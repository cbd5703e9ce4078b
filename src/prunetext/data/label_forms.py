"""The forms in which people and programs write a label, or several: what looks alike, and lists in a cell."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from unicodedata import normalize

# Characters that nobody sees: controls, soft hyphen, fillers, spaces of no width, marks of direction, byte-order mark.
_CONTROLS = [*range(1, 0x20), *range(0x7F, 0xA0)]  # without NUL, which is refused
_FILLERS = [0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x180E, 0x2800, 0x3164, 0xFEFF, 0xFFA0]
_WIDTHLESS = [0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2070)]
_UNSEEN: dict[int, str | None] = dict.fromkeys((*_CONTROLS, *_FILLERS, *_WIDTHLESS)) | {
    code: " " for code in range(0x3001) if chr(code).isspace()
}
_STYLES = {0xFE0E: None, 0xFE0F: None}  # of an emoji, which differ little
_JOINERS = " \u200c\u200d"  # inside a label they have a meaning, at its ends they have none
_TWO_QUOTED = re.compile(r"""['"]\s+['"]""")
_LONGEST_LIST = 100_000  # characters of a cell
_BRACKETS = (("[", "]"), ("(", ")"), ("{", "}"))
_ARRAY = re.compile(r"\[\s*[-+\d.]+(\s+[-+\d.]+)+\s*\]")  # of numbers
_NAN = re.compile(r"\bnan\b(?=\s*[,\])}])")
_NUMPY_STRING = re.compile(r"""np\.str_\(('[^']*'|"[^"]*")\)""")
_NO_COMMAS = 'the labels are an array as NumPy prints it, without commas. Write them as a list, such as ["a", "b"].'


def clean_label(label: str) -> str:
    r"""A label without what nobody sees: outer blanks, invisible characters, and the ways to write one accent.

    >>> clean_label(" pos\xa0"), clean_label("cafe\u0301") == "caf\xe9"
    ('pos', True)
    """
    if label.isascii() and label.isprintable():
        return label.strip(" ")
    return normalize("NFC", label).translate(_UNSEEN).strip(_JOINERS)


def alike(labels: Iterable[str]) -> list[list[str]]:
    """Labels that differ only in case, width or the number of blanks, together.

    >>> alike(["ham", "spam", "Spam", "SPAM"])
    [['SPAM', 'Spam', 'spam']]
    """
    groups: dict[str, set[str]] = {}
    for label in labels:
        key = " ".join(normalize("NFKC", label).translate(_STYLES).casefold().split())
        groups.setdefault(key, set()).add(label)
    return [sorted(group) for group in groups.values() if len(group) > 1]


def written_list(cell: str) -> object:
    """The labels in a cell that holds a list, a tuple or a set, as pandas and JSON write it; any other cell as it is.

    >>> written_list("['pos', 'day']"), written_list("[draft] reply")
    (['pos', 'day'], '[draft] reply')

    ValueError for an array as NumPy writes it, without commas.
    """
    bare = cell.strip()
    if len(bare) > _LONGEST_LIST or (bare[:1], bare[-1:]) not in _BRACKETS:
        return cell
    if _ARRAY.fullmatch(bare):
        raise ValueError(_NO_COMMAS)
    for parse, text in ((json.loads, bare), (ast.literal_eval, _NUMPY_STRING.sub(r"\1", _NAN.sub("None", bare)))):
        try:
            found = parse(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            continue
        if isinstance(found, (list, tuple, set)):
            if parse is ast.literal_eval and _TWO_QUOTED.search(bare):
                raise ValueError(_NO_COMMAS)
            return sorted(found, key=str) if isinstance(found, set) else list(found)
    return cell
