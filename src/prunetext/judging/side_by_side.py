"""Dense, pruned and packed side by side: the same texts, accuracy, bytes and speed, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from prunetext.data.dataset import Examples, Input
from prunetext.judging.speed import texts_per_second
from prunetext.models.encoded import Encoded
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.packing import pack
from prunetext.models.textcnn.rounding import TABLES
from prunetext.runtime.api import load
from prunetext.runtime.classifier import Classifier
from prunetext.statistics.bootstrap import bootstrap_verdict
from prunetext.statistics.calibration import (
    Calibration,
    calibration_error,
    choose_threshold,
    fit_temperature,
    least_texts,
    rejection,
)
from prunetext.statistics.evaluation import Answers, Damage, Score, Verdict, damages, score
from prunetext.statistics.metrics import METRICS, Array, Measure, named, packed_answers
from prunetext.statistics.thresholds import tuned
from prunetext.training.loop import answers, logits, thresholds_of

FLOAT_BYTES = 4
AGREEMENT = 0.9925  # share of dev labels on which int8 table rows must agree with the float model, else they are int16
SHIFT = 0.001  # and by how much accuracy may differ


class Agreement(NamedTuple):
    """The float model against the packed file, on dev."""

    table: str
    equal: float  # share of equal labels
    drop: float  # of accuracy, or of the metric, in points


class Row(NamedTuple):
    """One line of the table: a model on test."""

    score: Score
    bytes: int
    texts_per_second: float  # one thread
    value: float = 0.0  # of the metric, a share
    micro_f1: float | None = None  # where texts may have several labels


class Judged(NamedTuple):
    """Three models on the same texts, and whether the packed one kept the dense one's accuracy, or another metric."""

    dense: Row
    pruned: Row
    packed: Row
    verdict: Verdict
    agreement: Agreement
    metric: str = "accuracy"
    damages: tuple[Damage, ...] = ()  # of each label, the worst first, where texts may have several

    def with_size(self, size: int) -> Judged:
        """The same with the packed file's final bytes."""
        return self._replace(packed=self.packed._replace(bytes=size))

    def models(self) -> dict[str, Row]:
        """The three by their names."""
        return {"dense": self.dense, "pruned": self.pruned, "packed": self.packed}

    @property
    def title(self) -> str:
        """The metric's name as people write it."""
        return METRICS[self.metric].title

    def values(self) -> dict[str, float]:
        """The metric of dense and packed model, as short as it stands in the packed file."""
        return {"dense": round(self.dense.value, 4), "packed": round(self.packed.value, 4)}

    def rows(self) -> dict[str, Any]:
        """Plain dictionaries, for JSON."""
        models = {name: {**row.score._asdict(), **row._asdict()} for name, row in self.models().items()}
        for row in models.values():
            del row["score"]
            if row["micro_f1"] is None:
                del row["micro_f1"]
        others = {"verdict": self.verdict._asdict(), "agreement": self.agreement._asdict(), "metric": self.metric}
        lost = [{**each._asdict(), "drop": each.drop} for each in self.damages]
        return {**models, **others, **({"damage": lost} if lost else {})}


def choose_table(
    model: TextCNN,
    words: list[str],
    labels: list[str],
    dev: Encoded,
    inputs: Sequence[Input],
    scratch: Path,
    measure: Measure,
) -> tuple[str, Agreement]:
    """int8 table rows where they agree with the float model on dev, else int16, which take twice the memory.

    The file has the same bytes either way; only the table that the runtime unfolds differs. `measure` is of dev. Of
    several labels all of a text must be equal, by the thresholds of the float model.
    """
    rounding, model.rounding = model.rounding, None
    thresholds = thresholds_of(model, dev)
    before = answers(model, dev, thresholds)
    model.rounding = rounding
    found = []
    for table in TABLES:
        pack(model, words, labels, scratch, table=table, thresholds=None if thresholds is None else thresholds.tolist())
        now = packed_answers(load(scratch), inputs)
        equal = float(((now == before).all(1) if dev.several else now.argmax(1) == before.argmax(1)).mean())
        drop = measure.value(before) - measure.value(now)
        found.append(Agreement(table, equal, 100 * drop))
        if equal >= AGREEMENT and abs(drop) <= SHIFT:
            break
    best = max(found, key=lambda one: -abs(one.drop) + 10 * one.equal)
    return best.table, best


