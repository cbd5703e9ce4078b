"""How good a model is on labelled texts, alone or beside another one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from prunetext.data.dataset import Data, Examples, Report
from prunetext.data.gathering import check_task
from prunetext.data.reading import OF_MODEL, holds_splits, read_examples
from prunetext.data.splitting import split as split_data
from prunetext.errors import DataError, InputError, require
from prunetext.inspection import provenance_of
from prunetext.modelfiles import is_float, read_header
from prunetext.runtime.classifier import Classifier, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunetext.training.calibration import Rejection
    from prunetext.training.evaluation import ClassScore, Score, Verdict

SPLITS = ("train", "dev", "test")


class Evaluation(NamedTuple):
    """What `evaluate` found; `reference` and `verdict` where there was another model to compare with.

    `calibration_error` is the expected calibration error of a packed file, a share in 0..1; `rejection` is what its
    threshold does, where it has one.
    """

    score: Score
    per_class: list[ClassScore]
    reference: Score | None
    verdict: Verdict | None
    notes: list[str]
    calibration_error: float | None = None
    rejection: Rejection | None = None

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON: those of the score, and below them the classes and the verdict."""
        fields: dict[str, Any] = {**self.score._asdict(), "per_class": [each._asdict() for each in self.per_class]}
        if self.verdict is not None and self.reference is not None:
            fields |= {"verdict": self.verdict._asdict(), "against": self.reference._asdict()}
        if self.calibration_error is not None:
            fields["calibration_error"] = self.calibration_error
        if self.rejection is not None:
            fields["rejection"] = self.rejection._asdict()
        return {**fields, "notes": self.notes}


def evaluate(
    model: str | os.PathLike[str] | Classifier,
    data: str | Path | Data | Examples,
    *,
    split: str | None = None,
    against: str | os.PathLike[str] | Classifier | None = None,
    max_drop: float = 0.5,
    text: str | None = None,
    text_b: str | None = None,
    label: str | None = None,
    label_separator: str | None = None,
    encoding: str = "utf-8",
    skip_empty: bool = False,
) -> Evaluation:
    """Measure a model on labelled texts, and compare it with another one on the same texts.

        found = prunetext.evaluate("runs/reviews/model.safetensors", "new_reviews.csv")
        found.score.accuracy                 # 0.91

    model, against: packed files, or float files of a run; `against` is the reference, to which `model` may lose at
    most `max_drop` accuracy points. data: a source as for `prunetext.read`, or what that gives. split: train, dev or
    test. By default a folder of splits and a sample that the model was trained on give test, other sources every row.
    With a split, a source that was split by `fit` itself is split again in the same way. `text`, `text_b`, `label`,
    `label_separator`, `encoding` and `skip_empty` are as for `read`. A label that the model does not know raises
    `InputError`, as single texts do for a model of pairs.
    """
    require("scipy", extra="train")
    from prunetext.training.calibration import calibration_error, rejection
    from prunetext.training.evaluation import per_class, score, verdict

    if not 0 <= max_drop <= 100:
        raise InputError(f"max_drop is {max_drop}: it must be between 0 and 100.")
    ours = Answering(model)
    theirs = None if against is None else Answering(against)
    if theirs is not None and theirs.labels != ours.labels:
        raise InputError(f"{theirs.name}: its labels are not those of {ours.name}. Compare models of the same labels.")
    names = {"text": text, "text_b": text_b, "label": label, "label_separator": label_separator}
    reading = {**names, "encoding": encoding, "skip_empty": skip_empty}
    examples, notes = choose_examples(data, split, ours, reading)
    answers = ours.predict(examples.texts)
    reference = found = None
    if theirs is not None:
        others = theirs.predict(examples.texts)
        reference = score(others, examples.labels)
        found = verdict(_right(others, examples), _right(answers, examples), max_drop)
    error = rejected = None
    if ours.classifier is not None:
        tops, right = ours.classifier.predict_proba(examples.texts).max(1), _right(answers, examples)
        error = calibration_error(tops, right)
        rejected = None if ours.classifier.reject is None else rejection(tops, right, ours.classifier.reject)
    scored, classes = score(answers, examples.labels), per_class(answers, examples.labels)
    return Evaluation(scored, classes, reference, found, notes, error, rejected)


