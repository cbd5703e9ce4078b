"""Units that return change no answer, fill the room there is, and are those that the loss asks for."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from helpers.noting import noting
from helpers.shapes import some_kept
from prunetext.models.encoded import Encoded
from prunetext.models.textcnn.layout import UNKNOWN, WORDS
from prunetext.models.textcnn.model import TextCNN
from prunetext.pruning.budget import Budget
from prunetext.pruning.driver import Solution
from prunetext.pruning.problem import Problem
from prunetext.pruning.regrowth import gains_of, regrow
from prunetext.pruning.shrinking import all_kept, expand, shrink

Model = Callable[..., TextCNN]
Texts = Callable[..., Encoded]


def returned(small: TextCNN, bigger: TextCNN) -> tuple[int, int, int]:
    before, after = small.shape, bigger.shape
    filters = sum(after.filters.values()) - sum(before.filters.values())
    return after.words - before.words, after.dimensions - before.dimensions, filters


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    share=st.sampled_from([0.2, 0.5, 0.8]),
    room=st.floats(-0.2, 1.2),
    kinds=st.sampled_from(
        [("vocabulary",), ("vocabulary", "dimensions", "filters"), ("filters",), ("vocabulary", "weights")]
    ),
)
def test_no_logit_changes_and_the_target_is_kept(
    random_model: Model,
    random_ids: Callable[..., Tensor],
    some_texts: Texts,
    seed: int,
    share: float,
    room: float,
    kinds: tuple[str, ...],
) -> None:
    model = random_model(words=12, dimensions=5, filters={1: 4, 2: 5}, seed=seed)
    kept = some_kept(model, kinds, seed, share)
    small = shrink(model, kept).eval()
    before = {name: stays.copy() for name, stays in kept.items()}
    target = model.costs()["bytes"](kept) + room * (model.costs()["bytes"]({}) - model.costs()["bytes"](kept))
    bigger = regrow(small, model, model.groups(kinds), kept, target, model.costs()["bytes"], some_texts(12)).eval()
    ids = random_ids(12, seed=seed)
    torch.testing.assert_close(bigger(ids), small(ids), rtol=0, atol=1e-5)
    assert min(returned(small, bigger)) >= 0
    assert all(np.array_equal(stays, before[name]) for name, stays in kept.items())
    assert bigger.costs()["bytes"]({}) <= max(target, small.costs()["bytes"]({})) + 1e-6
    if "weights" not in kinds:
        dearest = max(
            float(group.costs["bytes"](all_kept(model.groups(kinds)))[~kept[group.name]].max(initial=0))
            for group in model.groups(kinds)
        )
        gains = gains_of(expand(small, model, kept), model.groups(kinds), some_texts(12))
        if all((gain > 0).all() for gain in gains.values()):  # it stops only where nothing fits any more
            chunk = 0.05 * max(0.0, target - small.costs()["bytes"]({}))
            assert bigger.costs()["bytes"]({}) >= min(target, model.costs()["bytes"]({})) - 2 * dearest - chunk


def test_those_of_the_largest_gradient_per_byte_return(random_model: Model, some_texts: Texts) -> None:
    model, texts = random_model(words=20, dimensions=5, filters={2: 6}), some_texts(20, texts=120)
    groups = model.groups(("vocabulary", "filters"))
    kept = all_kept(groups)
    kept["vocabulary"][5:15] = False
    kept["conv2.filters"][2:5] = False
    small = shrink(model, kept)
    # By hand: a word that is gone has the unknown word's vector, a filter its old weights and no part in the head.
    big = shrink(model, all_kept(groups)).eval()
    big.load_state_dict({**model.state_dict(), "remap": model.remap})
    with torch.no_grad():
        big.embedding[WORDS + 5 : WORDS + 15] = big.embedding[UNKNOWN]
        big.conv(2).bias[2:5] = 0
        big.head.weight.view(3, 2, 6)[:, :, 2:5] = 0
    gradients = dict.fromkeys(("embedding", "conv2.weight", "conv2.bias", "head.weight"), torch.zeros(()))
    for rows in (np.arange(64), np.arange(64, 120)):
        loss = functional.cross_entropy(big(texts.take(rows)), texts.targets[rows])
        found = torch.autograd.grad(loss, [big.get_parameter(name) for name in gradients])
        gradients = {
            name: gradients[name] + (each.to_dense() if each.is_sparse else each) / 2
            for name, each in zip(gradients, found, strict=True)
        }
    word = gradients["embedding"][WORDS:].square().sum(1).numpy() / (5 + 3.5)
    filters = gradients["head.weight"].square().view(3, 2, 6).sum((0, 1))
    filters += gradients["conv2.weight"].square().sum((1, 2)) + gradients["conv2.bias"].square()
    per_byte = filters.numpy() / (10 + 4 * (3 + 2 * 3))
    offers = [(word[at], 8.5, ("word", at)) for at in range(5, 15)]
    offers += [(per_byte[at], 46.0, ("filter", at)) for at in range(2, 5)]
    offers.sort(reverse=True)
    for number in range(1, 6):
        room = sum(cost for _, cost, _ in offers[:number])
        target = model.costs()["bytes"](kept) + room
        bigger = regrow(small, model, groups, kept, target, model.costs()["bytes"], texts)
        expected = [name for _, _, name in offers[:number]]
        rows = [WORDS + at for at in range(20) if kept["vocabulary"][at] or ("word", at) in expected]
        assert bigger.shape.words == len(rows)
        assert torch.equal(bigger.remap[rows], torch.arange(WORDS, WORDS + len(rows)))
        assert bigger.shape.filters[2] == 3 + sum(kind == "filter" for kind, _ in expected)


@pytest.mark.parametrize("room", [95, 300, 333, 700, 1_000])
def test_many_small_units_return_at_a_time_and_never_too_many(
    random_model: Model, some_texts: Texts, room: int
) -> None:
    model, groups = random_model(words=400, dimensions=5), random_model(words=400, dimensions=5).groups(("vocabulary",))
    kept = all_kept(groups)
    kept["vocabulary"][:300] = False
    small, before = shrink(model, kept), model.costs()["bytes"](kept)
    bigger = regrow(small, model, groups, kept, before + room, model.costs()["bytes"], some_texts(400, texts=900))
    assert before + 0.9 * room - 8.5 <= bigger.costs()["bytes"]({}) <= before + room


def test_without_room_nothing_returns(random_model: Model, some_texts: Texts) -> None:
    model = random_model(words=12)
    groups = model.groups()
    kept = some_kept(model, ("vocabulary", "dimensions", "filters"), 1, 0.5)
    small = shrink(model, kept)
    same = regrow(small, model, groups, kept, model.costs()["bytes"](kept), model.costs()["bytes"], some_texts(12))
    assert returned(small, same) == (0, 0, 0)
    whole = regrow(small, model, groups, kept, 1e9, model.costs()["bytes"], some_texts(12, texts=400))
    assert whole.shape == model.shape  # with room for all, all that any text asks for


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_incremental_holds_all_but_the_head_and_then_lets_units_return(
    task: Problem,
    tmp_path: object,
    solve: Callable[..., Solution],
    share: float,
) -> None:
    noted, found = noting(task)
    solve(noted, tmp_path, "magnitude", f"incremental:regrow={share}", budget=Budget(max_size=3_500))
    seen = []
    for before, rates, model in found:
        old = dict(before.named_parameters())
        moved = [name for name, each in model.named_parameters() if not torch.equal(each, old[name])]
        seen.append((before.costs()["bytes"]({}), moved, rates.body))
    if not share:
        assert all("embedding" in moved for _, moved, _ in seen)
        return
    (deep, held, slow), (wide, free, fast) = seen[:2]
    assert held == ["head.weight", "head.bias"]
    assert slow < fast
    assert "embedding" in free
    assert deep < 0.97 * wide
