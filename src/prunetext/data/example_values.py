"""What the columns of examples must be: equally long, and texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prunetext.data.labels import is_missing
from prunetext.errors import InputError


def refuse_unequal(
    texts: Sequence[Any], labels: Sequence[Any], pairs: Sequence[Any] | None, columns: Mapping[str, Sequence[Any]]
) -> None:
    """Refuse texts, labels, second texts and further columns of unequal lengths.

    >>> refuse_unequal(["great film"], [], None, {})
    Traceback (most recent call last):
    prunetext.errors.InputError: There are 1 texts, but 0 labels. Give as many of each.
    """
    if len(texts) != len(labels) or (pairs is not None and len(pairs) != len(texts)):
        seconds = "" if pairs is None else f" and {len(pairs):,} second texts"
        raise InputError(f"There are {len(texts):,} texts, but {len(labels):,} labels{seconds}. Give as many of each.")
    for name, column in columns.items():
        if len(column) != len(texts):
            raise InputError(
                f"There are {len(texts):,} texts, but {len(column):,} values of {name}. Give as many of each."
            )


def refuse_other_values(*columns: tuple[str, Sequence[Any]]) -> None:
    """Refuse values that are no text, in columns given with the name of a value.

    >>> refuse_other_values(("text", ["great film", 3]))
    Traceback (most recent call last):
    prunetext.errors.InputError: The text at 1 is int, not a string. Give a string.
    """
    for name, values in columns:
        for number, value in enumerate(values):
            if not isinstance(value, str):
                kind = "missing" if is_missing(value) else f"{type(value).__name__}, not a string"
                raise InputError(f"The {name} at {number:,} is {kind}. Give a string.")
