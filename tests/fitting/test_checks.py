"""What is wrong with the input of a fit is one sentence, and nothing is written."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from helpers.kills import KilledError, stop_at
from prunetext.data.dataset import Data, Examples
from prunetext.errors import InputError, RunError
from prunetext.fitting.api import Result, fit

Run = Callable[..., Result]  # what the fixture `run` gives


def one_class(data: Data) -> Data:
    return replace(data, train=Examples(data.train.texts, ["same"] * len(data.train)), dev=None, test=None)


def new_label(data: Data) -> Data:
    assert data.dev is not None
    return replace(data, dev=Examples(data.dev.texts, ["class 9", *data.dev.labels[1:]]))


def empty_dev(data: Data) -> Data:
    return replace(data, dev=Examples([], []))


def half_a_label(data: Data) -> Data:
    return replace(data, train=Examples(data.train.texts, ["class \ud800", *data.train.labels[1:]]))


def paired(data: Data) -> Data:
    return replace(data, train=replace(data.train, pairs=data.train.texts))


def every_pair(data: Data) -> Data:
    assert data.dev is not None
    train, dev = (replace(each, pairs=each.texts) for each in (data.train, data.dev))
    return replace(data, train=train, dev=dev, test=None)


@pytest.mark.parametrize(
    ("change", "options", "sentence"),
    [
        (None, {"min_count": 999}, "No word of train occurs 999 times or more"),
        (None, {"vectors": {}}, "vectors must hold a vector for some words of train"),
        (None, {"vectors": {"common1": [1, 2], "common2": [1]}}, "vectors must hold a vector"),
        (None, {"criterion": "best"}, "criterion 'best' is unknown"),
        (None, {"schedule": "best"}, "schedule 'best' is unknown"),
        (None, {"widths": "2,17"}, "widths is '2,17'"),
        (None, {"max_drop": -1}, "max_drop is -1.0: it must be between 0 and 100"),
        (None, {"max_drop": float("nan")}, "max_drop is nan"),
        (None, {"precision": 95}, "precision is 95.0: it must be a share between 0 and 1, such as 0.95."),
        (None, {"precision": 1.0}, "precision is 1.0: it must be a share"),
        (None, {"precision": float("nan")}, "precision is nan: it must be a share"),
        (None, {"epochs": float("inf")}, "epochs is inf"),
        (None, {"max_size": "0"}, "max_size is '0'"),
        (None, {"learning_rate": 1}, "fit has no option 'learning_rate'"),
        (None, {"max_drop": "0.5"}, "max_drop is '0.5': it must be a number"),
        (None, {"dimensions": 8.5}, "dimensions is 8.5: it must be a whole number"),
        (None, {"seed": True}, "seed is True: it must be a whole number"),
        (None, {"schedule": None}, "schedule is None: it must be text"),
        (None, {"bigrams": -1}, "bigrams is -1: it must be from 0 to 1000000."),
        (None, {"bigrams": 0, "groups": "filters,bigrams"}, "groups has bigrams, but bigrams is 0."),
        (None, {"bigrams": 9, "tokenizer": "pieces/3"}, "bigrams is 9, but a model of pieces/3 has none."),
        (every_pair, {"bigrams": 9}, "bigrams is 9, but a model of pairs of texts has none. Leave it out."),
        (None, {"skip_empty": "yes"}, "skip_empty is 'yes': it must be true or false"),
        (None, {"widths": "16", "filters": 4096, "dimensions": 2000}, "The model is too large for a packed file"),
        (None, {"vectors": {"common1": [float("nan")] * 12}}, "vectors: the vector of 'common1' holds a number"),
        (None, {"dev": "dev.csv"}, "dev and test need data as a path"),
        (empty_dev, {}, "toy: dev holds no texts"),
        (half_a_label, {}, "toy: the label 'class \\ud800' holds half a character"),
        (one_class, {}, "toy: every text of train has the same label"),
        (new_label, {}, "toy: the label 'class 9' of dev never occurs in train"),
        (paired, {}, "toy: dev holds single texts with one label each, but train holds pairs of texts"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(
    data: Data, tmp_path: Path, change: Callable[[Data], Data] | None, options: dict[str, Any], sentence: str, run: Run
) -> None:
    with pytest.raises(InputError) as error:
        run(change(data) if change else data, tmp_path / "run", **options)
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_the_run_may_not_lie_among_the_labels(tmp_path: Path) -> None:
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.txt").write_text("text")
    with pytest.raises(InputError, match=r"is inside .* where it would be read as a label"):
        fit(tmp_path, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_finished_run_another_recipe_and_a_foreign_folder_are_refused(
    data: Data, tmp_path: Path, whole: Result, run: Run
) -> None:
    with pytest.raises(KilledError):
        run(data, tmp_path / "run", progress=stop_at("train", 2))
    with pytest.raises(RunError, match="unfinished run that differs in dimensions"):
        run(data, tmp_path / "run", dimensions=13)
    with pytest.raises(RunError, match="unfinished run that differs in data"):
        run(replace(data, train=data.dev), tmp_path / "run")
    with pytest.raises(RunError, match="finished run"):
        run(data, whole.path.parent)
    assert run(data, tmp_path / "run", overwrite=True, seed=0).path.read_bytes() == whole.path.read_bytes()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="holds files but no run"):
        run(data, tmp_path / "other", overwrite=True)
