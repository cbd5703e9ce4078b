"""A step sees a window of a long text, and in time all of it."""

from dataclasses import replace

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.training import LONGER, SETTINGS, Sets, new_model, weights
from prunetext.models.encoded import Encoded
from prunetext.models.textcnn.model import TextCNN
from prunetext.training.answering import logits
from prunetext.training.batches import batches
from prunetext.training.loop import Hooks, train_model


def test_a_step_sees_a_window_of_a_long_text_and_prediction_all_of_it(sets: Sets) -> None:
    ids = np.array([2, 3, 4, 5, 6], np.int32)
    long = Encoded(ids, np.array([0, 5]), torch.tensor([0]))
    model = new_model(sets[2]).eval()
    assert torch.allclose(logits(model, long), model(torch.from_numpy(ids.astype(np.int64))[None]))
    moved: list[list[int]] = []
    before = weights(model)["embedding"]

    def note(model: TextCNN, rate: float) -> None:
        nonlocal before
        now = weights(model)["embedding"]
        moved.append((now != before).any(1).nonzero().flatten().tolist())
        before = now

    plain = replace(SETTINGS, epochs=20, patience=20, word_dropout=0.0, window=2)
    train_model(model, long, long, plain, hooks=Hooks(after_step=note))
    seen = {tuple(each) for each in moved}
    assert seen == {(2, 3), (3, 4), (4, 5), (5, 6)}


def test_what_comes_late_in_long_texts_is_learnt_too(sets: Sets) -> None:
    window, late, beginnings = 12, [], []
    for part in sets[:2]:  # each text behind as many unknown words
        ids = np.concatenate([np.r_[[1] * window, each] for each in np.split(part.ids, part.offsets[1:-1])])
        offsets = part.offsets + window * np.arange(len(part.offsets))
        late.append(Encoded(ids.astype(np.int32), offsets, part.targets))
        even = window * np.arange(len(part.offsets))
        beginnings.append(Encoded(np.ones(even[-1], np.int32), even, part.targets))
    assert train_model(new_model(sets[2]), *late, replace(LONGER, epochs=40, window=window)).accuracy > 0.9
    assert train_model(new_model(sets[2]), beginnings[0], late[1], LONGER).accuracy < 0.5  # of three classes


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60), st.integers(1, 60), st.integers(0, 9))
def test_token_batches_have_every_row_once_and_few_enough_tokens(lengths: list[int], tokens: int, seed: int) -> None:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    texts = Encoded(np.ones(offsets[-1], np.int32), offsets, torch.zeros(len(lengths), dtype=torch.int64))
    counts = set()
    for epoch in range(3):
        found = batches(texts, 64, seed, epoch, tokens)
        counts.add(len(found))
        assert sorted(np.concatenate(found).tolist()) == list(range(len(lengths)))
        for rows in found:
            assert len(rows) == 1 or len(rows) * max(1, max(lengths[row] for row in rows)) <= tokens
    assert len(counts) == 1  # so that a step is the same part of any epoch


def test_batches_whose_gradients_are_added_up_are_one_large_batch(sets: Sets) -> None:
    still = replace(SETTINGS, epochs=2, word_dropout=0.0, patience=99)
    train = sets[0].subset(np.arange(64))
    found = []
    for few in (replace(still, batch_size=64), replace(still, batch_size=16, accumulate=4)):
        model = new_model(sets[2])
        model.dropout = 0.0
        train_model(model, train, sets[1], few)
        found.append(weights(model))
    for name, tensor in found[0].items():
        torch.testing.assert_close(tensor, found[1][name], rtol=1e-3, atol=1e-4)


def test_the_learning_rate_rises_while_training_warms_up_and_then_falls(sets: Sets) -> None:
    rates: list[float] = []
    hooks = Hooks(after_step=lambda model, rate: rates.append(rate))
    train_model(new_model(sets[2]), sets[0], sets[1], replace(SETTINGS, warmup=0.3), hooks=hooks)
    top = rates.index(max(rates))
    assert 4 <= top <= 7  # of 18 steps
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)


def test_products_of_bfloat16_teach_too(sets: Sets) -> None:
    coarse, fine = new_model(sets[2]), new_model(sets[2])
    assert train_model(coarse, sets[0], sets[1], replace(LONGER, precision="bfloat16")).accuracy > 0.9
    train_model(fine, sets[0], sets[1], LONGER)
    assert not torch.equal(coarse.head.weight, fine.head.weight)
