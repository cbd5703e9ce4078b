"""`prunetext.evaluate` and `prunetext.gate`: how good a model is, alone or beside another one that it may replace."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunetext.data.columns import column_names
from prunetext.data.dataset import Data, Examples
from prunetext.data.formats.tables import as_frame
from prunetext.errors import InputError, brief, require
from prunetext.judging.evaluation import Evaluation
from prunetext.judging.gating import UNDECIDED, Gate
from prunetext.judging.texts import choose_examples, train_of
from prunetext.modelfiles.api import open_model
from prunetext.runtime.calls import A_MODEL, A_NUMBER, A_STR, READING_KINDS, SOME_DATA, STRS, takes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunetext.runtime.classifier import Classifier
    from prunetext.statistics.answers import Answering, Answers
    from prunetext.statistics.metrics import Measure


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
    score: str | None = None,
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
    apart, such as "source,language"; `Examples.columns` holds them in memory. A model of scores needs no `against` for
    them: it is measured inside each part. score: the column of true scores, for such a model; `score` if not given. The
    other options are as for `read`. A label that the model does not know raises `InputError`, as single texts do for a
    model of pairs.
    """
    require("scipy", extra="train")
    from prunetext.statistics.answers import recipe_of
    from prunetext.statistics.metrics import check_metric, measure_of

    if metric is not None:
        check_metric(metric)
    if not 0 <= max_drop <= 100:
        raise InputError(f"max_drop is {max_drop}: it must be between 0 and 100.")
    ours = open_model(model)
    theirs = None if against is None else open_model(against)
    refuse_unlike(ours, theirs)
    names = {"text": text, "text_b": text_b, "label": label, "score": score, "label_separator": label_separator}
    reading = {**names, "encoding": encoding, "skip_empty": skip_empty, "format": format, "quoting": quoting}
    columns = column_names(slices)
    if columns and theirs is None and not ours.task.has_steps:
        raise InputError("slices are given, but no model to compare with. Give one as against, or leave slices out.")
    source = as_frame(data) or data
    examples, notes = choose_examples(source, split, ours, theirs, {**reading, "columns": columns})
    measure = measure_of(metric, examples, ours.labels, positive or recipe_of(ours).get("positive"))
    if ours.task.has_steps:
        return _judged_scores(examples, measure, ours, theirs, notes, max_drop, columns)
    train = None if theirs is None else train_of(source, split, ours, reading)
    return _judged(examples, measure, ours, theirs, notes, max_drop, columns, train)


def _judged(
    examples: Examples,
    measure: Measure,
    ours: Answering,
    theirs: Answering | None,
    notes: list[str],
    max_drop: float,
    columns: Sequence[str],
    train: Examples | None,
) -> Evaluation:
    """Ask the models, and compare their answers."""
    from prunetext.judging.damage import damage_between
    from prunetext.statistics.bootstrap import bootstrap_verdict
    from prunetext.statistics.calibration import calibration_of
    from prunetext.statistics.evaluation import per_class, score

    said, gold = asked(ours, examples, ours.labels), examples.gold
    answers = measure.named(said, ours.labels)
    scored, classes = score(answers, gold), per_class(answers, gold)
    reference = found = value = damage = None
    if theirs is not None:
        others = asked(theirs, examples, ours.labels)
        reference, value = score(measure.named(others, ours.labels), gold), measure.value(others)
        found = bootstrap_verdict(measure, others, said, max_drop)
        damage = damage_between(examples, measure, ours.labels, others, said, columns, (theirs, ours), max_drop, train)
    error, rejected = calibration_of(measure, said, ours.provenance.get("reject"))
    values = (measure.name, measure.value(said), value, measure.micro_f1(said))
    return Evaluation(scored, classes, reference, found, notes, error, rejected, *values, damage)


