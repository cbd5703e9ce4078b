"""One row for each model that a comparison has made, written as soon as it is known."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from prunetext.errors import RunError
from prunetext.runtime.states import parsed
from prunetext.runtime.writing import write_whole


class ComparedRow(NamedTuple):
    """One model on test: how it was made, its results, and the dense model it is compared with."""

    data: str  # name,
    fingerprint: str  # and digest of the texts and labels
    method: str  # criterion/schedule, or a baseline
    size: str  # the size asked for, as it was written: 1/10, 64kB; "any" for a baseline that has its own
    seed: int
    budget: int  # bytes asked for
    bytes: int  # of the file
    dev: float  # accuracy, %
    test: float
    dense: float  # of the dense model on test
    drop: float  # dense minus this one on test, in points
    low: float  # bounds of the drop, 95 % each
    high: float
    verdict: str
    seconds: float  # of training and pruning, the dense model's not counted
    texts_per_second: float  # one thread
    machine: dict[str, Any]  # processor, threads and versions

    @property
    def key(self) -> tuple[str, str, str, int]:
        """The question that a row answers."""
        return self.fingerprint, self.method, self.size, self.seed


class ComparedRows:
    """The rows in a file, JSON Lines; a row that was cut off by a kill is made again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.all: list[ComparedRow] = []
        if path.exists():
            # Bytes: a character can be cut off, too. The last part is empty, or the rest that a kill has left.
            *lines, rest = path.read_bytes().split(b"\n")
            for number, line in enumerate(lines, start=1):
                try:
                    self.all.append(ComparedRow(**parsed(line, path)))
                except (ValueError, TypeError):
                    raise RunError(f"{path}, line {number}: this is not a row of a comparison. Remove it.") from None
            if rest:
                self._write(self.all)

    def __contains__(self, key: tuple[str, str, str, int]) -> bool:
        """Tell whether the question has a row."""
        return any(row.key == key for row in self.all)

    def __iter__(self) -> Iterator[ComparedRow]:
        """All rows, in the order in which they were made."""
        return iter(self.all)

    def add(self, row: ComparedRow) -> None:
        """Keep a row."""
        self.all.append(row)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row._asdict(), ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _write(self, rows: list[ComparedRow]) -> None:
        lines = (json.dumps(row._asdict(), ensure_ascii=False) + "\n" for row in rows)
        write_whole(self.path, "".join(lines).encode("utf-8", "backslashreplace"))
