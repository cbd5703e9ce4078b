"""`prunetext.evaluate`: how good a model is on labelled texts, alone or beside another one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from prunetext.data.dataset import Data, Examples
from prunetext.data.formats.tables import as_frame
from prunetext.data.gathering import check_task
from prunetext.data.reading import OF_MODEL, read_examples
from prunetext.data.report import Report
from prunetext.data.sources import holds_splits
from prunetext.data.splitting import split as split_data
from prunetext.errors import DataError, InputError, brief, require
from prunetext.modelfiles.api import open_model
from prunetext.runtime.calls import A_MODEL, A_NUMBER, A_STR, READING_KINDS, SOME_DATA, STRS, takes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunetext.judging.damage import DamageReport
    from prunetext.runtime.classifier import Classifier
    from prunetext.statistics.answers import Answering, Answers
    from prunetext.statistics.calibration import Rejection
    from prunetext.statistics.evaluation import ClassScore, Score, Verdict

SPLITS = ("train", "dev", "test")


class Evaluation(NamedTuple):
    """The result of `evaluate`; with another model to compare with, it has `reference` and `verdict`.

    `calibration_error` is the expected calibration error, a share in 0..1; `rejection` is the effect of a packed file's
    threshold, if it has one. `damage`: which texts and which parts of them the model does worse than the other one.
    """

    score: Score
    per_class: list[ClassScore]
    reference: Score | None
    verdict: Verdict | None
    notes: list[str]
    calibration_error: float | None = None
    rejection: Rejection | None = None
    metric: str = "accuracy"
    value: float = 0.0  # of the metric, a share
    reference_value: float | None = None
    micro_f1: float | None = None  # if texts can have several labels
    damage: DamageReport | None = None

    @property
    def title(self) -> str:
        """The metric's name as people write it."""
        from prunetext.statistics.metrics import METRICS

        return METRICS[self.metric].title

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON: those of the score, and below them the classes and the verdict."""
        fields: dict[str, Any] = {**self.score._asdict(), "metric": self.metric, "value": self.value}
        if self.micro_f1 is not None:
            fields["micro_f1"] = self.micro_f1
        fields["per_class"] = [each._asdict() for each in self.per_class]
        if self.verdict is not None and self.reference is not None:
            reference = {**self.reference._asdict(), "value": self.reference_value}
            fields |= {"verdict": self.verdict._asdict(), "against": reference}
        if self.damage is not None:
            fields["damage"] = self.damage.fields()
        if self.calibration_error is not None:
            fields["calibration_error"] = self.calibration_error
        if self.rejection is not None:
            fields["rejection"] = self.rejection._asdict()
        return {**fields, "notes": self.notes}


@takes(
    model=A_MODEL,
    data=SOME_DATA,
    split=A_STR,
    against=A_MODEL,
    max_drop=A_NUMBER,
    metric=A_STR,
    positive=A_STR,
    slices=STRS,
    **READING_KINDS,
)
def evaluate(
    model: str | os.PathLike[str] | Classifier | Answering,
    data: str | Path | Data | Examples,
    *,
    split: str | None = None,
    against: str | os.PathLike[str] | Classifier | Answering | None = None,
    max_drop: float = 0.5,
    metric: str | None = None,
    positive: str | None = None,
    slices: str | Sequence[str] = (),
    text: str | None = None,
    text_b: str | None = None,
    label: str | None = None,
    label_separator: str | None = None,
    encoding: str = "utf-8",
    skip_empty: bool = False,
    format: str | None = None,
    quoting: str = "auto",
) -> Evaluation:
    """Measure a model on labelled texts, and compare it with another one on the same texts.

        found = prunetext.evaluate("runs/reviews/model.safetensors", "new_reviews.csv")
        found.score.accuracy                 # 0.91

    model, against: anything that `open_model` opens, such as packed files, float files of a run, and other people's
    models; `against` is the reference, against which `model` may lose at most `max_drop` points of accuracy, or of
    `metric`; `positive` is the positive label of some metrics, if its name is unusual. data: a source as for
    `prunetext.read`, or its result. split: train, dev or test. By default, test is taken of a folder of splits and of a
    sample that the model was trained on, and every row of other sources. With a split, a source that `fit` split itself
    is split again in the same way. slices: with `against`, further columns of the data by which the damage is told
    apart, such as "source,language"; `Examples.columns` holds them in memory. The other options are as for `read`. A
    label that the model does not know raises `InputError`, as single texts do for a model of pairs.
    """
    require("scipy", extra="train")
    from prunetext.judging.damage import damage_of
    from prunetext.statistics.answers import recipe_of
    from prunetext.statistics.bootstrap import bootstrap_verdict
    from prunetext.statistics.calibration import calibration_of
    from prunetext.statistics.evaluation import per_class, score
    from prunetext.statistics.metrics import check_metric, measure_of

    if metric is not None:
        check_metric(metric)
    if not 0 <= max_drop <= 100:
        raise InputError(f"max_drop is {max_drop}: it must be between 0 and 100.")
    ours = open_model(model)
    theirs = None if against is None else open_model(against)
    refuse_unlike(ours, theirs)
    names = {"text": text, "text_b": text_b, "label": label, "label_separator": label_separator}
    reading = {**names, "encoding": encoding, "skip_empty": skip_empty, "format": format, "quoting": quoting}
    reading["columns"] = columns = columns_of(slices)
    examples, notes = choose_examples(as_frame(data) or data, split, ours, theirs, reading)
    measure = measure_of(metric, examples, ours.labels, positive or recipe_of(ours).get("positive"))
    said, gold = asked(ours, examples, ours.labels), examples.gold
    answers = measure.named(said, ours.labels)
    scored, classes = score(answers, gold), per_class(answers, gold)
    reference = found = value = damage = None
    if theirs is not None:
        others = asked(theirs, examples, ours.labels)
        reference, value = score(measure.named(others, ours.labels), gold), measure.value(others)
        found = bootstrap_verdict(measure, others, said, max_drop)
        damage = damage_of(examples, measure, ours.labels, others, said, columns, (theirs, ours), max_drop)
    error, rejected = calibration_of(measure, said, ours.provenance.get("reject"))
    values = (measure.name, measure.value(said), value, measure.micro_f1(said))
    return Evaluation(scored, classes, reference, found, notes, error, rejected, *values, damage)


def columns_of(slices: str | Sequence[str]) -> tuple[str, ...]:
    """The names of columns, which may be one string with commas.

    >>> columns_of("source, language")
    ('source', 'language')
    """
    names = slices.split(",") if isinstance(slices, str) else slices
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


def asked(model: Answering, examples: Examples, labels: list[str]) -> Answers:
    """A model's answers to all texts, in the order of these labels."""
    from prunetext.statistics.answers import checked_answers

    answers = checked_answers(model, model.answers(examples.inputs), examples.inputs)
    return answers.reordered(model.labels, labels)


