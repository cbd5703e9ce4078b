"""Labels that are probably wrong: texts where all models are sure of another label.

    found = suspects([dense.probabilities, teacher.probabilities], targets)
    found[0]             # Suspect(row=812, label=3, instead=1, probability=0.998)

Each model must know the texts from outside: what it has learnt it repeats, errors too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from prunetext.statistics.answers import Array

_LEAST = 1e-12  # smaller probabilities are raised to this


class Suspect(NamedTuple):
    """A text whose label is probably wrong: the classes that it has and should have.

    probability: of the other one, by the mean of the models.
    """

    row: int
    label: int
    instead: int
    probability: float


def doubts(probabilities: Sequence[Array], targets: Array) -> Array:
    """How much the models together doubt each label, (texts,): larger is more.

    >>> doubts([np.array([[0.9, 0.1], [0.2, 0.8]])], np.array([0, 0])).round(2).tolist()
    [0.11, 1.61]

    The mean over models of minus the logarithm of the label's probability. On wrong labels that were planted it does
    better than the best other label's log-odds, and than the mean of probabilities.
    """
    rows = np.arange(len(targets))
    return np.asarray(np.mean([-np.log(np.maximum(said[rows, targets], _LEAST)) for said in probabilities], axis=0))


def suspects(probabilities: Sequence[Array], targets: Array) -> list[Suspect]:
    """The texts whose labels are probably wrong, the most doubtful first.

    >>> sure = np.array([[0.9, 0.1]] * 3 + [[0.1, 0.9]] * 3)
    >>> suspects([sure, sure], np.array([0, 0, 0, 1, 1, 0]))
    [Suspect(row=5, label=0, instead=1, probability=0.9)]

    probabilities: of each model, (texts, classes). targets: int (texts,); if texts can have several labels, none is
    suspected. A text is suspected if all models give another label, the same one, and each is at least as sure of it
    as it is on average of texts that have this label.
    Source of the second condition: C. Northcutt, L. Jiang, I. Chuang, Confident Learning: Estimating Uncertainty in
    Dataset Labels, Journal of Artificial Intelligence Research 70 (2021).
    """
    if targets.ndim > 1:
        return []
    rows = np.arange(len(targets))
    first = probabilities[0].argmax(1)
    found = first != targets
    for said in probabilities:
        classes = said.shape[1]
        counts = np.bincount(targets, minlength=classes)
        sums = np.bincount(targets, said[rows, targets], minlength=classes)
        usual = np.where(counts > 0, sums / np.maximum(counts, 1), 1.0)
        top = said.argmax(1)
        found &= (top == first) & (said[rows, top] >= usual[top])
    doubtful = doubts(probabilities, targets)
    mean = np.mean([said[rows, first] for said in probabilities], axis=0)
    order = sorted(np.flatnonzero(found).tolist(), key=lambda row: (-doubtful[row], row))
    return [Suspect(row, int(targets[row]), int(first[row]), float(mean[row])) for row in order]
