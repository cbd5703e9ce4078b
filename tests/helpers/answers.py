"""Answers that tests make up."""

import numpy as np
import numpy.typing as npt

from prunetext.statistics.answers import Answers


def given(chosen: npt.ArrayLike) -> Answers:
    """Of several labels those that are given, (n, classes) of 0 and 1, each with the probability 1."""
    flags = np.asarray(chosen, bool)
    return Answers(flags.astype(float), flags)


def certain(classes: npt.ArrayLike, count: int = 2) -> Answers:
    """One class for each text, with the probability 1; count: of classes."""
    return Answers.of(np.eye(count)[np.asarray(classes)])
