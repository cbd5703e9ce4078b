"""Explanations of the texts of a file: plain values for JSON, and how strongly each character speaks for a label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunetext.runtime.explanations import Explanation
    from prunetext.runtime.parts import Counterfactual, Part

STRENGTHS = 3  # in how many steps a character's share of the largest one is told


def explanation_fields(found: Explanation, top: int | None = None) -> dict[str, Any]:
    """Plain values, for JSON: the label, its numbers, and the parts in the order of the text, or the `top` largest.

    explanation_fields(clf.explain("a great film"))["parts"][0]    # {"ngram": "a", "begin": 0, "end": 1, …
    """
    return {
        "label": found.label,
        "probability": round(found.probability, 6),
        "logit": found.logit,
        "base": found.base,
        "parts": [part._asdict() for part in largest(found.parts, top)],
    }


def flipped_fields(flipped: Counterfactual | None) -> dict[str, Any] | None:
    """A counterfactual as plain values, for JSON; None if no words were found."""
    if flipped is None:
        return None
    return {"words": [word._asdict() for word in flipped.words], "label": flipped.label, "text": flipped.text}


def largest(parts: Sequence[Part], top: int | None) -> list[Part]:
    """The parts that add or take most, in the order of the text.

    >>> largest([], 3)
    []
    """
    if top is None:
        return list(parts)
    kept = set(sorted(range(len(parts)), key=lambda at: -abs(parts[at].logit))[:top])
    return [part for at, part in enumerate(parts) if at in kept]


def strengths(parts: Sequence[Part], text: str, side: int = 0) -> list[tuple[str, int]]:
    """A text in pieces, each with how strongly it speaks for the label, from -STRENGTHS to STRENGTHS.

    >>> from prunetext.runtime.parts import Part
    >>> strengths([Part("great", 2, 7, 1.0, 0), Part("film", 8, 12, -0.1, 0)], "a great film")
    [('a ', 0), ('great', 3), (' ', 0), ('film', -1)]
    """
    steps = [0.0] * (len(text) + 1)  # how much more each character speaks for the label than the one before
    for part in parts:
        if part.side == side:
            each = part.logit / (part.end - part.begin)
            steps[part.begin] += each
            steps[part.end] -= each
    sums, now = [], 0.0
    for step in steps[:-1]:
        now += step
        sums.append(now)
    most = max(map(abs, sums), default=0.0)
    pieces: list[tuple[str, int]] = []
    for character, value in zip(text, sums, strict=True):
        share = abs(value) / most if most else 0.0
        strength = 0 if share < 0.01 else min(STRENGTHS, 1 + int(share * STRENGTHS)) * (1 if value > 0 else -1)
        if pieces and pieces[-1][1] == strength:
            pieces[-1] = (pieces[-1][0] + character, strength)
        else:
            pieces.append((character, strength))
    return pieces
