"""Which units stay so that a model has a wanted size, a wanted speed, or a share of its units."""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np
import torch

from prunetext.models.groups import Group
from prunetext.models.textcnn.costs import WORDS
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.rounding import Turn, balance
from prunetext.pruning.choosing import Losses, choose, ranked
from prunetext.pruning.criteria.criterion import Groups, State
from prunetext.pruning.problem import Task
from prunetext.pruning.shrinking import shrink

CORRECTIONS, NEAR = 4, 0.985  # tries to reach a size, and the share of it that is near enough


class Scored(NamedTuple):
    """A model whose units are worth something: its basis turned, its scores, and losses (nats)."""

    model: TextCNN
    basis: Turn
    groups: Groups
    state: State
    scores: Losses
    losses: Losses


def lighter(task: Task, scored: Scored, wanted: float, trained: float) -> dict[str, np.ndarray]:
    """What to keep so that the packed file will have the wanted bytes: the estimate is corrected by real sizes.

    trained: bytes of the model's file before its basis was turned, as training left it. Numbers that were trained can
    be compressed less than those of a turned basis, and a smaller model will be trained, too.
    """
    model, groups, size = scored.model, scored.groups, scored.model.units().packed_bytes
    growth = max(1.0, trained / balanced_bytes(task, copy.deepcopy(model)))
    estimate, real = size({}), trained
    target = wanted * estimate / real
    for _ in range(CORRECTIONS):
        kept = choose(groups, scored.losses, scored.scores, target, size)
        before, real = real, growth * balanced_bytes(task, shrink(model, kept))
        now, estimate = estimate, size(kept)
        if NEAR * wanted <= real <= wanted or estimate >= now:
            break
        slope = (now - estimate) / (before - real) if before > real else 1.0
        target = estimate + slope * (wanted * (1 + NEAR) / 2 - real)
    return kept


def balanced_bytes(task: Task, model: TextCNN) -> float:
    """Bytes of a model's file when all dimensions use the same steps."""
    balance(model)
    return float(task.packed_size(model))


def faster(task: Task, scored: Scored, seconds: float) -> dict[str, np.ndarray]:
    """What to keep so that a text takes so many seconds.

    The time of an addition is measured: that of the model, less that of one with as few filters as can be.
    """
    model, groups, speed = scored.model, scored.groups, task.speed
    assert speed is not None
    unrounded = {"losses": scored.losses, "scores": scored.scores}
    additions = model.additions
    least = choose(groups, **unrounded, target=0.0, size=additions, cost=lambda group: group.work)
    now, floor = 1 / speed(model), 1 / speed(shrink(model, least))
    each = max(now - floor, 1e-12) / max(additions() - additions(least), 1)
    target = additions(least) + (seconds - floor) / each
    return choose(groups, **unrounded, target=target, size=additions, cost=lambda group: group.work)


def highest(group: Group, scores: np.ndarray, share: float) -> np.ndarray:
    """Keep all units of a group but its lowest share."""
    kept = np.ones(group.size, dtype=bool)
    kept[ranked(scores)[: min(round(share * group.size), group.size - group.floor)]] = False
    return kept


def zeros_of(model: TextCNN) -> dict[str, torch.Tensor]:
    """Where single weights were removed, by parameter, if any were."""
    places = {name: model.get_parameter(name).detach() == 0 for name in model.units().weighty()}
    places["embedding"][:WORDS] = False
    return {name: each for name, each in places.items() if bool(each.any())}
