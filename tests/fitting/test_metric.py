"""A run whose budget, search and verdict go by another metric than accuracy; and classes that are weighted."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch

import prunetext
from helpers.runs import QUICK, fit, prune
from helpers.tables import write_jsonl
from prunetext.data.dataset import Data, Examples
from prunetext.errors import InputError
from prunetext.fitting.finishing import Result
from prunetext.modelfiles.trained import read_trained
from prunetext.models.textcnn.grouping import STRUCTURE
from prunetext.models.textcnn.layout import Shape
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.reading import encode_examples
from prunetext.pruning.budget import Budget
from prunetext.pruning.curve import accepted_rows
from prunetext.pruning.problem import Problem, split_dev
from prunetext.pruning.trials import evaluator_of
from prunetext.runtime._native import Vocabulary
from prunetext.statistics.bootstrap import bootstrap_verdict
from prunetext.statistics.evaluation import verdict
from prunetext.statistics.gold import Gold
from prunetext.statistics.metrics import Measure, measure_of
from prunetext.training.answering import answers
from prunetext.training.loop import train_model
from prunetext.training.settings import Settings

SMALL = {"dimensions": 12, "filters": 6, "widths": "1,2", "epochs": 4.0, "max_drop": 5.0, "criterion": "taylor"}
SETTINGS = Settings(epochs=20, batch_size=16, learning_rate=1e-2, embedding_rate=4e-2, patience=99)


def uneven(examples: Examples, share: float, seed: int = 0) -> Examples:
    """The same texts with a share of those of the second class."""
    chosen = Random(seed)
    rows = [at for at, label in enumerate(examples.labels) if label == "class 0" or chosen.random() < share]
    return Examples([examples.texts[at] for at in rows], [examples.labels[at] for at in rows])


@pytest.fixture(scope="module")
def data(toy_data: Callable[..., Data]) -> Data:
    whole = toy_data(train=240, dev=160, test=160, classes=2, noise=0.05)
    parts = [uneven(each, 0.3) for _, each in whole.splits()]
    return Data(parts[0], parts[1], parts[2], name="uneven")


@pytest.fixture(scope="module")
def whole(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Result:
    return fit(data, out=tmp_path_factory.mktemp("whole"), metric="macro-f1", **SMALL)


def test_the_verdict_and_every_row_are_of_the_metric(data: Data, whole: Result) -> None:
    judged, test = whole.judged, data.test
    assert test is not None
    assert (judged.metric, judged.title) == ("macro-f1", "macro-F1")
    for row in judged.models().values():
        assert row.value == pytest.approx(row.score.macro_f1)
    trained = read_trained(whole.path.with_name("dense.safetensors"))
    dense, labels = trained.model, trained.labels
    encoded = encode_examples(trained.reader.vocabulary(), test, labels)
    measure = measure_of("macro-f1", test, labels)
    packed = prunetext.open_model(whole.path).answers(test.inputs)
    assert whole.verdict == bootstrap_verdict(measure, answers(dense, encoded), packed, 5.0)
    stored = json.loads(whole.path.with_name("result.json").read_text("utf-8"))
    assert stored["metric"] == "macro-f1"
    assert stored["packed"]["value"] == judged.packed.value
    provenance = json.loads(prunetext.load(whole.path).metadata["provenance"])
    assert provenance["metric"] == judged.values()
    assert provenance["recipe"]["metric"] == "macro-f1"


def test_another_metric_is_another_search(data: Data, whole: Result, tmp_path: Path) -> None:
    again = prune(whole.path.parent, data=data, out=tmp_path / "again", max_drop=5.0)
    assert again.judged.metric == "macro-f1", "the run's own, if none is given"
    changed = prune(whole.path.parent, data=data, out=tmp_path / "changed", max_drop=5.0, metric="accuracy")
    keys = [
        {json.loads(line)["key"] for line in path.with_name("history.jsonl").read_text("utf-8").splitlines()}
        for path in (whole.path, again.path, changed.path)
    ]
    assert keys[0] == keys[1]
    assert not keys[0] & keys[2], "what is known of a candidate is of one metric"
    plain = verdict(*right(changed, data), 5.0)
    assert plain.name == "kept"
    assert changed.verdict == plain.doubted(changed.verdict.doubt)
    assert changed.verdict.doubt.startswith("the pruned one never finds "), "accuracy lets a class of few texts go"
    assert any(note.startswith("The pruned model finds no text of dev with the label ") for note in changed.notes)


def right(result: Result, data: Data) -> tuple[np.ndarray, np.ndarray]:
    assert data.test is not None
    trained = read_trained(result.path.with_name("dense.safetensors"))
    dense, labels = trained.model, trained.labels
    encoded = encode_examples(trained.reader.vocabulary(), data.test, labels)
    gold = np.array(data.test.labels)
    guesses = np.array(labels)[answers(dense, encoded).winners()]
    return guesses == gold, np.array(prunetext.load(result.path).predict(data.test.texts)) == gold


def test_evaluate_says_the_same_of_test(data: Data, whole: Result) -> None:
    dense = whole.path.with_name("dense.safetensors")
    found = prunetext.evaluate(whole.path, data, against=dense, metric="macro-f1", max_drop=5.0)
    assert found.verdict.doubted(whole.verdict.doubt) == whole.verdict
    judged = whole.judged
    assert (found.value, found.reference_value) == pytest.approx((judged.packed.value, judged.dense.value))
    of_one = prunetext.evaluate(whole.path, data, metric="f1", positive="class 1")
    assert of_one.value == pytest.approx(of_one.per_class[1].f1)
    with pytest.raises(InputError, match="Name it as positive"):
        prunetext.evaluate(whole.path, data, metric="f1")


def test_the_commands_name_the_metric(data: Data, tmp_path: Path, call: Callable[..., Any]) -> None:
    write_jsonl(tmp_path / "data.jsonl", labelled(data.train))
    small = ("--dimensions", 8, "--filters", 4, "--widths", "1", "--epochs", 4, "--max-drop", 20)
    code, out, err = call(
        "fit",
        tmp_path / "data.jsonl",
        "--out",
        tmp_path / "run",
        "--metric",
        "f1",
        "--positive",
        "class 1",
        *small,
        effort=QUICK,
    )
    assert code == 0
    header = next(line for line in out.splitlines() if line.startswith("model"))
    assert header.split("  ")[0] == "model"
    assert "F1" in header
    assert "dev F1" in err
    assert ": in F1, the packed model" in out
    model = tmp_path / "run" / "model.safetensors"
    arguments = ("evaluate", model, tmp_path / "data.jsonl", "--metric", "f1", "--against", model)
    out = call(*arguments).out
    assert "\nF1 " in out, "the positive label is the one that the run was told"
    assert "points of F1 against it" in out
    assert call(*arguments, "--positive", "class 2").err.startswith("positive is 'class 2': it must be one of the lab")
    assert call("fit", tmp_path / "data.jsonl", "--out", tmp_path / "no", "--metric", "auc").err == (
        "metric is 'auc': it must be one of accuracy, macro-f1, micro-f1, f1, map, mrr, or for scores spearman, "
        "pearson, mae, rmse, within-one, auc:3.\n"
    )
    for metric, said in (("f1", "no label has a usual name"), ("map", "which needs pairs of texts with one label")):
        done = call("fit", tmp_path / "data.jsonl", "--out", tmp_path / "no", "--metric", metric)
        assert (done.code, said in done.err) == (2, True)
    assert not (tmp_path / "no").exists()


def labelled(examples: Examples) -> list[dict[str, str]]:
    return [{"text": text, "label": label} for text, label in zip(examples.texts, examples.labels, strict=True)]


def test_max_drop_of_macro_f1_cannot_be_met_by_giving_up_a_rare_class(toy_data: Any, tmp_path: Path) -> None:
    toy = toy_data(train=200, dev=200, noise=0)
    train, dev = toy.train, uneven(toy.dev, 0.1)
    words, labels = sorted({word for text in train.texts for word in text.split()}), ["class 0", "class 1"]
    vocabulary = Vocabulary(words)
    encoded = [encode_examples(vocabulary, each, labels) for each in (train, dev)]
    torch.manual_seed(0)
    dense = TextCNN(Shape(len(words), 12, {1: 12}, classes=2))
    train_model(dense, *encoded, SETTINGS)
    gives_up = copy.deepcopy(dense)
    with torch.no_grad():
        gives_up.head.bias[0] += 100
    gold = Gold(encoded[1].targets.numpy())
    assert 0.03 < gold.targets.mean() < 0.12
    accepted = {}
    for metric in ("accuracy", "macro-f1"):
        measure = Measure(metric, gold)
        assert measure.value(answers(dense, encoded[1])) > 0.9
        problem = Problem(dense, *encoded, lambda model: 1, SETTINGS, SETTINGS, STRUCTURE, metric=measure)
        judge = evaluator_of(problem)
        budget = Budget(max_drop=10)
        rows = accepted_rows([judge.judged(each, budget) for each in (dense, gives_up)], budget)
        accepted[metric] = (rows[1].accepted, judge.confirms(gives_up, 10))
    assert accepted == {"accuracy": (True, True), "macro-f1": (False, False)}


def test_balanced_classes_are_part_of_the_recipe_and_of_training(data: Data, tmp_path: Path) -> None:
    seen = {}
    for weights in ("none", "balanced"):
        result = fit(data, out=tmp_path / weights, class_weights=weights, **{**SMALL, "max_drop": 100.0})
        recipe = json.loads(result.path.with_name("recipe.json").read_text("utf-8"))
        assert recipe.get("class_weights", "none") == weights
        dense = prunetext.evaluate(result.path.with_name("dense.safetensors"), data.train)
        seen[weights] = {each.label: each for each in dense.per_class}
    rare = [seen[weights]["class 1"].recall for weights in ("none", "balanced")]
    assert rare[0] <= rare[1]
    with pytest.raises(InputError, match="class_weights is evenly: it must be none or balanced"):
        fit(data, out=tmp_path / "no", class_weights="evenly")


def test_rows_of_a_query_stay_on_one_side_of_dev() -> None:
    queries = np.random.default_rng(0).integers(0, 40, 300)
    seen, hidden = split_dev(300, 0, queries)
    assert sorted([*seen, *hidden]) == list(range(300))
    assert not set(queries[seen]) & set(queries[hidden])
    assert len(set(queries[hidden])) == 12