def _judged_scores(
    examples: Examples,
    measure: Measure,
    ours: Answering,
    theirs: Answering | None,
    notes: list[str],
    max_drop: float,
    columns: Sequence[str],
) -> Evaluation:
    """Ask models of scores, and compare their answers."""
    from prunetext.judging.scored_slices import scored_columns
    from prunetext.statistics.bootstrap import bootstrap_verdict
    from prunetext.statistics.calibration import calibration_of
    from prunetext.statistics.closeness import Closeness

    said = asked(ours, examples, ours.labels)
    found = measure.closeness(said)
    assert isinstance(found, Closeness)
    reference = verdict = value = None
    if theirs is not None:
        others = asked(theirs, examples, ours.labels)
        reference, value = measure.closeness(others), measure.value(others)
        verdict = bootstrap_verdict(measure, others, said, max_drop)
    parts = tuple(scored_columns(examples, columns, measure.gold.scores(said), measure.name))
    error, _ = calibration_of(measure, said, None)
    values = (measure.name, measure.value(said), value, None, None, parts)
    return Evaluation(found, [], reference, verdict, notes, error, None, *values)


@takes(
    a=A_MODEL,
    b=A_MODEL,
    data=SOME_DATA,
    max_drop=A_NUMBER,
    max_churn=A_NUMBER,
    slices=STRS,
    undecided=A_STR,
    split=A_STR,
    metric=A_STR,
    positive=A_STR,
    **READING_KINDS,
)
def gate(
    a: str | os.PathLike[str] | Classifier | Answering,
    b: str | os.PathLike[str] | Classifier | Answering,
    data: str | Path | Data | Examples,
    *,
    max_drop: float = 0.5,
    max_churn: float = 2.0,
    slices: str | Sequence[str] = (),
    undecided: str | None = None,
    split: str | None = None,
    metric: str | None = None,
    positive: str | None = None,
    text: str | None = None,
    text_b: str | None = None,
    label: str | None = None,
    score: str | None = None,
    label_separator: str | None = None,
    encoding: str = "utf-8",
    skip_empty: bool = False,
    format: str | None = None,
    quoting: str = "auto",
) -> Gate:
    """Say whether model b may take the place of model a, which is in use: for the checks before a change goes in.

        found = prunetext.gate("in_use.safetensors", "new.safetensors", "labelled.csv", slices="source")
        found.name, found.code, found.reasons        # ('lost', 3, ['churn: 4.10 % of the texts change their …'])
        Path("gate.xml").write_text(found.junit(), "utf-8")

    a, b: anything that `open_model` opens. It is `kept` (code 0) if the paired verdict is, at most `max_churn` percent
    of the texts change their label, and no slice has lost more than the other texts and certainly more than `max_drop`
    points, corrected for their number. It is `lost` (code 3) if the verdict is lost, or one of the others does not
    hold. Else it is `undecided` (code 4), as too few texts are. undecided: pass makes that code 0, fail 3. The other
    options, such as metric, positive and split, and those for reading, are as for `evaluate`.
    """
    if not 0 <= max_churn <= 100:
        raise InputError(f"max_churn is {max_churn}: it must be between 0 and 100.")
    if undecided is not None and undecided not in UNDECIDED:
        raise InputError(f"undecided is {brief(undecided)}: it must be {' or '.join(UNDECIDED)}.")
    theirs, ours = open_model(a), open_model(b)
    for each in (theirs, ours):
        if each.task.has_steps:
            raise InputError(
                f"{each.name}: gate compares labels, but this model gives scores. Use evaluate with against, whose "
                "verdict is about scores."
            )
    named = {"split": split, "metric": metric, "positive": positive, "slices": slices, "text": text, "text_b": text_b}
    read = {
        "label": label,
        "score": score,
        "label_separator": label_separator,
        "encoding": encoding,
        "skip_empty": skip_empty,
    }
    asking: dict[str, Any] = {**named, **read, "format": format, "quoting": quoting}
    found = evaluate(ours, data, against=theirs, max_drop=max_drop, **asking)
    return Gate.of(found, theirs.name, ours.name, max_drop, max_churn, undecided)


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