def judge(
    dense: TextCNN,
    pruned: TextCNN,
    packed: Path,
    test: Encoded,
    examples: Examples,
    labels: list[str],
    max_drop: float,
    agreement: Agreement,
    measure: Measure,
    dev: Encoded | None = None,
) -> Judged:
    """Run all three on test, once for the answers and again for the speed, each on one thread; `measure` is of test.

    Where texts may have several labels, `dev` says from which probability on the float models give each.
    """
    gold: Answers = examples.label_sets or examples.labels

    def row(scores: np.ndarray, size: int, speed: float) -> Row:
        micro = measure._replace(name="micro-f1").value(scores) if test.several else None
        return Row(score(named(scores, labels), gold), size, speed, measure.value(scores), micro)

    rounding, pruned.rounding = pruned.rounding, None
    given: dict[str, np.ndarray] = {}
    rows: dict[str, Row] = {}
    for name, model in (("dense", dense), ("pruned", pruned)):
        given[name] = answers(model, test, None if dev is None else thresholds_of(model, dev))
        size = sum(FLOAT_BYTES * parameter.numel() for parameter in model.parameters())
        speed = texts_per_second(lambda model=model: logits(model, test), len(test))  # type: ignore[misc]
        rows[name] = row(given[name], size, speed)
    pruned.rounding = rounding
    classifier = load(packed)
    given["packed"] = packed_answers(classifier, examples.inputs)
    speed = texts_per_second(lambda: classifier.predict(examples.inputs, threads=1), len(examples))
    rows["packed"] = row(given["packed"], classifier.size, speed)
    found = bootstrap_verdict(measure, given["dense"], given["packed"], max_drop)
    lost = damages(named(given["dense"], labels), named(given["packed"], labels), gold) if test.several else ()
    return Judged(rows["dense"], rows["pruned"], rows["packed"], found, agreement, measure.name, tuple(lost))


def calibrate(
    write: Callable[..., int], scratch: Path, dev: Examples, test: Examples, precision: float | None
) -> tuple[Calibration, list[str]]:
    """Find the temperature of a packed file on dev, and a threshold if a precision is wanted; say what they do on test.

        calibration, notes = calibrate(partial(pack, small, words, labels), scratch, dev, test, 0.95)

    `write` packs the model into a path, at a temperature; `scratch` is left as a file at the one that was found.
    """
    write(scratch)
    plain = load(scratch)
    targets = [plain.labels.index(label) for label in dev.labels]
    temperature = fit_temperature(plain.predict_proba(dev.inputs), targets)
    before = calibration_error(*answers_of(plain, test))
    write(scratch, temperature=temperature)
    packed = load(scratch)
    after = calibration_error(*answers_of(packed, test))
    threshold = None if precision is None else choose_threshold(*answers_of(packed, dev), precision)
    notes = []
    if precision is not None and threshold is None:
        notes.append(
            f"No threshold is stored: on the {len(dev):,} texts of dev none shows, with 95 % confidence, a precision "
            f"of {precision:g}, for which at least {least_texts(precision):,} texts must be accepted."
        )
    rejected = None if threshold is None else rejection(*answers_of(packed, test), threshold)
    return Calibration(temperature, before, after, rejected), notes


def calibrate_several(
    write: Callable[..., int], scratch: Path, dev: tuple[Examples, Encoded], test: tuple[Examples, Encoded]
) -> tuple[Calibration, Array]:
    """The same where texts may have several labels: the temperature, and from it the labels' thresholds, on dev.

        calibration, thresholds = calibrate_several(partial(pack, small, words, labels), scratch, dev, test)

    `dev` and `test` each as texts and as numbers. The errors are those of each label of each text.
    """
    (texts, gold), (others, truth) = dev, test
    even = np.full(gold.targets.shape[1], 0.5)

    def packed(*asked: list[Input], **more: Any) -> list[Array]:
        write(scratch, **more)
        classifier = load(scratch)
        return [classifier.predict_proba(inputs) for inputs in asked]

    on_dev, on_test = packed(texts.inputs, others.inputs, thresholds=even)
    temperature = fit_temperature(on_dev, gold.targets, several=True)
    before = calibration_error(on_test.ravel(), truth.targets.ravel())
    on_dev, on_test = packed(texts.inputs, others.inputs, thresholds=even, temperature=temperature)
    after = calibration_error(on_test.ravel(), truth.targets.ravel())
    thresholds = tuned(on_dev, gold.targets.numpy())
    write(scratch, thresholds=thresholds, temperature=temperature)
    return Calibration(temperature, before, after, None), thresholds


def answers_of(classifier: Classifier, examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """The probability of the most probable label of each text, and whether that label is right."""
    right = np.array(classifier.predict(examples.inputs)) == np.array(examples.labels)
    return classifier.predict_proba(examples.inputs).max(1), right
