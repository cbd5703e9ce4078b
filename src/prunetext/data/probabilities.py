"""A file of probabilities: the answers of any model, also one behind an API, to some texts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from prunetext.data.columns import Wanted, quoted
from prunetext.data.dataset import Input
from prunetext.data.formats.registry import FORMATS, TABLE_ENDINGS
from prunetext.data.parts import Opening
from prunetext.data.task import Task
from prunetext.errors import DataError

Shares = npt.NDArray[np.float64]

TOLERANCE = 0.01  # of the sum of a row, which should be 1: many labels can have two digits each
LEAST_GIVEN = 1e-6  # smaller probabilities are raised to this
PROBABILITY_ENDINGS = TABLE_ENDINGS
EXAMPLE = '{"text": "great film", "probabilities": {"neg": 0.02, "pos": 0.98}}'
REMEDY = f"Write rows such as {EXAMPLE}."
ANSWER_COLUMNS = {
    None: Wanted(label="probabilities", remedy=REMEDY),  # the columns tell how many texts a row has
    1: Wanted("text", "probabilities", remedy=REMEDY),
    2: Wanted("text", "probabilities", text_b="text_b", texts=2, remedy=REMEDY),
}


class ProbabilityTable(NamedTuple):
    """A file of probabilities: for each text, or pair, a probability of each label (classes,)."""

    labels: list[str]
    task: Task
    rows: Mapping[Input, Shares]

    @property
    def thresholds(self) -> Shares | None:
        """The probabilities from which a text has each label, if it can have several."""
        return np.full(len(self.labels), 0.5) if self.task.answer == "labels" else None


class _Row(NamedTuple):
    line: int | None
    asked: Input
    given: Mapping[str, Any]


def read_probabilities(
    path: Path, labels: Sequence[str] | None = None, task: Task | None = None, owner: str = "train"
) -> ProbabilityTable:
    """Read given probabilities of texts, or of pairs of texts.

        table = read_probabilities(Path("answers.jsonl"), ["neg", "pos"], Task())
        table.rows["great film"]        # array([0.02, 0.98])

    The file is a table with the columns `text` (and `text_b` for pairs) and `probabilities`, an object with a number
    for each label, written as JSON in a .csv. If no labels are given, those of the first row are taken, sorted. If no
    task is given, the columns tell whether rows are pairs, and texts have several labels if most rows do not sum to 1.
    Raises `DataError`, with the line, for labels other than those of `owner`, for values that are not numbers from 0
    to 1, and for probabilities of one label that do not sum to 1.
    """
    read = list(_rows(path, None if task is None else task.texts))
    if not read:
        raise DataError(path, f"there are no rows. {REMEDY}")
    if labels is None:
        labels, owner = sorted(read[0].given), "the first row"
    shares = [_shares(path, row, labels, owner) for row in read]
    if task is None:
        whole = sum(abs(float(each.sum()) - 1) <= TOLERANCE for each in shares)
        task = Task(1 if isinstance(read[0].asked, str) else 2, "label" if 2 * whole > len(read) else "labels")
    rows: dict[Input, Shares] = {}
    for row, given in zip(read, shares, strict=True):
        if task.answer == "label" and abs(float(given.sum()) - 1) > TOLERANCE:
            raise DataError(
                path,
                f"the probabilities sum to {given.sum():.4g}, not to 1. Correct the row, or apply a softmax.",
                row.line,
            )
        before = rows.setdefault(row.asked, given)
        logs = [np.log(np.maximum(each, LEAST_GIVEN)) for each in (before, given)]
        if not np.allclose(logs[0], logs[1], atol=TOLERANCE):
            raise DataError(path, "an earlier row gives this text other probabilities. Keep one of them.", row.line)
    return ProbabilityTable(list(labels), task, rows)


def _rows(path: Path, texts: int | None) -> Iterator[_Row]:
    """Each row with its object of probabilities, not yet checked."""
    file = Opening().file(path)
    for place, cells, given, *_ in FORMATS[file.format].read(file, ANSWER_COLUMNS[texts]):
        line = place if isinstance(place, int) else None
        strings = tuple(text for text in cells if isinstance(text, str))
        if len(strings) < len(cells):
            raise DataError(path, f"the row has no text. {REMEDY}", line)
        if isinstance(given, str):
            try:
                given = json.loads(given)
            except (ValueError, RecursionError):
                given = None
        if not isinstance(given, dict) or not given:
            raise DataError(path, f"its probabilities are not an object of labels. {REMEDY}", line)
        asked = strings[0] if len(strings) == 1 else (strings[0], strings[1])
        yield _Row(line, asked, {str(label): value for label, value in given.items()})


def _shares(path: Path, row: _Row, labels: Sequence[str], owner: str) -> Shares:
    """The probabilities of a row, in the order of the labels."""
    given = row.given
    if unlike := sorted(set(given) ^ set(labels)):
        side = f"{owner} does not have" if unlike[0] in given else "the row lacks"
        raise DataError(
            path,
            f"its labels are not those of {owner}: {side} {quoted(unlike[0])}. "
            f"Give a probability for each label of {owner}, and for no others.",
            row.line,
        )
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in given.values())
    try:
        shares = np.array([float(given[label]) for label in labels] if numbers else [np.nan], np.float64)
    except OverflowError:  # an integer of hundreds of digits
        shares = np.array([np.inf])
    if not ((shares >= 0) & (shares <= 1 + TOLERANCE)).all():
        raise DataError(path, "a probability is not a number from 0 to 1. Correct the row.", row.line)
    return np.minimum(shares, 1.0)
