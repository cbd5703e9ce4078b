"""Teachers of our own: members that are kept, thresholds that spare rare classes, a model that teaches itself."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prunetext.data.dataset import Data, Examples
from prunetext.models.encoded import UNLABELLED
from prunetext.models.textcnn.layout import Shape
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.reading import encode_examples, encode_inputs
from prunetext.models.textcnn.starting import vocabulary_of
from prunetext.options import ModelOptions
from prunetext.runtime._native import Vocabulary
from prunetext.teaching.ensemble import (
    CONFIDENT,
    LARGE_MODEL,
    confident,
    ensemble,
    joined_texts,
    refuse_interrupted,
    self_taught,
    sure_rows,
)
from prunetext.training.loop import Training
from prunetext.training.settings import Settings

SMALLER = ModelOptions(dimensions=16, filters=24, pooling="max")


def test_members_that_were_trained_before_answer_the_same(data: Data, tmp_path: Path) -> None:
    assert data.dev is not None
    told: list[tuple[int, int]] = []
    answer = ensemble(2, data.train, data.dev, data.labels, tmp_path / "a", lambda *now: told.append(now), SMALLER)
    answers = np.exp(answer(data.dev.texts))
    np.testing.assert_allclose(answers.sum(1), 1, rtol=1e-4)
    right = [data.labels[at] == label for at, label in zip(answers.argmax(1), data.dev.labels, strict=True)]
    assert np.mean(right) > 0.8
    assert told == [(0, 2), (1, 2)]
    files = [tmp_path / "a" / f"member-{number}.safetensors" for number in range(2)]
    assert sorted((tmp_path / "a").glob("member*")) == files
    times = [file.stat().st_mtime_ns for file in files]
    again = ensemble(2, data.train, data.dev, data.labels, tmp_path / "a", large=SMALLER)
    assert np.array_equal(np.exp(again(data.dev.texts)), answers)
    assert [file.stat().st_mtime_ns for file in files] == times
    one = ensemble(1, data.train, data.dev, data.labels, tmp_path / "a", large=SMALLER)
    alone = [np.exp(one(data.dev.texts))]
    assert not np.allclose(alone[0], answers)


@given(seed=st.integers(0, 99), classes=st.integers(2, 5))
def test_every_sure_answer_counts_and_no_answer_below_an_even_chance(seed: int, classes: int) -> None:
    scores = 3 * torch.randn(40, classes, generator=torch.Generator().manual_seed(seed))
    probabilities = scores.softmax(1)
    chosen, best = confident(probabilities), probabilities.max(1).values
    assert chosen[best >= CONFIDENT].all()
    assert not chosen[best < 0.5].any()


def test_a_rare_class_has_a_lower_threshold() -> None:
    common, rare = [[0.95, 0.05]] * 8, [[0.03, 0.97], [0.35, 0.65]]
    assert confident(torch.tensor(common + rare)).tolist() == [True] * 10
    assert not bool(confident(torch.tensor([*common, *rare, [0.65, 0.35]]))[-1])


def test_a_model_that_teaches_itself_learns_words_that_no_label_is_about(
    toy_examples: Callable[..., Examples],
) -> None:
    labelled, others, dev = toy_examples(24, seed=1), toy_examples(160, seed=2), toy_examples(60, seed=3)
    labels = sorted(set(labelled.labels))
    words = list(vocabulary_of([*labelled.texts, *others.texts], LARGE_MODEL))
    vocabulary = Vocabulary(words)
    train = encode_examples(vocabulary, labelled, labels)

    def untrained() -> TextCNN:
        torch.manual_seed(0)
        return TextCNN(Shape(len(words), 8, {1: 8}, 2))

    told: list[tuple[int, int]] = []
    beliefs = self_taught(
        untrained,
        train,
        encode_inputs(vocabulary, others.texts),
        encode_examples(vocabulary, dev, labels),
        Settings(learning_rate=1e-2, embedding_rate=4e-2),
        tell=lambda done, total: told.append((done, total)),
        rounds=2,
    )
    assert beliefs.shape == (24 + 160, 2)
    assert told == [(0, 2), (1, 2), (2, 2)]
    sure = sure_rows(beliefs, train)
    assert set(range(24)) <= set(sure.tolist())
    own = [at for at in sure.tolist() if at >= 24]
    assert own
    truth = [labels.index(others.labels[at - 24]) for at in own]
    assert np.mean(beliefs[own].argmax(1).numpy() == truth) > 0.7


def test_joined_texts_stand_one_after_the_other() -> None:
    vocabulary = Vocabulary(["film", "great"])
    labelled, more = (
        encode_examples(vocabulary, Examples(["great film"], ["a"]), ["a", "b"]),
        encode_inputs(vocabulary, ["film", ""]),
    )
    both = joined_texts(labelled, more, torch.ones(3, 2))
    assert both.offsets.tolist() == [0, 2, 3, 3]
    assert both.ids.tolist() == [3, 2, 2]
    assert both.targets.tolist() == [0, UNLABELLED, UNLABELLED]
    assert both.subset(np.array([2, 0])).soft is not None


def test_an_interrupted_member_is_no_teacher() -> None:
    refuse_interrupted(Training(1, 0.5, 1.0, "time"))
    with pytest.raises(KeyboardInterrupt):
        refuse_interrupted(Training(1, 0.5, 1.0, "interrupted"))
