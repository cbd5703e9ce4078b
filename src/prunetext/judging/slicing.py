"""The parts of some texts on which models are compared: by label, length, words that a model does not know, and more.

slices_of(examples, labels, ["source"], models)     # [TextSlice('source', 'mail', …), TextSlice('label', 'spam', …), …]
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from prunetext.data.dataset import Examples
from prunetext.errors import InputError, brief
from prunetext.statistics.answers import Answering, Array
from prunetext.statistics.slices import FEWEST, TextSlice

MOST_VALUES = 50  # of a column; rarer ones are one slice together
_PARTS = 4  # by length, by numbers, and by how frequent the label is
LABEL_SLICES = "label"  # what their column is called
OTHERS, MISSING = "(all others)", "(missing)"
_SHARES = (0.0, 0.1, 0.25, 0.5, 0.75)  # bounds of shares of words
_UNKNOWN = 1  # the id of a word that a vocabulary lacks


def slices_of(
    examples: Examples, labels: Sequence[str], columns: Sequence[str], models: Sequence[Answering]
) -> list[TextSlice]:
    """All slices that have enough texts, and every label; columns that the user names come first.

    models: whose unknown words count, the larger one first.
    """
    found = [
        *[each for name in columns for each in of_column(name, examples.columns[name])],
        *of_frequencies(examples),
        *parts_of("length", np.array([len(text) for text in whole_texts(examples)]), "characters"),
        *of_words(examples, models),
    ]
    return [*of_labels(examples, labels), *[each for each in found if FEWEST <= each.inside.sum() < len(examples)]]


def whole_texts(examples: Examples) -> list[str]:
    """Each text, or both texts of a pair as one."""
    return [each if isinstance(each, str) else "\n".join(each) for each in examples.inputs]


def of_labels(examples: Examples, labels: Sequence[str]) -> list[TextSlice]:
    """A slice for each gold label."""
    rows: dict[str, list[int]] = {}
    for row, each in enumerate(examples.label_lists):
        for label in each:
            rows.setdefault(label, []).append(row)
    found = []
    for label in labels:
        if label in rows:
            inside = np.zeros(len(examples), bool)
            inside[rows[label]] = True
            found.append(TextSlice(LABEL_SLICES, label, inside))
    return found


def of_frequencies(examples: Examples) -> list[TextSlice]:
    """Parts by how many texts have the rarest label of a text, if there are labels enough."""
    counts = Counter(label for each in examples.label_lists for label in each)
    if len(counts) < 2 * _PARTS:
        return []
    rarest = np.array([min((counts[label] for label in each), default=0) for each in examples.label_lists])
    return parts_of("texts of the label", rarest, "")


def parts_of(name: str, numbers: Array, unit: str) -> list[TextSlice]:
    """Up to four parts of about equal size by a number.

    >>> [each.value for each in parts_of("length", np.array([1, 2, 3, 4, 4, 4]), "words")]
    ['1 to 2 words', '3 words', '4 words']
    """
    bounds = np.unique(np.quantile(numbers, np.linspace(0, 1, _PARTS + 1)[1:], method="lower"))
    found, before = [], -math.inf
    for bound in bounds:
        inside = (numbers > before) & (numbers <= bound)
        least, most = numbers[inside].min(), numbers[inside].max()
        span = f"{least:,.6g}" if least == most else f"{least:,.6g} to {most:,.6g}"
        found.append(TextSlice(name, f"{span} {unit}".strip(), inside))
        before = bound
    return found


def of_words(examples: Examples, models: Sequence[Answering]) -> list[TextSlice]:
    """Parts by the share of words that the larger model does not know, and of those that only the smaller one lacks."""
    lists = [known_words(model) for model in models]
    found = []
    known = [None if listed is None else unknown_share(examples, *listed) for listed in lists]
    if known and known[0] is not None:
        found += by_share("unknown words", known[0])
    if len(known) > 1 and known[0] is not None and known[1] is not None and lists[0][1] == lists[1][1]:  # type: ignore[index]
        found += by_share("removed words", np.maximum(known[1] - known[0], 0))
    return found


def known_words(model: Answering) -> tuple[list[str], str] | None:
    """The words that a model knows, and its tokenizer; None if it cannot list them."""
    listed = getattr(model, "words", None)
    found: tuple[list[str], str] | None = None if listed is None else listed()
    return found


def unknown_share(examples: Examples, words: list[str], tokenizer: str) -> Array:
    """The share of each text's words that are not among these."""
    from prunetext.runtime._native import Vocabulary

    ids, offsets = Vocabulary(words, tokenizer).encode(whole_texts(examples))
    numbers, bounds = np.frombuffer(ids, np.int32), np.frombuffer(offsets, np.int64)
    unknown = np.concatenate([[0], np.cumsum(numbers == _UNKNOWN)])
    return np.asarray((unknown[bounds[1:]] - unknown[bounds[:-1]]) / np.maximum(np.diff(bounds), 1))


def by_share(name: str, share: Array) -> list[TextSlice]:
    """Parts by a share: none, and up to the bounds.

    >>> [each.value for each in by_share("unknown words", np.array([0.0, 0.2]))]
    ['none', '0 to 10 %', '10 to 25 %', '25 to 50 %', '50 to 75 %', '75 to 100 %']
    """
    found = [TextSlice(name, "none", share <= 0)]
    for low, high in zip(_SHARES, (*_SHARES[1:], 1.0), strict=True):
        found.append(TextSlice(name, f"{100 * low:g} to {100 * high:g} %", (share > low) & (share <= high)))
    return found


def of_column(name: str, values: Sequence[Any]) -> list[TextSlice]:
    """A slice for each value of a column; numbers of many values are four parts, and rare values one together."""
    told = np.array(told_values(values), object)
    return [TextSlice(name, value, told == value) for value in dict.fromkeys(sorted(told))]


def told_values(values: Sequence[Any]) -> list[str]:
    """The slice of each value of a column, as it is shown.

    >>> told_values(["mail"] * 20 + ["fax", None])[18:]
    ['mail', 'mail', '(all others)', '(all others)']
    """
    plain = [_plain(value) for value in values]
    here = np.flatnonzero([value is not None for value in plain])
    numbers = [_number(plain[row]) for row in here.tolist()]
    if len(set(numbers)) > MOST_VALUES and None not in numbers:
        told = [MISSING] * len(plain)
        for part in parts_of("", np.array(numbers), ""):
            for row in here[part.inside].tolist():
                told[row] = part.value
        return told
    told = [MISSING if value is None else str(value) for value in plain]
    counts = Counter(told)
    often = {value for value, count in counts.most_common(MOST_VALUES) if count >= FEWEST}
    return [value if value in often else OTHERS for value in told]


def _plain(value: Any) -> Any:
    """A value without NumPy's types; None for what is missing."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: Any) -> float | None:
    """A number, also one that is written in a table; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def check_columns(examples: Examples, names: Sequence[str]) -> None:
    """Refuse columns that the texts do not have."""
    for name in names:
        if name not in examples.columns:
            has = ", ".join(map(repr, examples.columns)) or "none"
            raise InputError(f"slices is {brief(name)}, but these texts have no such column (they have {has}).")
