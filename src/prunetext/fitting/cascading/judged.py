"""What a cascade gives at each threshold, on dev and test, and its verdict against the transformer alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from prunetext.data.dataset import Examples
from prunetext.fitting.cascading.choosing import Passing
from prunetext.fitting.cascading.halves import Half, Halves
from prunetext.judging.side_by_side import ModelRow
from prunetext.judging.speed import speed_rows, texts_per_second
from prunetext.models.protocol import load_family
from prunetext.pruning.problem import Told
from prunetext.runtime.cascade_model import confidences, unsure
from prunetext.runtime.classifier import Classifier
from prunetext.statistics.answers import Answers, Array
from prunetext.statistics.bootstrap import bootstrap_verdict
from prunetext.statistics.evaluation import Verdict, score
from prunetext.statistics.metrics import Measure
from prunetext.training.loop import Progress

MOST_CURVE = 40  # thresholds of the curve
ASKED_AT_ONCE = 256  # texts, between two reports of progress
FIRST, SECOND, BOTH = "first", "second", "cascade"


class CurveRow(NamedTuple):
    """One threshold: shares of texts that go on, values of the metric (0..1), and microseconds of a text on average."""

    threshold: float
    passed: float  # of dev
    dev: float
    passed_test: float
    test: float
    micros: float
    chosen: bool = False


class AskedBoth(NamedTuple):
    """Both models' answers to some texts, the metric on them, and how sure the first model is of each."""

    measure: Measure
    first: Answers
    second: Answers
    confidence: Array

    def mixed(self, threshold: float) -> Answers:
        """What the cascade answers."""
        return self.first.where(~unsure(self.confidence, threshold), self.second)

    def passed(self, threshold: float) -> float:
        """The share of texts that go on."""
        return float(unsure(self.confidence, threshold).mean())


class JudgedCascade(NamedTuple):
    """The models alone and together on test, and whether the cascade kept what the transformer alone reaches."""

    models: dict[str, ModelRow]
    verdict: Verdict
    passed: float  # share of test that goes on
    curve: list[CurveRow]


def both_asked(halves: Halves, examples: Examples, stage: str, told: Told) -> AskedBoth:
    """Ask both models about some texts."""
    first, second = (
        answers_told(each.model, examples.inputs, told, f"{stage}: {name}")
        for each, name in ((halves.first, FIRST), (halves.second, SECOND))
    )
    sure = confidences(first.probabilities, halves.first.model.thresholds)
    return AskedBoth(halves.measure(examples), first, second, sure)


def answers_told(model: Classifier, inputs: Sequence[Any], told: Told, stage: str) -> Answers:
    """A model's answers to all of these texts, or pairs."""
    parts = []
    for at in range(0, len(inputs), ASKED_AT_ONCE):
        if told is not None:
            told(stage, Progress(at, len(inputs), None))
        parts.append(Answers(*model.answers(inputs[at : at + ASKED_AT_ONCE])))
    if told is not None:
        told(stage, Progress(len(inputs), len(inputs), None))
    return Answers.joined(*parts)


def micros_of(half: Half, family: str, examples: Examples, seconds: float) -> float:
    """The mean microseconds that a text takes a model of this family alone, on one thread of this machine."""
    rows = speed_rows(len(examples), load_family(family).timed)
    inputs = examples.subset(rows.tolist()).inputs
    return 1e6 / texts_per_second(partial(half.model.predict, inputs, threads=1), len(inputs), seconds)


def curve_of(
    rows: Sequence[Passing], chosen: Passing, dev: AskedBoth, test: AskedBoth, micros: Callable[[float], float]
) -> list[CurveRow]:
    """Some of the thresholds, evenly spread over the share of texts that go on, the chosen one among them."""
    wanted = np.linspace(rows[0].passed, rows[-1].passed, MOST_CURVE - 1)
    shares = np.array([row.passed for row in rows])
    places = {int(np.abs(shares - share).argmin()) for share in wanted} | {rows.index(chosen)}
    found = []
    for at in sorted(places):
        row = rows[at]
        on_dev, on_test = (each.measure.value(each.mixed(row.threshold)) for each in (dev, test))
        shares_on = row.passed, on_dev, test.passed(row.threshold), on_test
        found.append(CurveRow(row.threshold, *shares_on, micros(row.passed), row is chosen))
    return found


def judged_cascade(
    halves: Halves, test: AskedBoth, chosen: Passing, curve: list[CurveRow], micros: dict[str, float], max_drop: float
) -> JudgedCascade:
    """The models alone and together on test; micros: of a text, of each of the three.

    Together, the second model is asked about the texts that go on alone, as a user's call does: with int8, an answer
    can depend on the other texts of a call.
    """
    measure, labels = test.measure, halves.labels
    said = {FIRST: test.first, SECOND: test.second, BOTH: test.mixed(chosen.threshold)}
    if 0 < test.passed(chosen.threshold) < 1:
        on = unsure(test.confidence, chosen.threshold)
        inputs = halves.test.subset(np.flatnonzero(on).tolist()).inputs
        for all_, some in zip(said[BOTH], halves.second.model.answers(inputs), strict=True):
            all_[on] = some
    sizes = {FIRST: halves.first.model.size, SECOND: halves.second.model.size}
    sizes[BOTH] = sum(sizes.values())
    rows = {
        name: ModelRow(
            score(measure.named(own, labels), halves.test.gold),
            sizes[name],
            1e6 / micros[name],
            measure.value(own),
            measure.micro_f1(own),
        )
        for name, own in said.items()
    }
    found = bootstrap_verdict(measure, test.second, said[BOTH], max_drop)
    return JudgedCascade(rows, found, test.passed(chosen.threshold), curve)
