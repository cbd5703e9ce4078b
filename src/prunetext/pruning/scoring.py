"""From a criterion's scores to units removed: the least loss per byte first, across all groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from prunetext.models.groups import Group, Kept
from prunetext.models.textcnn import TextCNN
from prunetext.pruning.criteria import WORTHLESS, Criterion
from prunetext.pruning.shrinking import all_kept, mask
from prunetext.training.examples import Encoded
from prunetext.training.loop import CROP, logits

SHARES = (0.25, 0.5, 0.75, 0.9)  # removed shares at which a group's loss is measured
BATCH = 64
CHUNK = 0.02  # share of the bytes that goes before costs are asked again


def scores_of(model: TextCNN, criterion: Criterion, sample: Encoded, seed: int) -> dict[str, np.ndarray]:
    """Each group's importance by the criterion, on a sample of train; shape (group.size,) each."""
    state = criterion.init(model, seed)
    if criterion.after_backward is not None:
        model.eval()  # no dropout: the same sample gives the same scores
        for start in range(0, len(sample), BATCH):
            rows = np.arange(start, min(start + BATCH, len(sample)))
            model.zero_grad()
            loss = functional.cross_entropy(model(sample.take(rows, CROP)), sample.targets[torch.from_numpy(rows)])
            loss.backward()
            criterion.after_backward(state, model)
        model.zero_grad()
    return {group.name: criterion.score(state, model, group) for group in model.groups()}


def losses_of(model: TextCNN, scores: dict[str, np.ndarray], sample: Encoded) -> dict[str, np.ndarray]:
    """Turn ranks into estimated loss increases, so that units of different groups can be compared.

    The loss of each group is measured with its lowest 25, 50, 75 and 90 % removed and interpolated between; a unit
    costs what the curve rises at its rank. The curve is made to rise ever faster (its lower convex hull), so that
    a lower rank never costs more and noise near zero is free.
    """
    base = sample_loss(model, sample)
    losses = {}
    for group in model.groups():
        order = np.argsort(scores[group.name], kind="stable")
        counts, rises = [0], [0.0]
        for share in SHARES:
            count = min(int(share * group.size), group.size - group.floor)
            if count <= counts[-1]:
                continue
            kept = all_kept(model.groups())
            kept[group.name][order[:count]] = False
            counts.append(count)
            rises.append(max(0.0, sample_loss(mask(model, kept), sample) - base))
        slopes = convex_slopes(np.array(counts, float), np.array(rises))
        loss = np.full(group.size, slopes[-1] if len(slopes) else np.inf)
        for low, high, slope in zip(counts, counts[1:], slopes, strict=False):
            loss[order[low:high]] = slope
        losses[group.name] = loss
    return losses


def convex_slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Slope over each interval of the lower convex hull of the points (x rising).

    >>> convex_slopes(np.array([0.0, 1.0, 2.0]), np.array([0.0, 3.0, 4.0])).tolist()
    [2.0, 2.0]
    """
    hull = [0]
    for at in range(1, len(x)):
        while len(hull) > 1 and (y[hull[-1]] - y[hull[-2]]) * (x[at] - x[hull[-2]]) >= (y[at] - y[hull[-2]]) * (
            x[hull[-1]] - x[hull[-2]]
        ):
            hull.pop()
        hull.append(at)
    slopes: np.ndarray = np.diff(np.interp(x, x[hull], y[hull])) / np.diff(x)
    return slopes


def sample_loss(model: TextCNN, sample: Encoded) -> float:
    """Mean cross-entropy (nats) on the sample."""
    return float(functional.cross_entropy(logits(model, sample), sample.targets))


def choose(
    model: TextCNN,
    losses: dict[str, np.ndarray],
    scores: dict[str, np.ndarray],
    target: float,
    size: Callable[[Kept], float],
) -> dict[str, np.ndarray]:
    """Which units stay so that the packed size is at most `target` bytes: the least loss per byte goes first.

    Worthless units go even if the target is met without that. Costs are asked again whenever `CHUNK` of the bytes is
    gone, since a word costs the dimensions that are left.
    """
    groups = model.groups()
    kept = all_kept(groups)
    for group in groups:
        worthless = np.flatnonzero(scores[group.name] == WORTHLESS)
        kept[group.name][worthless[: group.size - group.floor]] = False
    while (now := size(kept)) > target:
        units = removable(groups, kept, losses, scores)
        if not units:
            break
        allowance = max(1.0, min(CHUNK * now, now - target))
        offered = Counter(group.name for _, _, group, _, _ in units)
        for _, _, group, unit, saved in units:
            kept[group.name][unit] = False
            allowance -= saved
            offered[group.name] -= 1
            if allowance <= 0 or not offered[group.name]:  # its next units may be the best still
                break
    return kept


def removable(
    groups: tuple[Group, ...], kept: dict[str, np.ndarray], losses: dict[str, np.ndarray], scores: dict[str, np.ndarray]
) -> list[tuple[float, float, Group, int, float]]:
    """Units that may still go, best first: loss per byte, share of rank, group, unit, bytes saved."""
    units = []
    for group in groups:
        alive = np.flatnonzero(kept[group.name])
        spare = len(alive) - group.floor
        if spare <= 0:
            continue
        cost = group.cost(kept)
        alive = alive[np.argsort(scores[group.name][alive], kind="stable")][: max(1, int(spare * 0.1))]
        for rank, unit in enumerate(alive):
            units.append((losses[group.name][unit] / cost[unit], rank / len(alive), group, int(unit), cost[unit]))
    return sorted(units, key=lambda unit: unit[:2])
