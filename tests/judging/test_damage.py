"""What `evaluate --against` says of the damage: flips, churn, slices, words that went, doubtful labels, leaks."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prunetext
from helpers.packing import pack
from prunetext.data.dataset import Data, Examples
from prunetext.errors import InputError
from prunetext.judging.damage import DamageReport, damage_between
from prunetext.judging.words import lost_words
from prunetext.statistics.answers import Answers
from prunetext.statistics.metrics import measure_of

WORDS = ["good", "bad", "film", "plot", "rare", "odd"]


def between(examples: Examples, before: list[float], now: list[float], *columns: str) -> DamageReport:
    """The damage between two models of the labels n and p, by their probabilities of p."""
    said = [Answers.of(np.column_stack([1 - np.array(each), np.array(each)])) for each in (before, now)]
    return damage_between(examples, measure_of(None, examples, ["n", "p"]), ["n", "p"], said[0], said[1], columns)


def test_every_flip_is_told_in_both_directions() -> None:
    examples = Examples(["one", "two", "three", "four"], ["p", "n", "p", "n"])
    found = between(examples, [0.9, 0.8, 0.3, 0.1], [0.2, 0.45, 0.6, 0.2])
    assert [(each.row, each.kind, each.before, each.now) for each in found.flips] == [
        (0, "lost", "p", "n"),
        (2, "gained", "n", "p"),
        (1, "gained", "p", "n"),
    ]
    assert (found.changed, found.lost, found.gained, found.churn) == (3, 1, 2, 75.0)
    assert (found.flips[0].text, found.flips[0].gold, found.flips[0].sure_now) == ("one", "p", 0.8)
    assert (
        found.sentences()[0]
        == "3 of 4 texts have another label (75.00 %): 1 were right and are now wrong, 2 the reverse."
    )


def test_a_harmed_source_comes_first_and_is_flagged() -> None:
    draw = np.random.default_rng(0)
    gold = draw.random(2000) < 0.5
    source = np.where(np.arange(2000) < 120, "forum", np.where(np.arange(2000) < 900, "mail", "web")).tolist()
    examples = Examples(
        [f"text {at}" for at in range(2000)], np.where(gold, "p", "n").tolist(), columns={"source": source}
    )
    before = np.where(gold, 0.9, 0.1)
    now = np.where((np.arange(2000) < 60) | (draw.random(2000) < 0.01), 1 - before, before)
    found = between(examples, before.tolist(), now.tolist(), "source")
    first = found.slices[0]
    assert (first.column, first.value, first.flagged, first.lost) == ("source", "forum", True, True)
    assert found.flagged[0] == first
    assert first.sentence() in found.sentences()
    assert first.auc == pytest.approx(0.5, abs=0.1)
    rows = [each for each in found.slices if each.column == "label"]
    assert {each.value for each in rows} == {"n", "p"}
    assert all(0 < each.smallest < 5 for each in rows), "what cannot be told is said of each class"
    assert json.loads(json.dumps(found.fields()))["slices"][0]["flagged"]


def test_a_score_that_follows_its_source_is_told() -> None:
    draw = np.random.default_rng(0)
    group = np.arange(1000) % 2
    gold = draw.random(1000) < np.where(group == 1, 0.9, 0.1)
    examples = Examples(
        [f"text {at}" for at in range(1000)],
        np.where(gold, "p", "n").tolist(),
        columns={"shop": [f"shop {at}" for at in group], "day": ["x"] * 1000},
    )
    score = np.where(group == 1, 0.8, 0.2) + draw.normal(0, 0.05, 1000)
    found = between(examples, score.tolist(), score.tolist(), "shop", "day")
    (follow,) = found.follows
    assert follow.flagged
    assert any(each.startswith("The score follows shop: ") for each in found.sentences())
    assert "No value of day has 20 texts that the others have not." in found.sentences()
    assert found.changed == 0


def test_wrong_labels_leaks_and_contradictions_are_told() -> None:
    texts = [f"w{at} x{at} y{at} z{at}" for at in range(60)] + ["w1 x1 y1 z1 more"]
    gold = ["p"] * 30 + ["n"] * 30 + ["n"]
    sure = [0.9 if label == "p" else 0.1 for label in gold]
    labels = gold.copy()
    labels[3] = "n"
    found = between(Examples(texts, labels), sure, sure)
    (doubt,) = found.doubtful
    assert (doubt.row, doubt.label, doubt.instead) == (3, "n", "p")
    assert [(each.one, each.other) for each in found.near] == [(1, 60)]
    assert found.contradicting == 1
    said = found.sentences()
    assert "1 labels are probably wrong: both models are sure of another one." in said
    assert "1 pairs of these texts are nearly the same, 1 of them with different labels." in said


def test_texts_that_are_nearly_in_train_are_counted(tmp_path: Path, models: tuple[Path, Path]) -> None:
    test = Examples(["good film odd plot", "bad film"], ["x", "y"])
    train = Examples(["good film odd plot rare", "unlike"], ["x", "y"])
    for data in (Data(train, None, test), tmp_path):
        if data == tmp_path:
            for name, each in (("train", train), ("test", test)):
                rows = [{"text": text, "label": label} for text, label in zip(each.texts, each.labels, strict=True)]
                (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        found = prunetext.evaluate(models[1], data, against=models[0]).damage
        assert found is not None
        assert found.in_train == 1
    (tmp_path / "train.jsonl").write_text('{"text": "a", "label": "unknown"}\n', "utf-8")
    found = prunetext.evaluate(models[1], tmp_path, against=models[0]).damage
    assert found is not None
    assert found.in_train is None


@pytest.fixture
def models(random_model: Callable[..., Any], tmp_path: Path) -> tuple[Path, Path]:
    """A model that knows six words, and one that lacks two of them but is otherwise the same."""
    import torch

    large = random_model(words=6, classes=2, filters={1: 8}, seed=1)
    small = random_model(words=4, classes=2, filters={1: 8}, seed=1)
    state = large.state_dict()
    state = {name: value[: small.state_dict()[name].shape[0]] for name, value in state.items()}
    small.load_state_dict({name: torch.as_tensor(value) for name, value in state.items()})
    paths = tmp_path / "large.safetensors", tmp_path / "small.safetensors"
    pack(large, WORDS, ["x", "y"], paths[0])
    pack(small, WORDS[:4], ["x", "y"], paths[1])
    return paths


def test_words_that_went_have_the_evidence_that_leaving_them_out_costs(models: tuple[Path, Path]) -> None:
    large, small = (prunetext.open_model(path) for path in models)
    texts = [f"{one} {other} Odd, rare!" for one in WORDS for other in WORDS] + ["rare film"] * 3
    said = Answers(*large.answers(texts))
    examples = Examples(texts, said.named(large.labels, several=False))
    measure, now = measure_of(None, examples, large.labels), Answers(*small.answers(texts))
    lost = np.flatnonzero(~measure.right(now)).tolist()
    assert lost, "the model differs where the words are missing"
    found = {each.word: each for each in lost_words(examples, measure, large.labels, said, now, (large, small))}
    assert set(found) <= {"rare", "odd"}
    for word, each in found.items():
        having = [row for row in lost if word in texts[row].lower()]
        assert (each.lost, each.asked) == (len(having), len(having))
        assert each.texts == sum(word in text.lower() for text in texts)
        left = [texts[row].lower().replace(word, "neverseen") for row in having]
        without, own = large.answers(left)[0].astype(float), said.probabilities[having].astype(float)
        gold = examples.targets(large.labels)[having]
        at = np.arange(len(having))
        odds = [np.log(each[at, gold] / each[at, 1 - gold]) for each in (own, without)]
        assert each.evidence == pytest.approx(float((odds[0] - odds[1]).sum()), abs=1e-3)
    assert lost_words(examples, measure, large.labels, said, now, ()) == []


def test_evaluate_has_it_with_columns_in_memory_and_from_a_table(models: tuple[Path, Path], tmp_path: Path) -> None:
    texts, sources = ["good film", "bad plot", "rare odd"] * 30, ["forum", "mail", "mail"] * 30
    examples = Examples(texts, ["x", "y", "x"] * 30, columns={"source": sources})
    path = tmp_path / "rows.csv"
    lines = [f"{text},{label},{each}" for text, label, each in zip(texts, examples.labels, sources, strict=True)]
    path.write_text("\n".join(["text,label,Source", *lines]) + "\n", "utf-8")
    inside = prunetext.evaluate(models[1], examples, against=models[0], slices=["source"]).damage
    outside = prunetext.evaluate(models[1], path, against=models[0], slices="source").damage
    assert inside == outside
    assert inside is not None
    assert {each.value for each in inside.slices if each.column == "source"} == {"forum", "mail"}
    with pytest.raises(InputError, match="there is no column 'sauce' among the columns"):
        prunetext.evaluate(models[1], path, against=models[0], slices="sauce")
    with pytest.raises(InputError, match="slices are given, but no model to compare with"):
        prunetext.evaluate(models[1], path, slices="source")
    with pytest.raises(InputError, match="slices is 'sauce', but these texts have no such column"):
        prunetext.evaluate(models[1], examples, against=models[0], slices="sauce")
    assert prunetext.evaluate(models[1], examples).damage is None
