"""Classes of few texts: nothing about them is lost without a word, and little is lost at all."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import prunetext
from prunetext.data.dataset import Data, Examples
from prunetext.fitting.api import Result
from prunetext.statistics.evaluation import per_class

Run = Callable[..., Result]
ADVISED: dict[str, Any] = {"metric": "macro-f1", "class_weights": "balanced", "max_drop": 2.0}


def mail(common: int, rare: int, seed: int, sign: float = 1.0) -> Examples:
    """Mail, some of it spam; a share `sign` of that has a word that other mail seldom has."""
    random = Random(seed)
    rows = []
    for number in range(common + rare):
        spam = number < rare
        words = [f"common{random.randrange(30)}" for _ in range(random.randint(4, 9))]
        if random.random() < (sign if spam else 0.003):
            words.insert(random.randrange(len(words)), random.choice(["prize", "winner"]))
        rows.append((" ".join(words), "spam" if spam else "ham"))
    random.shuffle(rows)
    return Examples([text for text, _ in rows], [label for _, label in rows])


def data_of(train: Examples, dev: Examples, test: Examples) -> Data:
    return Data(train, dev, test, name="mail")


def test_a_class_of_one_percent_is_learnt_by_the_advised_options_and_stays(tmp_path: Path, run: Run) -> None:
    data = data_of(mail(1980, 20, 0), mail(600, 6, 1), mail(100, 100, 2))
    result = run(data, tmp_path / "run", **ADVISED, epochs=10.0)
    assert data.test is not None
    packed = prunetext.load(result.path).predict(data.test.texts)
    (spam,) = [each for each in per_class(packed, data.test.labels) if each.label == "spam"]
    assert spam.recall > 0.8
    rows = [json.loads(line) for line in result.path.with_name("history.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) > 1
    assert all(row["held"] for row in rows if row["accepted"])


def test_a_class_that_is_never_found_is_named_with_the_remedy_and_never_plainly_kept(tmp_path: Path, run: Run) -> None:
    data = data_of(mail(300, 6, 0, sign=0.0), mail(300, 3, 1, sign=0.0), mail(700, 7, 2, sign=0.0))
    said: list[str] = []
    result = run(data, tmp_path / "run", max_drop=3.0, epochs=2.0, notice=said.append)
    remedy = "Give more texts of {}, or fit with --metric macro-f1 --class-weights balanced."
    constant = "On dev, the dense model is no better than always giving the most frequent label."
    constant = f"{constant} {remedy.format('the others')}"
    never = f"The dense model finds no text of dev with the label 'spam' (dev holds 3): F1 is 0. {remedy.format('it')}"
    assert said == [constant, never]
    assert set(said) <= set(result.notes)
    assert result.score.accuracy > 0.98
    assert result.verdict.high <= 3.0, "it would be kept"
    assert result.verdict.name == "undecided"
    assert result.verdict.sentence().endswith(", but the dense one is no better than a constant answer.")
    stored = json.loads(result.path.with_name("result.json").read_text("utf-8"))
    assert stored["verdict"]["name"] == "undecided"
    assert set(said) <= set(stored["notes"])


def test_a_class_that_dev_does_not_hold_is_named_before_training(tmp_path: Path, run: Run) -> None:
    data = data_of(mail(100, 20, 0), mail(50, 0, 1), mail(700, 100, 2))
    said: list[str] = []
    result = run(data, tmp_path / "run", max_drop=5.0, epochs=1.0, notice=said.append)
    assert (
        said[0]
        == "dev holds no text with the label 'spam': pruning can give up such a class unseen. Add texts of it to dev."
    )
    assert said[0] in result.notes


def test_every_run_says_which_class_lost_most(whole: Result) -> None:
    damages = whole.judged.damages
    assert sorted(each.label for each in damages) == ["class 0", "class 1"]
    assert np.all(np.diff([each.drop for each in damages]) <= 0)
    stored = json.loads(whole.path.with_name("result.json").read_text("utf-8"))
    assert [each["label"] for each in stored["damage"]] == [each.label for each in damages]
