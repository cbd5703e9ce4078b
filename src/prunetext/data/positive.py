"""Which label is the one that is looked for, as F1 and rankings ask: named by the user, or by its usual name."""

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
    """The label whose name says that it is the positive one; None if there is none.

    >>> positive_of(["neutral", "Entailment", "contradiction"])
    'Entailment'

    Of several the first in the order of `POSITIVE_NAMES`; whether letters are capitals does not matter.
    """
    known: dict[str, str] = {}
    for label in labels:
        known.setdefault(label.casefold(), label)
    return next((known[name] for name in POSITIVE_NAMES if name in known), None)
