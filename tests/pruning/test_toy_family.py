"""Pruning knows no family: a model of another kind goes through every criterion, every schedule and every cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from helpers.kills import KilledError
from helpers.toy_family import Bag, family
from prunetext.data.task import Task
from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Packing, Trained
from prunetext.pruning.budget import Budget
from prunetext.pruning.criteria.criterion import CRITERIA
from prunetext.pruning.driver import Solution, pruned
from prunetext.pruning.methods import combinations, load_method
from prunetext.pruning.problem import Problem
from prunetext.pruning.schedules import SCHEDULES
from prunetext.pruning.shrinking import expand, masked, shrink
from prunetext.training.answering import logits
from prunetext.training.loop import Progress, train_model
from prunetext.training.settings import Settings

ALL = tuple(family.kinds)
Same = Callable[[Solution, Solution], None]


def texts(count: int, seed: int) -> Encoded:
    """Of two classes, each of which has four words of its own among twelve that both have."""
    rng = np.random.default_rng(seed)
    rows = [[*rng.integers(10, 22, 4), 2 + 4 * (row % 2) + rng.integers(4)] for row in range(count)]
    offsets = 5 * np.arange(count + 1)
    return Encoded(np.array(rows, np.int32).ravel(), offsets, torch.arange(count) % 2)


@pytest.fixture(scope="module")
def bag() -> Problem:
    """A bag of words that has learnt its two classes."""

    def untrained() -> Bag:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return Bag(20)

    def size(model: Any) -> int:
        return family.size(Trained("bag", model, ["a", "b"], Task(), None), Packing())

    train, dev, settings = (
        texts(160, 1),
        texts(60, 2),
        Settings(epochs=8, batch_size=16, learning_rate=3e-2, embedding_rate=3e-2, patience=99),
    )
    dense = untrained()
    assert train_model(dense, train, dev, settings).accuracy > 0.9
    return Problem(dense, train, dev, size, replace(settings, epochs=2), settings, ALL, untrained)


def solved(problem: Problem, folder: Path, criterion: str, schedule: str, size: int, **named: Any) -> Solution:
    """A search for so many bytes, of all kinds that the method does not refuse."""
    folder.mkdir(exist_ok=True)
    refused = {kind for one, other, kind, why in combinations(ALL) if (one, other) == (criterion, schedule) and why}
    kinds = tuple(kind for kind in ALL if kind not in refused)
    method = load_method(criterion, schedule, kinds)
    return pruned(replace(problem, kinds=kinds), method, Budget(max_size=size), folder, **named)


def some_kept(model: Bag, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    kept = {group.name: rng.random(group.size) < 0.6 for group in model.groups(ALL)}
    for stays in kept.values():
        stays[0] = True
    return kept


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_criterion_reaches_a_size(bag: Problem, tmp_path: Path, criterion: str) -> None:
    solution = solved(bag, tmp_path, criterion, "oneshot", 600)
    assert bag.packed_size(bag.dense) > 900
    assert 400 < bag.packed_size(solution.model) <= 600
    assert solution.reason == "the packed file is within 600 bytes"
    assert all(solution.model.counts()[kind] >= 1 for kind in ("vocabulary", "neurons"))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_reaches_a_size_and_resumes_to_the_bit(
    bag: Problem, tmp_path: Path, assert_same: Same, schedule: str
) -> None:
    events: list[tuple[str, int]] = []
    whole = solved(
        bag, tmp_path / "whole", "taylor", schedule, 600, told=lambda name, now: events.append((name, now.done))
    )
    assert bag.packed_size(whole.model) <= 600
    often = replace(
        bag,
        recovery=replace(bag.recovery, checkpoint_seconds=-1.0),
        first=replace(bag.first, checkpoint_seconds=-1.0),
    )
    for place in (0.2, 0.6):
        at = events[int(place * len(events))]

        def told(name: str, now: Progress, at: tuple[str, int] = at) -> None:
            if (name, now.done) == at:
                raise KilledError

        with pytest.raises(KilledError):
            solved(often, tmp_path / "killed", "taylor", schedule, 600, told=told)
    assert_same(solved(often, tmp_path / "killed", "taylor", schedule, 600), whole)


@pytest.mark.parametrize("seed", range(4))
def test_shrunk_equals_masked_and_an_expanded_model_equals_the_small_one(bag: Problem, seed: int) -> None:
    model = bag.dense
    assert isinstance(model, Bag)
    kept = some_kept(model, seed)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    small = shrink(model, kept)
    with masked(model, kept):
        torch.testing.assert_close(logits(small, bag.dev), logits(model, bag.dev), rtol=0, atol=1e-5)
        assert not torch.equal(model.table, before["table"])
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert small.costs()["bytes"]({}) == model.costs()["bytes"](kept)
    with torch.no_grad():
        for parameter in small.parameters():
            parameter += 0.1 * torch.randn(parameter.shape)
    big = expand(small, model, kept)
    assert big.table.shape == model.table.shape
    assert len(big.hidden.bias) == len(model.hidden.bias)
    torch.testing.assert_close(logits(big, bag.dev), logits(small, bag.dev), rtol=0, atol=1e-5)
