"""Dense, pruned and packed are each judged by their own answers, and the table's type by what rounding really does."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
import torch

import prunetext
from prunetext import judging
from prunetext.data.dataset import Examples
from prunetext.judging import choose_table, judge
from prunetext.models.rounding import rounding_of
from prunetext.models.textcnn import TextCNN
from prunetext.packing.textcnn import pack
from prunetext.runtime._native import Vocabulary
from prunetext.training.evaluation import verdict
from prunetext.training.examples import Encoded, encode
from prunetext.training.loop import logits

WORDS = [f"word{number}" for number in range(30)]
LABELS = ["a", "b", "c"]


@pytest.fixture(scope="module")
def texts() -> Examples:
    random = Random(0)
    rows = [" ".join(random.choices(WORDS, k=random.randint(1, 12))) for _ in range(3000)]
    return Examples(rows, random.choices(LABELS, k=len(rows)))


@pytest.fixture(scope="module")
def encoded(texts: Examples) -> Encoded:
    return encode(texts.texts, texts.labels, Vocabulary(WORDS), LABELS)


def right(answers: list[str], texts: Examples) -> list[bool]:
    return [answer == truth for answer, truth in zip(answers, texts.labels, strict=True)]


def float_answers(model: TextCNN, encoded: Encoded) -> list[str]:
    return [LABELS[at] for at in logits(model, encoded).argmax(1).tolist()]


@pytest.mark.parametrize(("least", "table"), [(0.0, "int8"), (1.0, "int16")])
def test_the_table_is_int8_only_where_enough_labels_stay(
    random_model: Callable[..., TextCNN],
    texts: Examples,
    encoded: Encoded,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    least: float,
    table: str,
) -> None:
    monkeypatch.setattr(judging, "AGREEMENT", least)
    monkeypatch.setattr(judging, "SHIFT", 1.0)
    model = random_model(words=len(WORDS), classes=3, seed=5)
    before = float_answers(model, encoded)
    model.rounding = steps = rounding_of(model, "int8")
    chosen, agreement = choose_table(model, WORDS, LABELS, encoded, texts.texts, tmp_path / "scratch")
    assert model.rounding is steps
    assert chosen == agreement.table == table
    pack(model, WORDS, LABELS, tmp_path / "packed", table=table)
    after = prunetext.load(tmp_path / "packed").predict(texts.texts)
    assert agreement.equal == pytest.approx(sum(map(str.__eq__, before, after)) / len(before))
    assert 0.9 < agreement.equal < 1
    lost = sum(right(before, texts)) - sum(right(after, texts))
    assert lost != 0
    assert agreement.drop == pytest.approx(100 * lost / len(before))


def test_each_model_is_judged_by_its_own_answers(
    random_model: Callable[..., TextCNN],
    texts: Examples,
    encoded: Encoded,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(judging, "LEAST_SECONDS", 0.0)
    dense, pruned, other = (random_model(words=len(WORDS), classes=3, seed=seed) for seed in (1, 2, 3))
    pack(other, WORDS, LABELS, tmp_path / "packed")
    agreement = judging.Agreement("int8", 1.0, 0.0)
    found = judge(dense, pruned, tmp_path / "packed", encoded, texts, LABELS, 0.5, agreement)
    dense_right = right(float_answers(dense, encoded), texts)
    packed_right = right(prunetext.load(tmp_path / "packed").predict(texts.texts), texts)
    assert found.dense.score.accuracy == pytest.approx(sum(dense_right) / len(texts))
    assert found.pruned.score.accuracy == pytest.approx(sum(right(float_answers(pruned, encoded), texts)) / len(texts))
    assert found.packed.score.accuracy == pytest.approx(sum(packed_right) / len(texts))
    assert found.verdict == verdict(dense_right, packed_right, 0.5)
    assert found.packed.bytes == (tmp_path / "packed").stat().st_size
    assert found.agreement is agreement
    assert torch.get_num_threads() >= 1
