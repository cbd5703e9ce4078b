"""Choose the units to keep for a wanted size, a wanted speed, or a share of the units."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from prunetext.models.groups import BYTES, TIME, Group
from prunetext.models.protocol import Model
from prunetext.pruning.choosing import Losses, kept_units, ranked
from prunetext.pruning.criteria.criterion import Groups, State
from prunetext.pruning.problem import Problem
from prunetext.pruning.shrinking import shrink

CORRECTIONS, NEAR_ENOUGH = 4, 0.985  # tries to reach a size, and the share of it that is near enough


class Scored(NamedTuple):
    """A model in the form in which its units are scored, what gives it that form, the scores, and losses (nats)."""

    model: Model
    form: Callable[[Model], Model]
    groups: Groups
    state: State
    scores: Losses
    losses: Losses


def lighter(problem: Problem, scored: Scored, wanted: float, trained: float) -> dict[str, np.ndarray]:
    """The units to keep for a packed file of the wanted bytes: real sizes correct the estimate.

    trained: bytes of the model's file before its basis was turned, as training left it. Trained numbers compress less
    than those of a turned basis, and the smaller model will be trained, too.
    """
    model, groups, size = scored.model, scored.groups, scored.model.costs()[BYTES]
    growth = max(1.0, trained / balanced_bytes(problem, copy.deepcopy(model)))
    estimate, real = size({}), trained
    target = wanted * estimate / real
    for _ in range(CORRECTIONS):
        kept = kept_units(groups, scored.losses, scored.scores, target, size)
        before, real = real, growth * balanced_bytes(problem, shrink(model, kept))
        now, estimate = estimate, size(kept)
        if NEAR_ENOUGH * wanted <= real <= wanted or estimate >= now:
            break
        slope = (now - estimate) / (before - real) if before > real else 1.0
        target = estimate + slope * (wanted * (1 + NEAR_ENOUGH) / 2 - real)
    return kept


def balanced_bytes(problem: Problem, model: Model) -> float:
    """Bytes of a model's file when all dimensions use the same steps."""
    model.normalise()
    return float(problem.packed_size(model))


def faster(problem: Problem, scored: Scored, seconds: float) -> dict[str, np.ndarray]:
    """The units to keep for a text to take so many seconds.

    The time of an addition is measured: the model's time, minus that of one with as few filters as possible.
    """
    model, groups, speed = scored.model, scored.groups, problem.speed
    assert speed is not None
    unrounded = {"losses": scored.losses, "scores": scored.scores}
    additions = model.costs()[TIME]
    least = kept_units(groups, **unrounded, target=0.0, size=additions, resource=TIME)
    now, floor = 1 / speed(model), 1 / speed(shrink(model, least))
    each = max(now - floor, 1e-12) / max(additions({}) - additions(least), 1)
    target = additions(least) + (seconds - floor) / each
    return kept_units(groups, **unrounded, target=target, size=additions, resource=TIME)


def highest(group: Group, scores: np.ndarray, share: float) -> np.ndarray:
    """Keep all but the lowest share of a group's units."""
    kept = np.ones(group.size, dtype=bool)
    kept[ranked(scores)[: min(round(share * group.size), group.size - group.floor)]] = False
    return kept
