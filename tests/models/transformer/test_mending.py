"""What is left of an encoder makes up for what was removed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from helpers.encoders import ARCHITECTURES
from prunetext.models.transformer.grouping import TRANSFORMER_KINDS
from prunetext.models.transformer.mending import mend_encoder
from prunetext.models.transformer.model import Layer, TextEncoder
from prunetext.pruning.shrinking import shrink


def some_texts(model: TextEncoder) -> torch.Tensor:
    """A batch of random tokens, of unequal lengths."""
    random = torch.Generator().manual_seed(2)
    ids = torch.randint(4, model.words.num_embeddings, (60, 12), generator=random)
    lengths = torch.randint(1, 13, (60, 1), generator=random)
    return torch.where(torch.arange(12) < lengths, 1 + ids, 0)


def half_of(model: TextEncoder, kind: str) -> dict[str, np.ndarray]:
    """Every second unit of the groups of a kind."""
    return {group.name: np.arange(group.size) % 2 == 0 for group in model.groups([kind])}


@pytest.mark.parametrize("kind", TRANSFORMER_KINDS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_a_cut_model_comes_nearer_to_the_whole_one(encoder: Callable[[str], Any], architecture: str, kind: str) -> None:
    whole = encoder(architecture).factorised()
    batch = some_texts(whole)
    small = shrink(whole, half_of(whole, kind)).eval()
    before = float((small(batch) - whole(batch)).square().mean())
    mend_encoder(small, whole, [batch[:30], batch[30:]])
    after = float((small(batch) - whole(batch)).square().mean())
    if kind == "layers" and len(whole.layers) == 2:  # nothing comes behind the one that went
        assert after == before
    else:
        assert after < (1.0 if kind == "hidden" else 0.8) * before  # nothing makes up for what the head lost


@torch.no_grad()
def test_a_model_that_was_not_cut_stays_as_it_is(encoder: Callable[[str], Any]) -> None:
    whole = encoder("bert").ours()
    same = whole.rebuild(whole.tensors())
    mend_encoder(same, whole, [some_texts(whole)])
    assert all(torch.equal(one, other) for one, other in zip(same.parameters(), whole.parameters(), strict=True))


@torch.no_grad()
def test_a_neuron_that_another_one_repeats_is_not_missed(encoder: Callable[[str], Any]) -> None:
    whole = encoder("bert").ours()
    layer = whole.layers["0"]
    assert isinstance(layer, Layer)
    layer.inner.weight[1], layer.inner.bias[1] = layer.inner.weight[0], layer.inner.bias[0]
    batch = some_texts(whole)
    kept = np.arange(layer.inner.out_features) != 1
    small = shrink(whole, {"layers.0.neurons": kept}).eval()
    before = float((small(batch) - whole(batch)).abs().max())
    mend_encoder(small, whole, [batch])
    assert float((small(batch) - whole(batch)).abs().max()) < 0.1 * before
