"""Weights of texts take part in training: a text that weighs two is one that stands there twice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prunetext.data.task import Task
from prunetext.models.encoded import Encoded
from prunetext.training.loop import batch_loss
from prunetext.training.losses import loss_of
from prunetext.training.settings import Settings


@given(
    counts=st.lists(st.integers(0, 4), min_size=5, max_size=5).filter(any),
    answer=st.sampled_from(["label", "labels"]),
    taught=st.booleans(),
    heat=st.sampled_from([1.0, 2.0]),
    by_class=st.booleans(),
)
def test_the_loss_of_whole_weights_is_that_of_repeated_texts(
    counts: list[int], answer: str, taught: bool, heat: float, by_class: bool
) -> None:
    torch.manual_seed(sum(counts))
    rows = torch.repeat_interleave(torch.arange(5), torch.tensor(counts))
    logits = torch.randn(5, 3)
    targets = torch.randint(0, 3, (5,)) if answer == "label" else torch.randint(0, 2, (5, 3)).float()
    soft = torch.rand(5, 3).softmax(1) if taught else None
    by = (0.5, 1.0, 2.0) if by_class and answer == "label" else ()
    loss = loss_of(Task(answer=answer))
    weights = torch.tensor(counts) / np.mean(counts)
    weighted = loss.distilled(logits, targets, soft, 0.7, heat, by, weights)
    repeated = loss.distilled(logits[rows], targets[rows], None if soft is None else soft[rows], 0.7, heat, by)
    torch.testing.assert_close(weighted, repeated.to(weighted.dtype), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("texts", [1, 2])
def test_the_gradient_goes_by_weights(
    texts: int, random_model: Callable[..., torch.nn.Module], random_ids: Callable[..., torch.Tensor]
) -> None:
    model = random_model(texts=texts).eval()
    ids = random_ids(7, texts=texts, batch=6 * texts).flatten().numpy().astype(np.int32)
    offsets = np.arange(6 * texts + 1) * (len(ids) // (6 * texts))
    encoded = Encoded(ids, offsets, torch.arange(6) % 3, task=Task(texts))
    still = Settings(word_dropout=0.0, varied=0.0)

    def gradient(weights: list[float] | None, rows: list[int]) -> torch.Tensor:
        given = None if weights is None else torch.tensor(weights)
        some = Encoded(ids, offsets, encoded.targets, task=encoded.task, weights=given)
        model.zero_grad()
        batch_loss(model, some, np.array(rows), still).backward()  # type: ignore[arg-type]
        return torch.cat([each.grad.to_dense().flatten() for each in model.parameters() if each.grad is not None])

    whole = [0, 1, 2, 3, 4, 5]
    torch.testing.assert_close(gradient([1.0] * 6, whole), gradient(None, whole))
    weights = [1.5, 0.0, 1.5, 1.5, 0.0, 1.5]
    torch.testing.assert_close(gradient(weights, whole), gradient(None, [0, 2, 3, 5]), rtol=1e-4, atol=1e-6)


def test_weights_stay_with_their_texts() -> None:
    one = Encoded(np.arange(3, dtype=np.int32), np.arange(4), torch.zeros(3, dtype=torch.long))
    more = Encoded(one.ids, one.offsets, one.targets, weights=torch.tensor([1.0, 2.0, 3.0]))
    both = one.joined(more)
    assert both.weights is not None
    assert both.weights.tolist() == [1, 1, 1, 1, 2, 3]
    assert one.joined(one).weights is None
    some = both.subset(np.array([5, 0, 4]))
    assert some.weights is not None
    assert some.weights.tolist() == [3, 1, 2]
