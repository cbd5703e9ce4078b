"""A row as its source holds it: what every reader yields, and `gathering` checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from prunetext.data.columns import quoted

if TYPE_CHECKING:
    from pathlib import Path


class RowNumber(int):
    """The place of a row where there are no lines: its number, from 1."""

    unit = "row"


class LineLabels(tuple[str, ...]):
    """The labels at the start of a line: one or more, which only all lines together tell."""

    __slots__ = ()


class SourceRow(NamedTuple):
    """A row as the source holds it, and its place: the line where it starts, its number, or a file of its own."""

    place: int | Path
    texts: tuple[object, ...]  # one, or the two of a pair
    label: object  # a list if a table has several, `LineLabels` in fastText's format
    called: tuple[str, ...] = ("text",)  # names of the texts in messages
    kept: tuple[object, ...] = ()  # values of other columns that were asked for


@dataclass(frozen=True)
class Absent:
    """Stands for the value of a key that an object lacks."""

    key: str

    def __str__(self) -> str:
        return f"the row has no key {quoted(self.key)}"
