"""A cut encoder that learns the hidden states of the whole one comes nearer to them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from helpers.encoders import ARCHITECTURES
from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Model
from prunetext.pruning.shrinking import shrink
from prunetext.training.guiding import Guide, apart
from prunetext.training.loop import train_model
from prunetext.training.settings import Settings

SETTINGS = Settings(epochs=8, batch_size=8, learning_rate=2e-3, averaging=0.0, word_dropout=0.0, soft_share=1.0)


def some_texts(words: int) -> Encoded:
    """Random tokens without labels."""
    random = np.random.default_rng(0)
    offsets = np.concatenate([[0], np.cumsum(random.integers(1, 9, 40))]).astype(np.int64)
    ids = random.integers(5, words, offsets[-1]).astype(np.int32)
    return Encoded(ids, offsets, torch.full((40,), -1))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_cut_encoder_comes_nearer_to_the_hidden_states_of_the_whole_one(
    encoder: Callable[[str], Any], architecture: str
) -> None:
    whole = encoder(architecture).ours()
    texts = some_texts(whole.words.num_embeddings)
    kept = {group.name: np.arange(group.size) % 2 == 0 for group in whole.groups(("layers", "heads", "neurons"))}
    batch = texts.take(np.arange(len(texts)))

    def distance(model: Model) -> float:
        with torch.no_grad():
            return float(apart(*(each.eval().revealed(batch)[1] for each in (model, whole))))

    found = []
    for weight in (0.0, 5.0):
        small = shrink(whole, kept)
        assert len(small.revealed(batch)[1]) < len(whole.layers)
        train_model(small, texts, None, Settings(**{**vars(SETTINGS), "states": weight}), guide=Guide(whole))
        found.append(distance(small))
    assert found[1] < 0.8 * found[0]