def refuse_unlike(ours: Answering, theirs: Answering | None) -> None:
    """Refuse to compare models of other labels, or of another task."""
    if theirs is not None and sorted(theirs.labels) != sorted(ours.labels):
        raise InputError(f"{theirs.name}: its labels are not those of {ours.name}. Compare models with equal labels.")
    if theirs is not None and theirs.task != ours.task:
        raise InputError(
            f"{theirs.name}: its task is {theirs.task.name}, but that of {ours.name} is {ours.task.name}. "
            "Compare models of the same task."
        )


def choose_examples(
    data: str | Path | Data | Examples | Any,
    split: str | None,
    model: Answering,
    other: Answering | None,
    reading: dict[str, Any],
) -> tuple[Examples, list[str]]:
    """The texts to judge the model on, and notes on them for the reader of the score; never a dev that one learnt."""
    from prunetext.statistics.answers import has_learnt, recipe_of

    examples, notes = examples_of(data, split, model, reading)
    for each in (model, other):
        if each is not None and has_learnt(recipe_of(each), examples):
            raise InputError(
                f"{each.name}: at the end of its run, it has learnt most texts of this dev. Give others, or a model "
                "of fit --no-refit."
            )
    return examples, notes


def examples_of(
    data: str | Path | Data | Examples | Any, split: str | None, model: Answering, reading: dict[str, Any]
) -> tuple[Examples, list[str]]:
    """The texts of a split, or all of them, and notes on them."""
    from prunetext.statistics.answers import recipe_of

    if split is not None and split not in SPLITS:
        raise InputError(f"split is {brief(split)}: it must be {', '.join(SPLITS)}.")
    if isinstance(data, Examples):
        return known_labels(data, model, "these texts"), []
    if isinstance(data, Data):
        chosen: Examples | None = getattr(data, split or "test")
        if chosen is None:
            raise InputError(f"{data.name}: the data have no {split or 'test'}. Add it, or choose another split.")
        return known_labels(chosen, model, data.name), []
    if holds_splits(data):
        return read_examples(data, model.labels, split=split, task=model.task, **reading), []
    whole = read_examples(data, model.labels, task=model.task, **reading)
    recipe = recipe_of(model)
    parts = same_split(whole, str(data), recipe)
    known = Data(whole, report=Report(len(whole))).fingerprint() == recipe.get("source")
    seen = "The model was trained on most of these rows"
    if split is not None and parts is None:
        if known:
            raise DataError(data, f"dev or test were separate files when the model was made. Give the {split} file.")
        raise DataError(data, f"the model was not trained on these data: there is no {split} part. Leave --split out.")
    if parts is None:
        return whole, [f"{seen}."] if known else []
    if split is None and not str(data).startswith("sample:"):
        return whole, [f"{seen}; --split test takes those that it has not seen."]
    part: Examples = getattr(parts, split or "test")
    return part, [f"These are the {len(part):,} rows that fit set aside as {split or 'test'}."]


def known_labels(examples: Examples, model: Answering, name: str) -> Examples:
    """The examples, checked to have the model's task and only labels that it knows."""
    check_task(examples, model.task, name, OF_MODEL)
    if unknown := sorted({each for labels in examples.label_lists for each in labels}.difference(model.labels)):
        raise InputError(
            f"{name}: the label {unknown[0]!r} is not one of the model's. Correct it, or use another model."
        )
    return examples


def same_split(whole: Examples, name: str, recipe: dict[str, Any]) -> Data | None:
    """The split of a run that read exactly these rows, or None."""
    seed, fingerprint = recipe.get("seed"), recipe.get("data")
    if not isinstance(seed, int) or fingerprint is None:
        return None
    try:
        data = split_data(Data(whole, name=name, report=Report(len(whole))), seed=seed)
    except DataError:  # too few texts
        return None
    return data if data.fingerprint() == fingerprint else None
