"""A step sees a window of a long text, and in time all of it."""

from dataclasses import replace

import numpy as np
import torch

from helpers.training import LONGER, SETTINGS, Sets, new_model, weights
from prunetext.models.encoded import Encoded
from prunetext.models.textcnn.model import TextCNN
from prunetext.training.answering import logits
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
    window, late = 12, []
    for part in sets[:2]:  # each text behind as many unknown words
        ids = np.concatenate([np.r_[[1] * window, each] for each in np.split(part.ids, part.offsets[1:-1])])
        offsets = part.offsets + window * np.arange(len(part.offsets))
        late.append(Encoded(ids.astype(np.int32), offsets, part.targets))
    assert train_model(new_model(sets[2]), *late, replace(LONGER, epochs=40, window=window)).accuracy > 0.9
    beginnings = late[0].take(np.arange(len(late[0])), window).numpy()  # which say nothing of the three classes
    offsets = window * np.arange(len(beginnings) + 1)
    early = Encoded(beginnings.astype(np.int32).ravel(), offsets, late[0].targets)
    assert train_model(new_model(sets[2]), early, late[1], replace(LONGER, window=window)).accuracy < 0.5
