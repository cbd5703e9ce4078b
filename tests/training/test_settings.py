"""Warm-up, several batches to a step, batches counted in tokens, and products of few bits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.kills import KilledError
from helpers.training import LONGER, SETTINGS, Sets, assert_same, killed_at, new_model, train, weights
from prunetext.models.encoded import Encoded
from prunetext.models.textcnn.model import TextCNN
from prunetext.training.batches import batches
from prunetext.training.loop import Course, Hooks, train_model
from prunetext.training.settings import Settings


def test_the_learning_rate_rises_while_training_warms_up_and_then_falls_as_without(sets: Sets) -> None:
    rates: list[list[float]] = []
    for warmup in (0.0, 1 / 3):
        rates.append([])
        hooks = Hooks(after_step=lambda model, rate: rates[-1].append(rate))
        train_model(new_model(sets[2]), sets[0], sets[1], replace(SETTINGS, warmup=warmup), hooks=hooks)
    cold, warm = rates
    assert len(warm) == 18
    assert warm[:6] == pytest.approx([SETTINGS.learning_rate * (step + 1) / 7 for step in range(6)])
    assert warm[6:] == cold[6:]


def first_gradients(sets: Sets, settings: Settings) -> dict[str, torch.Tensor]:
    """Those of the first step, in which nothing is drawn but the batches."""
    model, found = new_model(sets[2]), {}
    model.dropout = 0.0

    def note(now: TextCNN) -> None:
        for name, each in now.named_parameters():
            assert each.grad is not None
            found.setdefault(name, each.grad.to_dense().clone())

    train_model(model, sets[0], sets[1], settings, hooks=Hooks(note))
    return found


def test_two_batches_of_eight_make_the_step_of_one_of_sixteen(sets: Sets) -> None:
    few = sets[0].subset(np.arange(16)), sets[1], sets[2]
    settings = replace(SETTINGS, epochs=1, word_dropout=0.0)
    whole = first_gradients(few, settings)
    halves = first_gradients(few, replace(settings, batch_size=8, accumulate=2))
    for name, each in whole.items():
        assert each.any()
        torch.testing.assert_close(halves[name], each, rtol=1e-5, atol=1e-7)
    course = Course(sets[0], replace(SETTINGS, batch_size=8, accumulate=2))
    assert course.per_epoch == 6  # of 12 batches
    assert sorted(np.concatenate([row for step in range(6) for row in course.rows(step)]).tolist()) == list(range(90))


@pytest.mark.parametrize("tokens", [7, 40, 200])
def test_batches_counted_in_tokens_hold_each_text_once_and_are_as_many_in_each_epoch(tokens: int) -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 12, 300)
    ids = np.ones(lengths.sum(), np.int32)
    texts = Encoded(ids, np.concatenate([[0], np.cumsum(lengths)]), torch.zeros(300, dtype=torch.int64))
    epochs = [batches(texts, 16, 0, epoch, tokens) for epoch in range(3)]
    assert len({len(rows) for rows in epochs}) == 1
    for rows in epochs:
        assert sorted(np.concatenate(rows).tolist()) == list(range(300))
        assert all(len(each) == 1 or len(each) * lengths[each].max() <= tokens for each in rows)
    assert [each.tolist() for each in epochs[0]] != [each.tolist() for each in epochs[1]]
    steps = Course(texts, Settings(epochs=2, batch_tokens=tokens))
    assert steps.total == 2 * len(epochs[0])


def test_what_is_learnt_in_batches_of_tokens_is_learnt(sets: Sets) -> None:
    assert train_model(new_model(sets[2]), sets[0], sets[1], replace(LONGER, batch_tokens=160)).accuracy == 1.0


def test_bfloat16_learns_other_weights_and_resumes_to_the_bit(sets: Sets, tmp_path: Path) -> None:
    short = replace(SETTINGS, precision="bfloat16", checkpoint_seconds=-1.0)
    whole, path = train(sets, settings=short), tmp_path / "run.checkpoint"
    assert not torch.equal(whole["head.weight"], train(sets)["head.weight"])
    assert {each.dtype for each in whole.values()} == {torch.float32}
    with pytest.raises(KilledError):
        train(sets, settings=short, checkpoint=path, progress=killed_at(8))
    assert_same(train(sets, settings=short, checkpoint=path), whole)
    model = new_model(sets[2])
    assert train_model(model, sets[0], sets[1], replace(LONGER, precision="bfloat16")).accuracy > 0.9
    assert all(each.isfinite().all() for each in weights(model).values())
