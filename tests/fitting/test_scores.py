"""Texts with scores: the whole way from numbers to a packed file that gives numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import prunetext
from helpers.runs import fit, prune
from helpers.tables import write_jsonl
from prunetext.data.dataset import Data, Examples, count_flaws
from prunetext.errors import InputError
from prunetext.fitting.api import Result
from prunetext.statistics.closeness import Closeness
from prunetext.teaching.automatic import automatic_teachers

SMALL: dict[str, Any] = {"dimensions": 12, "filters": 6, "widths": "1,2", "epochs": 6.0, "max_drop": 5.0, "bigrams": 0}
SMALL |= {"schedule": "oneshot:units=0.5", "criterion": "magnitude"}


def examples(texts: int, seed: int, *, pairs: bool = False) -> Examples:
    """Common words, and as many good ones as the score says; of pairs, the words that the other text has, too."""
    random, rows = Random(seed), []
    for number in range(texts):
        score = number % 5
        words = [f"common{random.randrange(12)}" for _ in range(4)]
        other = [f"other{random.randrange(12)}" for _ in range(4)]
        if pairs:
            shared = [f"shared{random.randrange(20)}" for _ in range(score)]
            words, other = words + shared, other + shared
        else:
            words += [f"good{random.choice('abc')}" for _ in range(score)] + ["bad"] * (4 - score)
        random.shuffle(words)
        random.shuffle(other)
        rows.append((" ".join(words), " ".join(other), score))
    seconds = [other for _, other, _ in rows] if pairs else None
    columns = {"source": ["web" if score < 3 else "book" for _, _, score in rows]}
    return Examples([text for text, _, _ in rows], None, seconds, columns=columns, scores=[each[2] for each in rows])  # type: ignore[arg-type]


def made(*, pairs: bool = False) -> Data:
    parts = [examples(size, seed, pairs=pairs) for seed, size in enumerate((200, 100, 100))]
    return Data(*parts, name="toy", report=count_flaws(*parts))


@pytest.fixture(scope="module")
def data() -> Data:
    return made()


@pytest.fixture(scope="module")
def run(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A finished run; no test changes it."""
    return fit(data, out=tmp_path_factory.mktemp("run"), **SMALL)


@pytest.fixture
def rows(data: Data, tmp_path: Path) -> Path:
    """The texts of test as a file."""
    assert data.test is not None
    every = zip(data.test.texts, data.test.scores or (), data.test.columns["source"], strict=True)
    return write_jsonl(
        tmp_path / "new.jsonl", ({"text": one, "score": two, "source": three} for one, two, three in every)
    )


def test_a_run_ends_with_a_model_that_gives_scores(data: Data, run: Result) -> None:
    classifier = prunetext.load(run.path)
    assert (classifier.task, classifier.levels) == ("score", [0.0, 1.0, 2.0, 3.0, 4.0])
    assert data.test is not None
    found: Any = classifier.predict(data.test.texts)
    score = run.score
    assert isinstance(score, Closeness)
    assert score.spearman > 0.85
    assert score.mae == pytest.approx(np.abs(np.array(found) - data.test.scores).mean(), abs=1e-6)
    assert run.judged.metric == "spearman"
    assert run.judged.packed.value == pytest.approx(score.spearman)
    assert score.low < score.spearman < score.high


def test_the_result_is_beside_a_ridge_regression(run: Result) -> None:
    result = json.loads((run.path.parent / "result.json").read_text("utf-8"))
    assert {"spearman", "pearson", "mae", "rmse", "within_one", "low", "high", "n"} <= result["packed"].keys()
    assert "damage" not in result
    assert run.against_baseline is not None
    assert list(run.judged.shown())[-1] == "tf-idf + ridge"
    baseline = run.judged.baseline
    assert baseline is not None
    assert isinstance(baseline.score, Closeness)
    assert baseline.score.spearman > 0.8
    provenance = json.loads(prunetext.load(run.path).metadata["provenance"])
    assert provenance["test"]["spearman"] == pytest.approx(run.judged.packed.value, abs=1e-4)


def test_evaluate_judges_packed_and_float_alike(run: Result, rows: Path) -> None:
    found = prunetext.evaluate(run.path, rows, against=run.path.parent / "dense.safetensors", max_drop=5.0)
    assert found.score == run.score
    assert (found.metric, found.value) == ("spearman", run.judged.packed.value)
    assert found.reference_value == pytest.approx(run.judged.dense.value)
    assert found.verdict is not None
    assert found.verdict.doubted(run.verdict.doubt) == run.verdict
    assert (found.per_class, found.damage) == ([], None)
    assert found.fields()["spearman"] == found.value
    assert prunetext.evaluate(run.path, rows, metric="auc:3").title == "AUC from 3"


