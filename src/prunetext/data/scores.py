"""Scores as steps between levels: what a model of scores learns, and how its answers become scores.

    levels = levels_for([0, 1, 2, 3, 3])       # [0.0, 1.0, 2.0, 3.0]
    step_names(levels)                         # ['0 to 1', '1 to 2', '2 to 3']
    passed([2.0], levels).tolist()             # [[1.0, 1.0, 0.0]]

A model has an output for each step: the share of the way from a level to the next one. A score is the first level, and
the sum of the steps as far as they are passed: exactly the score again, if it lies within the levels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from prunetext.errors import InputError, brief

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

FEW_VALUES = 12  # up to so many different scores, each is a level
MOST_STEPS = 16  # between levels of more
GRAIN = 1000  # parts of the range to which a level between scores is rounded
LARGEST_SCORE = 1e15
USUAL_COLUMN = "score"  # in which a model of scores looks for them
_TO = " to "


def score_of(value: object) -> float:
    """A score as a number; ValueError with what is wrong if it is none.

    >>> score_of(3), score_of(" 2.5 ")
    (3.0, 2.5)
    """
    if isinstance(value, bool):
        raise ValueError(f"{brief(value)}, not a number")
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{brief(value)}, not a number") from None
    if not abs(found) <= LARGEST_SCORE:
        raise ValueError(f"{brief(value)}, not a number from -{LARGEST_SCORE:g} to {LARGEST_SCORE:g}")
    return found + 0.0  # no negative zero


def score_numbers(values: Sequence[object]) -> list[float]:
    """The scores of a column as numbers; InputError with the place of the first that is none.

    >>> score_numbers([3, "2.5"])
    [3.0, 2.5]
    """
    taken = []
    for number, value in enumerate(values):
        try:
            taken.append(score_of(value))
        except ValueError as error:
            raise InputError(f"The score at {number:,} is {error}. Give a number.") from None
    return taken


def score_name(score: float) -> str:
    """A score as it is written: whole numbers without a fraction.

    >>> score_name(3.0), score_name(0.25)
    ('3', '0.25')
    """
    number = float(score)
    return str(int(number)) if number.is_integer() else repr(number)


def levels_for(scores: Sequence[float]) -> list[float]:
    """The levels of these scores, rising: each value, if there are few of them; else quantiles, ends included.

    >>> levels_for([5, 1, 3, 3])
    [1.0, 3.0, 5.0]
    >>> levels_for([at / 100 for at in range(101)])[:3]
    [0.0, 0.062, 0.125]
    """
    import numpy as np

    values = np.unique(np.asarray(scores, np.float64))
    if len(values) <= FEW_VALUES:
        return [float(each) for each in values]
    low, high = float(values[0]), float(values[-1])
    grain = 10.0 ** math.floor(math.log10((high - low) / GRAIN))
    inner = np.quantile(np.asarray(scores, np.float64), np.linspace(0, 1, MOST_STEPS + 1)[1:-1])
    inner = np.unique([round(round(each / grain) * grain, 15) for each in inner.tolist()])
    return [low, *(float(each) for each in inner if low < each < high), high]


def step_names(levels: Sequence[float]) -> list[str]:
    """The names of the steps between levels.

    >>> step_names([0.0, 0.5, 2.0])
    ['0 to 0.5', '0.5 to 2']
    """
    return [f"{score_name(one)}{_TO}{score_name(other)}" for one, other in pairwise(levels)]


def levels_of(steps: Sequence[str]) -> list[float]:
    """The levels by the names of the steps between them; ValueError if these are other names.

    >>> levels_of(["0 to 0.5", "0.5 to 2"])
    [0.0, 0.5, 2.0]
    """
    ends = [[float(each) for each in name.split(_TO)] for name in steps]
    if not ends or any(len(each) != 2 for each in ends):
        raise ValueError("its steps are none between two levels")
    levels = [ends[0][0], *(high for _, high in ends)]
    if step_names(levels) != list(steps) or not all(one < other for one, other in pairwise(levels)):
        raise ValueError("its steps do not follow one another")
    return levels


def passed(scores: ArrayLike, levels: Sequence[float]) -> NDArray[Any]:
    """The share of each step that each score has passed, float32 (scores, steps).

    >>> passed([0.0, 1.25, 9.0], [0.0, 1.0, 2.0]).tolist()
    [[0.0, 0.0], [1.0, 0.25], [1.0, 1.0]]
    """
    import numpy as np

    ends = np.asarray(levels, np.float64)
    shares = (np.asarray(scores, np.float64)[:, None] - ends[:-1]) / np.diff(ends)
    return np.clip(shares, 0, 1).astype(np.float32)


def scored(shares: ArrayLike, levels: Sequence[float]) -> NDArray[Any]:
    """The score of each text by the share of each step, float64 (texts,).

    >>> scored([[1.0, 0.25]], [0.0, 1.0, 2.0]).tolist()
    [1.25]
    """
    import numpy as np

    ends = np.asarray(levels, np.float64)
    found: NDArray[Any] = ends[0] + np.asarray(shares, np.float64) @ np.diff(ends)
    return found
