"""The positive label, which F1 and rankings need: named by the user, or found by its usual name."""

from __future__ import annotations

from collections.abc import Iterable

POSITIVE_NAMES = (
    "1",
    "true",
    "yes",
    "positive",
    "pos",
    "equivalent",
    "entailment",
    "duplicate",
    "paraphrase",
    "match",
    "relevant",
)


def positive_of(labels: Iterable[str]) -> str | None:
    """The label whose name says that it is positive; None if there is none.

    >>> positive_of(["neutral", "Entailment", "contradiction"])
    'Entailment'

    Case does not count. If there are several, the first in the order of `POSITIVE_NAMES` is taken.
    """
    known: dict[str, str] = {}
    for label in labels:
        known.setdefault(label.casefold(), label)
    return next((known[name] for name in POSITIVE_NAMES if name in known), None)
