"""How much each text counts in training, where its user says so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from prunetext.errors import InputError, brief


def checked_weights(values: Sequence[Any], texts: int) -> list[float]:
    """The weights of so many texts as floats; `InputError` for any that is missing, negative or endless.

    >>> checked_weights([1, 0.5], 2)
    [1.0, 0.5]
    """
    if len(values) != texts:
        raise InputError(
            f"There are {texts:,} texts, but {len(values):,} weights. Give one to each text, or none at all."
        )
    found = []
    for number, value in enumerate(values):
        try:
            weight = float(value)
        except (TypeError, ValueError):
            weight = math.nan
        if not 0 <= weight < math.inf:
            raise InputError(f"The weight at {number:,} is {brief(value)}. Give a number of 0 or more.")
        found.append(weight)
    return found


def all_weights(one: Sequence[float] | None, of_one: int, other: Sequence[float] | None, of_other: int) -> Any:
    """The weights of so many texts and of more, one after the other; 1 where there are none; None if nobody has any.

    >>> all_weights([2.0], 1, None, 2), all_weights(None, 1, None, 2)
    ([2.0, 1.0, 1.0], None)
    """
    if one is None and other is None:
        return None
    return [*([1.0] * of_one if one is None else one), *([1.0] * of_other if other is None else other)]
