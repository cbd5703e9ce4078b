"""The parts of some texts on which models are compared: by label, length, words that a model does not know, and more.

slices_of(examples, labels, ["source"], unknown)     # [Slice('label', 'spam', …), Slice('source', 'mail', …), …]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from prunetext.data.dataset import Examples
from prunetext.errors import InputError
from prunetext.statistics.answers import Answering, Array
from prunetext.statistics.slices import Slice

FEWEST = 20  # texts of a slice: fewer would not show a loss
MOST_VALUES = 50  # of a column; rarer ones are one slice together
PARTS = 4  # by length, by numbers, and by how frequent the label is
_SHARES = (0.0, 0.1, 0.25)  # bounds of shares of words
REST = "(all others)"
MISSING = "(missing)"


def slices_of(examples: Examples, labels: Sequence[str], columns: Sequence[str], models: Sequence[Answering]) -> list:
    """All slices of at least `FEWEST` texts; models: whose unknown words count, the larger one first."""
    found = [
        *of_labels(examples, labels),
        *parts_of("length", np.array([len(text) for text in lengths_of(examples)]), "characters"),
        *of_words(examples, models),
        *[each for name in columns for each in of_column(name, examples.columns[name])],
    ]
    return [each for each in found if FEWEST <= each.inside.sum() < len(examples)]


def lengths_of(examples: Examples) -> list[str]:
    """Each text, or both texts of a pair as one."""
    return [each if isinstance(each, str) else " ".join(each) for each in examples.inputs]


def of_labels(examples: Examples, labels: Sequence[str]) -> list[Slice]:
    """A slice for each gold label, and four by how frequent the label is, where there are labels enough."""
    lists = examples.label_lists
    counts = Counter(label for each in lists for label in each)
    found = [Slice("label", label, np.array([label in each for each in lists])) for label in labels if counts[label]]
    if len(found) < 2 * PARTS:
        return found
    rarest = np.array([min((counts[label] for label in each), default=0) for each in lists])
    return [*found, *parts_of("label's texts", rarest, "")]


def parts_of(name: str, numbers: Array, unit: str) -> list[Slice]:
    """Up to four parts of equal size by a number."""
    bounds = np.unique(np.quantile(numbers, np.linspace(0, 1, PARTS + 1)[1:], method="lower"))
    found, before = [], -np.inf
    for bound in bounds:
        inside = (numbers > before) & (numbers <= bound)
        least, most = numbers[inside].min(), numbers[inside].max()
        span = f"{least:,.6g}" if least == most else f"{least:,.6g} to {most:,.6g}"
        found.append(Slice(name, f"{span} {unit}".strip(), inside))
        before = bound
    return found


def of_words(examples: Examples, models: Sequence[Answering]) -> list[Slice]:
    """Parts by the share of words that the larger model does not know, and of those that only the smaller one lacks."""
    known = [share for model in models if (share := unknown_share(examples, model)) is not None]
    found = []
    if known:
        found += by_share("unknown words", known[0])
    if len(known) == len(models) == 2:  # noqa: PLR2004
        found += by_share("removed words", np.maximum(known[1] - known[0], 0))
    return found


def unknown_share(examples: Examples, model: Answering) -> Array | None:
    """The share of each text's words that a model does not know; None if it cannot list its words."""
    listed = getattr(model, "words", None)
    if listed is None:
        return None
    from prunetext.runtime._native import Vocabulary

    words, tokenizer = listed()
    ids, offsets = Vocabulary(words, tokenizer).encode(lengths_of(examples))
    numbers, bounds = np.frombuffer(ids, np.int32), np.frombuffer(offsets, np.int64)
    unknown = np.concatenate([[0], np.cumsum(numbers == 1)])
    return np.asarray((unknown[bounds[1:]] - unknown[bounds[:-1]]) / np.maximum(np.diff(bounds), 1))


def by_share(name: str, share: Array) -> list[Slice]:
    """Parts by a share: none, and up to the bounds."""
    found = [Slice(name, "none", share <= 0)]
    for low, high in zip(_SHARES, (*_SHARES[1:], 1.0), strict=True):
        found.append(Slice(name, f"{100 * low:g} to {100 * high:g} %", (share > low) & (share <= high)))
    return found


def of_column(name: str, values: Sequence[Any]) -> list[Slice]:
    """A slice for each value of a column; numbers of many values are four parts, and rare values one together."""
    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if len(set(numbers)) > MOST_VALUES and len(numbers) + values.count(None) == len(values):
        here = np.array([value is not None for value in values])
        parts = [(each.value, each.inside) for each in parts_of(name, np.array(numbers), "")]
        found = [Slice(name, value, np.zeros(len(values), bool)) for value, _ in parts]
        for each, (_, inside) in zip(found, parts, strict=True):
            each.inside[here] = inside
        return [*found, Slice(name, MISSING, ~here)]
    told = named_values(values)
    return [Slice(name, value, np.array([each == value for each in told])) for value in sorted(set(told))]


def named_values(values: Sequence[Any]) -> list[str]:
    """The values of a column as they are shown; rare ones have one name."""
    told = [MISSING if value is None else str(value) for value in values]
    counts = Counter(told)
    often = {value for value, count in counts.most_common(MOST_VALUES) if count >= FEWEST}
    return [value if value in often else REST for value in told]


def check_columns(examples: Examples, names: Sequence[str]) -> None:
    """Refuse columns that the texts do not have."""
    for name in names:
        if name not in examples.columns:
            has = ", ".join(map(repr, examples.columns)) or "none"
            raise InputError(f"slices is {name!r}, but these texts have no such column (they have {has}). Correct it.")
