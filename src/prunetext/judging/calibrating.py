"""The last numbers of a packed file, found on dev: its table, temperature and thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from prunetext.data.dataset import Examples, Input
from prunetext.data.scores import levels_of, scored
from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Packing, Trained, load_family
from prunetext.runtime.api import load
from prunetext.runtime.classifier import Classifier
from prunetext.statistics.answers import Answers, Array
from prunetext.statistics.calibration import (
    Calibration,
    calibration_error,
    choose_threshold,
    fit_temperature,
    least_texts,
    rejection,
    temperature_of_scores,
)
from prunetext.statistics.metrics import Measure
from prunetext.statistics.thresholds import tuned
from prunetext.training.answering import answers, thresholds_of
from prunetext.training.losses import loss_of

AGREEMENT = 0.9925  # share of dev labels on which int8 table rows must agree with the float model; else int16 is used
MOST_FITTED = 1_000_000  # probabilities that a temperature is fitted on, about a second's work
SHIFT = 0.001  # largest difference in accuracy
SAME_SCORE = 0.01  # of the range of scores: a smaller difference is none


class SplitTexts(NamedTuple):
    """A split as it is, and as numbers."""

    examples: Examples
    encoded: Encoded

    @property
    def inputs(self) -> list[Input]:
        """The inputs of a model."""
        return self.examples.inputs


class TriedNumbers(NamedTuple):
    """A question to a packed transformer with some numbers: what its parts lose on dev, beside the float32 file.

    part: the one that has this format while all others have float32; or all parts, or how many of them. drop: in
    points. equal: the share of equal labels. texts: those asked. bytes: of the file. held: whether this may be lost.
    """

    part: str
    format: str
    drop: float
    error: float
    equal: float
    texts: int
    bytes: int
    held: bool


class Agreement(NamedTuple):
    """The float model beside the packed file, on dev.

    numbers: of each part, if parts can have different ones, with the questions by which they were chosen.
    """

    table: str
    equal: float  # share of equal labels
    drop: float  # of accuracy, or of the metric, in points
    numbers: Mapping[str, str] = {}
    tried: tuple[TriedNumbers, ...] = ()

    def packing(self) -> Packing:
        """The settings of a packed file with these numbers."""
        return Packing(table=self.table, numbers=self.numbers)

    def refused(self) -> str:
        """What all parts with the smallest numbers would lose, in a sentence, if that is why some have others.

        >>> row = TriedNumbers("all", "int8", 0.4, 0.2, 0.98, 800, 23_000_000, False)
        >>> Agreement("float16", 0.99, 0.1, {"words": "int8"}, (row,)).refused()
        'With int8 in all parts, it would be 0.40 points, with a standard error of 0.20.'
        """
        if not self.tried or self.tried[0].held:
            return ""
        first = self.tried[0]
        lost = f"it would be {first.drop:.2f} points, with a standard error of {first.error:.2f}"
        return f"With {first.format} in all parts, {lost}."

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        found = {"table": self.table, "equal": self.equal, "drop": self.drop}
        return (
            found
            | ({"numbers": dict(self.numbers)} if self.numbers else {})
            | ({"tried": [each._asdict() for each in self.tried]} if self.tried else {})
        )


class Chosen(NamedTuple):
    """The table of a model's packed file, and what the file with it says of dev at temperature 1."""

    agreement: Agreement
    on_dev: Answers
    trained: Trained


class Calibrated(NamedTuple):
    """The settings for writing a packed file, their effect on test, notes, and what the file then says of test."""

    trained: Trained  # with thresholds, if texts can have several labels
    packing: Packing
    calibration: Calibration
    notes: list[str]
    on_test: Answers


def choose_table(
    trained: Trained,
    dev: SplitTexts,
    scratch: Path,
    measure: Measure,
    *,
    least_agreement: float = AGREEMENT,
    most_shift: float = SHIFT,
) -> Chosen:
    """int8 table rows if they agree with the float model on dev; else int16, which take twice the memory.

    The file has the same bytes either way; only the table that the runtime unfolds differs. `measure` is of dev. If
    texts can have several labels, all labels of a text must be equal, by the float model's thresholds; two scores are
    equal if they differ by less than a hundredth of the range.
    """
    thresholds = thresholds_of(trained.model, dev.encoded)
    before = answers(trained.model, dev.encoded, thresholds)
    trained = trained._replace(thresholds=None if thresholds is None else thresholds.tolist())
    found = []
    for table in load_family(trained.family).tables:
        now = Answers(*packed_by(trained, Packing(table=table), scratch).answers(dev.inputs))
        equal = equal_share(trained, before, now)
        drop = measure.value(before) - measure.value(now)
        found.append(Chosen(Agreement(table, equal, 100 * drop), now, trained))
        if equal >= least_agreement and abs(drop) <= most_shift:
            break
    return max(found, key=lambda one: -abs(one.agreement.drop) + 10 * one.agreement.equal)


def equal_share(trained: Trained, before: Answers, now: Answers) -> float:
    """The share of texts with equal labels; of scores, those that differ by less than a hundredth of their range."""
    if not trained.task.has_steps:
        return float((now.chosen == before.chosen).all(1).mean())
    levels = levels_of(trained.labels)
    apart = np.abs(scored(now.probabilities, levels) - scored(before.probabilities, levels))
    return float((apart < SAME_SCORE * (levels[-1] - levels[0])).mean())


