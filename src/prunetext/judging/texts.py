"""The texts that a model is judged on: a split, or all of them, and what is to be said of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunetext.data.dataset import Data, Examples
from prunetext.data.files import SourceFile
from prunetext.data.gathering import check_task
from prunetext.data.parts import Opening
from prunetext.data.reading import OF_MODEL, read_examples
from prunetext.data.report import Report
from prunetext.data.sources import holds_splits, split_names, split_of
from prunetext.data.splitting import split as split_data
from prunetext.errors import DataError, InputError, brief

if TYPE_CHECKING:
    from prunetext.statistics.answers import Answering

MOST_TRAIN = 20_000_000  # bytes of a train file that is read to look for texts that are in both
SPLITS = ("train", "dev", "test")


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
    if examples.scores is not None:
        return examples
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


def train_of(data: Any, split: str | None, model: Answering, reading: dict[str, Any]) -> Examples | None:
    """The train texts beside those that are judged, if they are at hand and soon read; else None."""
    if split == "train":
        return None
    if isinstance(data, Data):
        return data.train
    if isinstance(data, Examples) or not holds_splits(data) or "train" not in split_names(data):
        return None
    parts = split_of(data, "train", Opening(reading["format"], reading["encoding"], reading["quoting"])).parts
    paths = [part.path for part in parts if isinstance(part, SourceFile) and part.path is not None]
    if len(paths) < len(parts) or sum(path.stat().st_size for path in paths) > MOST_TRAIN:
        return None
    try:
        return read_examples(data, model.labels, split="train", task=model.task, **reading)
    except DataError:  # train is not what is judged: what is wrong with it is not the reader's business here
        return None
