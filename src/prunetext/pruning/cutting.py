"""Choose the units to keep for a wanted size, a wanted speed, or a share of the units."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from prunetext.models.groups import BYTES, TIME, Group
from prunetext.models.protocol import Model
from prunetext.models.times import Times
from prunetext.pruning.choosing import Losses, kept_units, ranked
from prunetext.pruning.criteria.criterion import Groups, State
from prunetext.pruning.problem import Problem
from prunetext.pruning.shrinking import shrink

CORRECTIONS, NEAR_ENOUGH = 4, 0.985  # tries to reach a size, and the share of it that is near enough
APART = 0.1  # of two times: the share from which on they tell a slope
TIME_NEAR_ENOUGH = 0.96  # the same of a time: two measurements of one model differ by as much


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
    """The units to keep for a text to take so many seconds."""
    times = None if problem.times is None else problem.times(scored.model)
    if times is None or not times.covers(scored.groups):
        return fewer_additions(problem, scored, seconds)
    return timed_units(problem, scored, seconds, times)


def fewer_additions(problem: Problem, scored: Scored, seconds: float) -> dict[str, np.ndarray]:
    """The same, where a text takes as long as its additions.

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


def timed_units(problem: Problem, scored: Scored, seconds: float, times: Times) -> dict[str, np.ndarray]:
    """The same by a table of measured times: real times of a text correct what it says of a whole model.

    Of the cuts that are tried, the one that comes nearest to the time and keeps it is taken, or else the fastest.
    """
    model, speed = scored.model, problem.speed
    assert speed is not None
    groups, cost = times.groups(model, scored.groups), times.cost(model)
    multiples = {group.name: times.multiple(group) for group in groups}
    tried: list[tuple[float, dict[str, np.ndarray]]] = []
    points = [(1 / speed(model), cost({}))]  # a real time, and what the table says before counts are evened
    target = points[0][1] * seconds / points[0][0]
    for _ in range(CORRECTIONS):
        kept = kept_units(groups, scored.losses, scored.scores, target, cost, TIME)
        said, kept = cost(kept), evened_counts(groups, scored.scores, kept, multiples)
        if tried and all(np.array_equal(kept[name], tried[-1][1][name]) for name in kept):
            if points[-1][0] <= seconds:
                break  # none is between this one and one that is too slow
            target *= TIME_NEAR_ENOUGH**2
            continue
        points.append((1 / speed(shrink(model, kept)), said))
        tried.append((points[-1][0], kept))
        if TIME_NEAR_ENOUGH * seconds <= points[-1][0] <= seconds:
            break
        target = cost_for(seconds * (1 + TIME_NEAR_ENOUGH) / 2, points[-2:])
    within = [each for each in tried if each[0] <= seconds]
    found = max(within, key=itemgetter(0)) if within else min(tried, key=itemgetter(0))
    return found[1]


def cost_for(seconds: float, points: Sequence[tuple[float, float]]) -> float:
    """What a table says of a model that really takes so long, by what it says of two others, given as (real, said).

    >>> cost_for(4.0, [(8.0, 70.0), (6.0, 50.0)]), cost_for(3.0, [(6.1, 70.0), (6.0, 50.0)])
    (30.0, 25.0)

    If their real times hardly differ, noise would decide: then the table counts, times what the last one takes of it.
    """
    (before, said), (now, says) = points
    if abs(before - now) < APART * now or (said - says) * (before - now) <= 0:
        return says * seconds / now
    return max(0.0, says + (seconds - now) * (said - says) / (before - now))


def evened_counts(
    groups: Groups, scores: Losses, kept: Mapping[str, np.ndarray], multiples: Mapping[str, int]
) -> dict[str, np.ndarray]:
    """As many units of each group as the nearest multiple of its number, by rank; never none, nor more than there are.

    A number of 1 changes nothing. In the middle between two multiples, units come back.
    """
    found = dict(kept)
    for group in groups:
        order, count, step = ranked(scores[group.name]), int(kept[group.name].sum()), multiples[group.name]
        wanted = min(group.size, max(group.floor, step * max(1, (count + step // 2) // step)))
        there = kept[group.name][order]
        now, changed = kept[group.name].copy(), order[~there][::-1] if wanted > count else order[there]
        now[changed[: abs(wanted - count)]] = wanted > count
        found[group.name] = now
    return found


def highest(group: Group, scores: np.ndarray, share: float) -> np.ndarray:
    """Keep all but the lowest share of a group's units."""
    kept = np.ones(group.size, dtype=bool)
    kept[ranked(scores)[: min(round(share * group.size), group.size - group.floor)]] = False
    return kept