def test_evaluate_looks_inside_slices(run: Result, rows: Path) -> None:
    found = prunetext.evaluate(run.path, rows, slices="source")
    assert [(each.value, each.n) for each in found.parts[0].parts] == [("web", 60), ("book", 40)]
    assert found.fields()["slices"][0]["column"] == "source"


def test_other_data_are_refused(data: Data, run: Result, tmp_path: Path) -> None:
    labelled = write_jsonl(tmp_path / "labels.jsonl", [{"text": "good", "label": "x"}, {"text": "bad", "label": "y"}])
    with pytest.raises(InputError, match=r"no column 'score'|no key 'score'|score"):
        prunetext.evaluate(run.path, labelled)
    with pytest.raises(InputError, match=r"--label names a column of labels, but the model gives scores. Give --score"):
        prunetext.evaluate(run.path, labelled, label="label")
    with pytest.raises(InputError, match="metric is accuracy, which needs labels"):
        prunetext.evaluate(run.path, data, metric="accuracy")
    with pytest.raises(InputError, match="gate compares labels, but this model gives scores"):
        prunetext.gate(run.path, run.path, data)


def test_an_earlier_run_is_pruned_again(data: Data, run: Result, tmp_path: Path) -> None:
    again = prune(run.path.parent, data=data, out=tmp_path / "again", max_size="3kB", metric="mae", schedule="local")
    assert again.judged.metric == "mae"
    assert again.size < run.size
    assert isinstance(again.score, Closeness)
    assert again.score.spearman > 0.6


def test_equal_recipes_give_equal_bytes(data: Data, run: Result, tmp_path: Path) -> None:
    assert fit(data, out=tmp_path / "same", **SMALL).path.read_bytes() == run.path.read_bytes()


@pytest.mark.parametrize("teacher", ["tf-idf", "ngrams", "run"])
def test_scores_are_taught(data: Data, run: Result, tmp_path: Path, teacher: str) -> None:
    named = str(run.path.parent) if teacher == "run" else teacher
    found = fit(data, out=tmp_path / "taught", teacher=named, augment=0.0, **{**SMALL, "epochs": 4.0})
    assert isinstance(found.score, Closeness)
    assert found.score.spearman > 0.8


def test_single_texts_have_the_automatic_teacher() -> None:
    assert automatic_teachers(examples(200, 0), 4) == ["tf-idf", "ngrams", "ensemble:3:small"]
    assert automatic_teachers(examples(200, 0, pairs=True), 4) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"teacher": "sample:minilm"}, "teacher sample:minilm: it teaches labels, but these texts have scores"),
        ({"class_weights": "balanced"}, "toy: class_weights is balanced, but these texts have scores"),
        ({"precision": 0.9}, "toy: precision is 0.9, but these texts have scores"),
        ({"metric": "macro-f1"}, "metric is macro-f1, which needs labels"),
        ({"labels_per_class": 3}, "labels_per_class is given, but these texts have a score"),
    ],
)
def test_what_needs_labels_is_refused(data: Data, tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        fit(data, out=tmp_path / "none", **{**SMALL, **options})
    assert not (tmp_path / "none" / "model.safetensors").exists()


def test_two_values_are_refused(tmp_path: Path) -> None:
    two = Examples([f"text {at}" for at in range(60)], scores=[at % 2 for at in range(60)])
    with pytest.raises(InputError, match="every score of train is 0 or 1, and a model of scores needs three values"):
        fit(two, out=tmp_path / "none", **SMALL)


def test_pairs_have_scores_too(tmp_path: Path) -> None:
    data = made(pairs=True)
    found = fit(data, out=tmp_path / "run", **{**SMALL, "epochs": 12.0})
    classifier = prunetext.load(found.path)
    assert classifier.task == "score of pairs"
    assert isinstance(found.score, Closeness)
    assert found.score.spearman > 0.7
    assert data.test is not None
    scores: Any = classifier.predict(data.test.inputs)
    assert np.abs(np.array(scores) - data.test.scores).mean() == pytest.approx(found.score.mae, abs=1e-6)


def test_many_values_with_bigrams(tmp_path: Path, toy_examples: Callable[..., Any]) -> None:
    few = examples(200, 5)
    random = Random(0)
    varied = [score + random.random() / 2 for score in few.scores or ()]
    found = fit(Examples(few.texts, scores=varied), out=tmp_path / "run", **{**SMALL, "bigrams": 20})
    classifier = prunetext.load(found.path)
    assert classifier.levels is not None
    assert len(classifier.levels) == 17
    assert isinstance(found.score, Closeness)
    assert found.score.spearman > 0.7
