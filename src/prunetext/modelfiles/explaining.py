"""Explanations of the texts of a file: plain values for JSON, and how strongly each character speaks for a label."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunetext.runtime.explanations import Explanation
    from prunetext.runtime.parts import Counterfactual, TextPart

FAINTEST = 0.01  # share of the largest, below which nothing is told
LEVELS = 3  # in how many steps a character's share of the largest one is told


def explanation_fields(found: Explanation, top: int | None = None) -> dict[str, Any]:
    """Plain values, for JSON: the label, its numbers, and the parts in the order of the text, or the `top` largest.

    explanation_fields(clf.explain("a great film"))["parts"][0]    # {"ngram": "a", "begin": 0, "end": 1, …
    """
    return {
        "label": found.label,
        "probability": round(found.probability, 6),
        "logit": found.logit,
        "base": found.base,
        "parts": [part._asdict() for part in found.largest(top)],
    }


def flipped_fields(flipped: Counterfactual | None) -> dict[str, Any] | None:
    """A counterfactual as plain values, for JSON; None if no words were found."""
    if flipped is None:
        return None
    return {"words": [word._asdict() for word in flipped.words], "label": flipped.label, "text": flipped.text}


def strengths(parts: Sequence[TextPart], texts: Sequence[str]) -> list[list[tuple[str, int]]]:
    """Each text in pieces, each with how strongly it speaks for the label, from -LEVELS to LEVELS.

    >>> from prunetext.runtime.parts import TextPart
    >>> strengths([TextPart("great", 2, 7, 1.0, 0), TextPart("film", 8, 12, -0.1, 0)], ["a great film"])
    [[('a ', 0), ('great', 3), (' ', 0), ('film', -1)]]

    Both texts of a pair are measured by what is the largest in them together.
    """
    sums = [_by_character(parts, text, side) for side, text in enumerate(texts)]
    most = max((abs(value) for own in sums for value in own), default=0.0)
    return [_pieces(text, own, most) for text, own in zip(texts, sums, strict=True)]


def _by_character(parts: Sequence[TextPart], text: str, side: int) -> list[float]:
    steps = [0.0] * (len(text) + 1)  # how much more each character speaks for the label than the one before
    for part in parts:
        if part.side == side:
            each = part.logit / (part.end - part.begin)
            steps[part.begin] += each
            steps[part.end] -= each
    return list(accumulate(steps[:-1]))


def _pieces(text: str, sums: Sequence[float], most: float) -> list[tuple[str, int]]:
    pieces: list[tuple[str, int]] = []
    for character, value in zip(text, sums, strict=True):
        share = abs(value) / most if most else 0.0
        strength = 0 if share < FAINTEST else min(LEVELS, 1 + int(share * LEVELS)) * (1 if value > 0 else -1)
        if pieces and pieces[-1][1] == strength:
            pieces[-1] = (pieces[-1][0] + character, strength)
        else:
            pieces.append((character, strength))
    return pieces
