"""Texts and pairs as a tokenizer takes them, in batches of about one length."""

from __future__ import annotations

from typing import Any

from prunetext.errors import require
from prunetext.runtime.arguments import is_arrow


def listed_texts(texts: object) -> list[Any]:
    """The items of a list, or of an Arrow array."""
    if isinstance(texts, (list, tuple)):
        return list(texts)
    if is_arrow(texts):
        for name in ("to_pylist", "to_list"):
            if hasattr(texts, name):
                return list(getattr(texts, name)())
        return list(require("pyarrow", extra="train").array(texts).to_pylist())
    raise TypeError(f"texts is {type(texts).__name__}")


def text_of(one: object) -> str:
    """A text as str; invalid bytes, and halves of characters, are left out.

    >>> text_of(b"a film")
    'a film'
    """
    if isinstance(one, bytes):
        return one.decode("utf-8", "ignore")
    if not isinstance(one, str):
        raise TypeError(f"a text is {type(one).__name__}")
    return one.encode("utf-8", "ignore").decode("utf-8")


def pair_of(one: object) -> tuple[str, str]:
    """A pair of texts."""
    if not isinstance(one, (tuple, list)) or len(one) != 2:
        raise TypeError(f"a pair is {type(one).__name__}")
    return text_of(one[0]), text_of(one[1])


def batches_of(lengths: list[int], most: int) -> list[list[int]]:
    """Rows in batches of rising length, under a bound on padded tokens.

    >>> batches_of([3, 1, 2], 4)
    [[1, 2], [0]]
    """
    found: list[list[int]] = []
    for at in sorted(range(len(lengths)), key=lambda each: lengths[each]):
        if found and (len(found[-1]) + 1) * max(lengths[at], 1) <= most:
            found[-1].append(at)
        else:
            found.append([at])
    return found


def named_rows(
    labels: list[str], probabilities: list[list[float]], chosen: list[list[bool]], least: float | None, *, several: bool
) -> list[Any]:
    """The chosen labels of each text with their probabilities; just the one, unless a text can have several.

    >>> named_rows(["neg", "pos"], [[0.2, 0.8], [0.6, 0.4]], [[False, True], [True, False]], 0.7, several=False)
    [('pos', 0.8), (None, 0.6)]

    least: the probability below which a text is rejected; None if none is.
    """
    rows: list[Any] = []
    for row, own in zip(probabilities, chosen, strict=True):
        named = [(label, each) for label, each, has in zip(labels, row, own, strict=True) if has]
        if several:
            rows.append(named)
        else:
            label, each = named[0]
            rows.append((None if least is not None and each < least else label, each))
    return rows
