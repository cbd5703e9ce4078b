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
