"""A file of probabilities as teacher, so that any model can teach, one behind an API included."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from prunetext.data.columns import Wanted, quoted
from prunetext.data.dataset import Input
from prunetext.data.formats import FORMATS
from prunetext.data.task import Task
from prunetext.errors import DataError
from prunetext.models.encoded import SINGLE

TOLERANCE = 0.01  # by which the sum of a row may differ from 1: of many labels with two digits each
LEAST_GIVEN = 1e-6  # as small as a probability is taken for
ENDINGS = tuple(ending for ending in FORMATS if ending != ".txt")
ANSWER_COLUMNS = {1: Wanted("text", "probabilities"), 2: Wanted("text", "probabilities", text_b="text_b", texts=2)}
EXAMPLE = '{"text": "great film", "probabilities": {"neg": 0.02, "pos": 0.98}}'


def read_probabilities(path: Path, labels: Sequence[str], task: Task = SINGLE) -> dict[Input, npt.NDArray[np.float32]]:
    """Read what a teacher says of each text, or pair: the logarithms of its probabilities, in the order of the labels.

        answers = read_probabilities(Path("answers.jsonl"), ["neg", "pos"])
        answers["great film"]        # array([-3.9, -0.02], dtype=float32)

    The file is a table with the columns `text` (and `text_b`, where the task is of pairs) and `probabilities`, an
    object with a number for each label, which in a .csv is written as JSON. DataError, with the line, for other labels,
    for what is no number from 0 to 1, and for probabilities that do not sum to 1; where texts may have several
    labels, they need not, and their log-odds are given.
    """
    answers: dict[Input, npt.NDArray[np.float32]] = {}
    texts_each, answer = task
    several, wanted = answer == "labels", ANSWER_COLUMNS[texts_each]
    for place, texts, given, _ in FORMATS[path.suffix.lower()](path, wanted, "utf-8"):
        line = place if isinstance(place, int) else None
        strings = tuple(text for text in texts if isinstance(text, str))
        if len(strings) < len(texts):
            raise DataError(path, f"the row has no text. Write rows such as {EXAMPLE}.", line)
        shares = _row(path, line, given, labels, several)
        row = np.log(np.maximum(shares, LEAST_GIVEN))
        row = row - np.log(np.maximum(1 - shares, LEAST_GIVEN)) if several else row
        asked = strings[0] if len(strings) == 1 else (strings[0], strings[1])
        if not np.allclose(answers.setdefault(asked, row), row, atol=TOLERANCE):
            raise DataError(path, "the text stands in an earlier row with other probabilities. Leave one.", line)
    if not answers:
        raise DataError(path, f"there are no rows. Write rows such as {EXAMPLE}.")
    return answers


def _row(path: Path, line: int | None, given: object, labels: Sequence[str], several: bool) -> npt.NDArray[np.float32]:
    """One row's probabilities, checked."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            given = None
    if not isinstance(given, dict):
        raise DataError(path, f"its probabilities are no object of labels. Write rows such as {EXAMPLE}.", line)
    if unlike := sorted(set(map(str, given)) ^ set(labels)):
        side = "the data do not have" if unlike[0] in given else "the row lacks"
        raise DataError(
            path,
            f"its labels are not those of train: {quoted(unlike[0])} is one that {side}. "
            "Give a probability for each label of train, and for no others.",
            line,
        )
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in given.values())
    try:
        row = np.array([float(given[label]) for label in labels] if numbers else [np.nan], np.float64)
    except OverflowError:  # a whole number of hundreds of digits
        row = np.array([np.inf])
    if not ((row >= 0) & (row <= 1 + TOLERANCE)).all():
        raise DataError(path, "a probability is not a number from 0 to 1. Correct the row.", line)
    if not several and abs(float(row.sum()) - 1) > TOLERANCE:
        raise DataError(
            path, f"the probabilities sum to {row.sum():.4g}, not to 1. Correct the row, or apply a softmax.", line
        )
    return row.astype(np.float32)