def calibrated(
    trained: Trained,
    chosen: Chosen,
    scratch: Path,
    dev: SplitTexts,
    test: SplitTexts,
    precision: float | None,
    held_out: Chosen | None = None,
) -> Calibrated:
    """Find the temperature of a packed file and thresholds on dev; measure their effect on test.

        calibrated(trained, choose_table(trained, dev, scratch, measure), scratch, dev, test, 0.95).packing.temperature

    precision: the share of right labels that a threshold for rejecting texts must give. held_out: the model before it
    learnt texts of dev, if it did: what it says of texts that it has learnt is too sure to calibrate by. `scratch` is
    left as a file with the found temperature.
    """
    asked = held_out or chosen
    if trained.task.has_steps:
        return _of_scores(trained, chosen, asked, scratch, dev, test)
    if loss_of(trained.task).tuned is not None:
        return _of_several(trained, chosen, asked, scratch, dev, test)
    return _of_one(trained, chosen, asked, scratch, dev.examples, test.examples, precision)


def _of_one(
    trained: Trained,
    chosen: Chosen,
    asked: Chosen,
    scratch: Path,
    dev: Examples,
    test: Examples,
    precision: float | None,
) -> Calibrated:
    """If each text has one label: a temperature, and a threshold if a precision is given."""
    packing = chosen.agreement.packing()
    plain = packed_by(trained, packing, scratch)
    targets, truth = dev.targets(plain.labels), test.targets(plain.labels)
    some = rows_for(len(dev), len(plain.labels))
    packing = packing._replace(temperature=fit_temperature(asked.on_dev.probabilities[some], targets[some]))
    before = calibration_error(*tops_of(Answers(*plain.answers(test.inputs)), truth))
    threshold = None
    if precision is not None:
        on_dev = Answers(*_asked_at(asked, packing, scratch).answers(dev.inputs))
        threshold = choose_threshold(*tops_of(on_dev, targets), precision)
    packed = packed_by(trained, packing, scratch)
    on_test = Answers(*packed.answers(test.inputs))
    after = calibration_error(*tops_of(on_test, truth))
    notes = []
    if precision is not None and threshold is None:
        notes.append(
            f"No threshold is stored: on the {len(dev):,} texts of dev, none reaches a precision of {precision:g} with "
            f"95 % confidence, which takes at least {least_texts(precision):,} accepted texts."
        )
    rejected = None if threshold is None else rejection(*tops_of(on_test, truth), threshold)
    found = Calibration(packing.temperature, before, after, rejected)
    packing = packing._replace(reject=rejected and rejected.threshold)
    return Calibrated(trained, packing, found, [*notes, *found.notes()], on_test)


def _of_several(
    trained: Trained, chosen: Chosen, asked: Chosen, scratch: Path, dev: SplitTexts, test: SplitTexts
) -> Calibrated:
    """If texts can have several labels: the temperature, and the labels' thresholds at that temperature.

    The calibration errors count each label of each text.
    """
    gold, truth = dev.encoded.targets, test.encoded.targets
    even, packing = trained._replace(thresholds=[0.5] * gold.shape[1]), chosen.agreement.packing()
    some, cold = rows_for(*gold.shape), asked.on_dev.probabilities
    plain = packed_by(even, packing, scratch)
    packing = packing._replace(temperature=fit_temperature(cold[some], gold[some], several=True))
    before = calibration_error(plain.predict_proba(test.inputs).ravel(), truth.ravel())
    on_dev = _asked_at(asked, packing, scratch).predict_proba(dev.inputs)
    trained = trained._replace(thresholds=tuned(on_dev, gold.numpy()).tolist())
    on_test = Answers(*packed_by(trained, packing, scratch).answers(test.inputs))
    after = calibration_error(on_test.probabilities.ravel(), truth.ravel())
    found = Calibration(packing.temperature, before, after, None)
    return Calibrated(trained, packing, found, found.notes(), on_test)


def _of_scores(
    trained: Trained, chosen: Chosen, asked: Chosen, scratch: Path, dev: SplitTexts, test: SplitTexts
) -> Calibrated:
    """If texts have scores: the temperature at which the scores of dev have the smallest squared error."""
    levels, packing = levels_of(trained.labels), chosen.agreement.packing()
    assert dev.examples.scores is not None
    truth = test.encoded.targets.numpy()
    before = calibration_error(packed_by(trained, packing, scratch).predict_proba(test.inputs).ravel(), truth.ravel())
    heat = temperature_of_scores(asked.on_dev.probabilities, dev.examples.scores, levels)
    packing = packing._replace(temperature=heat)
    on_test = Answers(*packed_by(trained, packing, scratch).answers(test.inputs))
    after = calibration_error(on_test.probabilities.ravel(), truth.ravel())
    found = Calibration(heat, before, after, None)
    return Calibrated(trained, packing, found, found.notes(), on_test)


def _asked_at(asked: Chosen, packing: Packing, scratch: Path) -> Classifier:
    """The file of the model whose answers to dev count, at the temperature that was found by them."""
    return packed_by(asked.trained, asked.agreement.packing()._replace(temperature=packing.temperature), scratch)


def packed_by(trained: Trained, packing: Packing, scratch: Path) -> Classifier:
    """The model, packed and loaded again."""
    load_family(trained.family).pack(trained, scratch, packing)
    return load(scratch)


def rows_for(texts: int, classes: int) -> slice:
    """The rows of dev that a temperature is fitted on: all of them, unless there are very many probabilities.

    >>> rows_for(4500, 5), rows_for(4500, 3000)
    (slice(None, None, 1), slice(None, None, 14))
    """
    return slice(None, None, 1 + texts * classes // MOST_FITTED)


def tops_of(said: Answers, targets: Array) -> tuple[Array, Array]:
    """The probability of the most probable label of each text, and whether that label is right."""
    return said.probabilities.max(1), said.winners() == targets
