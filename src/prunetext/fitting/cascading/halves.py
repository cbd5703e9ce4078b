"""The two runs that a cascade is made of, and the data that both have learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from prunetext.data.dataset import Examples
from prunetext.errors import InputError
from prunetext.fitting.earlier import Earlier, data_of, read_earlier
from prunetext.fitting.parts import packed_path, refuse_mixed
from prunetext.fitting.refit import LEAST_JUDGES, unlearnt_rows
from prunetext.modelfiles.inspection import provenance_of
from prunetext.runtime.api import load
from prunetext.runtime.classifier import Classifier
from prunetext.runtime.onnx_files import ENCODER_FORMAT
from prunetext.statistics.answers import LEARNT_DEV, Array
from prunetext.statistics.metrics import Measure, measure_of

KINDS_OF_HALVES = ("TextCNN", "transformer")


class Half(NamedTuple):
    """A finished run and its packed model; recipe: as the model's file has it."""

    earlier: Earlier
    path: Path
    model: Classifier
    recipe: Mapping[str, Any]

    @property
    def place(self) -> str:
        """The name of the run's folder."""
        return str(self.earlier.folder)

    def measure(self, examples: Examples) -> Measure:
        """The metric of the run, on some texts."""
        fitting = self.earlier.fitting
        return measure_of(fitting.metric, examples, self.model.labels, fitting.positive)


class Halves(NamedTuple):
    """Both runs, and the texts of dev and test; `rows` of dev are those that neither model has learnt."""

    first: Half
    second: Half
    dev: Examples
    test: Examples
    rows: Array

    @property
    def labels(self) -> list[str]:
        """The labels of both models."""
        return self.second.model.labels

    @property
    def judged_dev(self) -> Examples:
        """The texts of dev that choose the threshold."""
        return self.dev.subset(self.rows.tolist())

    def measure(self, examples: Examples) -> Measure:
        """The metric of the transformer's run, on some texts."""
        return self.second.measure(examples)


def halves_of(cnn: Path, encoder: Path, data: Any, out: Path) -> Halves:
    """Read both runs and their data; `InputError` where they do not go together, `RunError` where one is not whole."""
    first, second = half_of(cnn, transformer=False), half_of(encoder, transformer=True)
    refuse_apart(first, second)
    source = second.earlier if "data" in second.earlier.source else first.earlier
    whole = data_of(source, data, out)[0]
    assert whole.dev is not None
    assert whole.test is not None
    rows = judging_rows(first, second, whole.dev)
    return Halves(first, second, whole.dev, whole.test, rows)


def half_of(folder: Path, *, transformer: bool) -> Half:
    """One of the runs."""
    earlier, path = read_earlier(folder, {}), packed_path(folder)
    refuse_mixed(folder, path.name)
    model = load(path)
    if (model.metadata["format"] == ENCODER_FORMAT) != transformer:
        wanted, other = KINDS_OF_HALVES if not transformer else KINDS_OF_HALVES[::-1]
        raise InputError(
            f"{folder}: this run made a {other}, where that of a {wanted} is asked for. Give the run of a TextCNN "
            "first, and that of a transformer second."
        )
    if model.levels is not None:
        raise InputError(f"{folder}: its model gives scores, but a cascade is made of models of labels. Give others.")
    recipe = provenance_of(model.metadata).get("recipe")
    return Half(earlier, path, model, recipe if isinstance(recipe, dict) else {})


def refuse_apart(first: Half, second: Half) -> None:
    """Refuse runs of another task, of other labels, or of other data."""
    one, other = first.model, second.model
    if one.task != other.task:
        raise InputError(
            f"{second.place}: its task is {other.task}, but that of {first.place} is {one.task}. Give two runs of the "
            "same data."
        )
    if one.labels != other.labels:
        raise InputError(f"{second.place}: its labels are not those of {first.place}. Give two runs of the same data.")
    if first.earlier.recipe["data"] != second.earlier.recipe["data"]:
        raise InputError(
            f"{second.place}: it has other texts than {first.place}, or has split them in another way. Give two runs "
            "of the same data, with the same --seed."
        )


def judging_rows(first: Half, second: Half, dev: Examples) -> Array:
    """The rows of dev that neither model has learnt; `InputError` if they are too few to choose anything by."""
    known = [unlearnt_rows(each.recipe, each.measure(dev)) for each in (first, second)]
    rows = np.intersect1d(known[0], known[1])
    if len(rows) >= LEAST_JUDGES:
        return np.asarray(rows)
    learnt = any(LEARNT_DEV in each.recipe for each in (first, second))
    remedy = "Give two runs of fit --no-refit" if learnt else "Give two runs with a larger dev"
    raise InputError(
        f"{first.place} and {second.place}: {len(rows)} texts of dev are left that neither model has learnt, and a "
        f"threshold takes {LEAST_JUDGES}. {remedy}."
    )