class Answering:
    """A model of either kind, as far as it labels texts."""

    labels: list[str]

    def __init__(self, model: str | os.PathLike[str] | Classifier) -> None:
        self.name = repr(model) if isinstance(model, Classifier) else os.fspath(model)
        self.classifier: Classifier | None = None
        self.path: Path | None = None
        if isinstance(model, Classifier):
            self.classifier = model
        elif is_float(model):
            require("torch", extra="train")
            self.path = Path(model)
        else:
            self.classifier = load(model)
        if self.classifier is not None:
            self.labels = self.classifier.labels
        else:
            from prunetext.runs import load_float

            assert self.path is not None
            self.model, self.words, self.labels, _ = load_float(self.path)

    @property
    def task(self) -> str:
        """What it does, in the words of a packed file."""
        if self.classifier is not None:
            return getattr(self.classifier, "task", "classification")
        assert self.path is not None
        return read_header(self.path).metadata.get("task", "classification")

    @property
    def recipe(self) -> dict[str, Any]:
        """How the model was made, as far as it says so."""
        if self.classifier is not None:
            recipe = provenance_of(self.classifier.metadata).get("recipe")
        else:
            assert self.path is not None
            recipe = json.loads(read_header(self.path).metadata.get("recipe", "null"))
        return recipe if isinstance(recipe, dict) else {}

    def predict(self, texts: list[str]) -> list[str]:
        """The most probable label of each text."""
        if self.classifier is not None:
            return self.classifier.predict(texts)
        from prunetext.runtime._native import Vocabulary
        from prunetext.training.examples import encode
        from prunetext.training.loop import logits

        # The gold labels are not asked for here; the first one stands in for them.
        encoded = encode(texts, self.labels[:1] * len(texts), Vocabulary(self.words), self.labels)
        return [self.labels[at] for at in logits(self.model, encoded).argmax(1).tolist()]


def choose_examples(
    data: str | Path | Data | Examples, split: str | None, model: Answering, reading: dict[str, Any]
) -> tuple[Examples, list[str]]:
    """The texts to judge the model on, and what a reader of the score should know of them."""
    if split is not None and split not in SPLITS:
        raise InputError(f"split is {split!r}: it must be {', '.join(SPLITS)}.")
    if isinstance(data, Examples):
        return known_labels(data, model, "these texts"), []
    if isinstance(data, Data):
        chosen: Examples | None = getattr(data, split or "test")
        if chosen is None:
            raise InputError(f"{data.name}: the data have no {split or 'test'}. Give some, or name another split.")
        return known_labels(chosen, model, data.name), []
    if holds_splits(data):
        return read_examples(data, model.labels, split=split, task=model.task, **reading), []
    whole = read_examples(data, model.labels, task=model.task, **reading)
    parts = same_split(whole, str(data), model.recipe)
    known = Data(whole, report=Report(len(whole))).fingerprint() == model.recipe.get("source")
    seen = "The model was trained on most of these rows"
    if split is not None and parts is None:
        if known:
            raise DataError(data, f"dev or test were files of their own when the model was made; give that of {split}.")
        raise DataError(
            data, f"the model was not made of these data, so that there is no {split} part. Leave --split out."
        )
    if parts is None:
        return whole, [f"{seen}."] if known else []
    if split is None and not str(data).startswith("sample:"):
        return whole, [f"{seen}; --split test takes those it has not seen."]
    part: Examples = getattr(parts, split or "test")
    return part, [f"These are the {len(part):,} rows that fit set aside as {split or 'test'}."]


def known_labels(examples: Examples, model: Answering, name: str) -> Examples:
    """The examples, if they are of the model's task and it knows all their labels."""
    check_task(examples, model.task, name, OF_MODEL)
    if unknown := sorted({each for labels in examples.label_lists for each in labels}.difference(model.labels)):
        raise InputError(f"{name}: the label {unknown[0]!r} is none of the model's. Correct it, or take another model.")
    return examples


def same_split(whole: Examples, name: str, recipe: dict[str, Any]) -> Data | None:
    """The split of a run that read these very rows and no others, or None."""
    seed, fingerprint = recipe.get("seed"), recipe.get("data")
    if not isinstance(seed, int) or fingerprint is None:
        return None
    try:
        data = split_data(Data(whole, name=name, report=Report(len(whole))), seed=seed)
    except DataError:  # too few texts
        return None
    return data if data.fingerprint() == fingerprint else None


def _right(answers: Sequence[str], examples: Examples) -> list[bool]:
    return [answer == truth for answer, truth in zip(answers, examples.labels, strict=True)]
