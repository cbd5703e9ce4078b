"""From a criterion's scores to removed units: the least loss per byte (or addition) first, across all groups."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from prunetext.models.encoded import Encoded
from prunetext.models.groups import BYTES, Cost, Group
from prunetext.models.protocol import Model
from prunetext.pruning.criteria.criterion import WORTHLESS, Criterion, Groups, KeptUnits, State
from prunetext.pruning.shrinking import all_kept, masked
from prunetext.training.answering import logits
from prunetext.training.losses import loss_of

# Removed shares, down to the floor, at which a group's loss is measured.
MEASURED_SHARES = (
    0.25,
    0.5,
    0.75,
    0.9,
    0.97,
    1.0,
)
WATCHED_BATCH = 64
WATCHED_TOKENS = 1000  # of a text, from its beginning
# Texts of the sample that a criterion per example sees; of a large model, as many as take so many multiplications.
PER_EXAMPLE, FEW_EXAMPLES, EXAMPLE_WORK = 500, 100, 1.6e9
CHUNK_SHARE = 0.02  # share of the bytes that goes before costs are computed again
OFFER = 0.1  # share of a group's units that can go in a chunk

Losses = dict[str, np.ndarray]


def observe(model: Model, criterion: Criterion, groups: Groups, state: State, sample: Encoded) -> None:
    """Show the criterion gradients of a sample of train, with the model in prediction mode."""
    if criterion.after_backward is None:
        return
    size, texts = WATCHED_BATCH, len(sample)
    if criterion.per_example:
        size, most = 1, min(PER_EXAMPLE, max(FEW_EXAMPLES, int(EXAMPLE_WORK / max(model.work, 1))))
        texts = min(texts, most)
    for _ in gradients(model, sample, size, texts):
        criterion.after_backward(state, model, groups)


def gradients(model: Model, sample: Encoded, size: int, texts: int) -> Iterator[int]:
    """Leave the loss's gradient in the model, batch by batch of `size` texts; gives the number of texts in each."""
    model.eval()  # no dropout: the same sample gives the same gradients
    for start in range(0, texts, size):
        rows = np.arange(start, min(start + size, texts))
        model.zero_grad()
        targets = sample.targets[torch.from_numpy(rows)]
        loss_of(sample.task).mean(model(sample.take(rows, WATCHED_TOKENS)), targets).backward()
        yield len(rows)
    model.zero_grad()


def scores_of(model: Model, criterion: Criterion, groups: Groups, state: State) -> Losses:
    """Each group's importance by the criterion; shape (group.size,) each."""
    return {group.name: criterion.score(state, model, group) for group in groups}


def ranked(scores: np.ndarray) -> np.ndarray:
    """Units in the order of removal: the least important first; among equals the last (for words, the rarest).

    >>> ranked(np.array([0.0, 0.0, 3.0, 1.0])).tolist()
    [1, 0, 3, 2]
    """
    return len(scores) - 1 - np.argsort(scores[::-1], kind="stable")


def losses_of(model: Model, groups: Groups, scores: Losses, sample: Encoded) -> Losses:
    """Turn ranks into estimated loss increases, which make units of different groups comparable.

    The loss of each group is measured with its lowest 25, 50, 75, 90 and 97 % removed, and with all but its floor, and
    interpolated between; a unit costs the rise of the curve at its rank. The curve is replaced by its lower convex
    hull: a lower rank then never costs more, and noise near zero is free.
    """
    base = sample_loss(model, sample)
    losses = {}
    for group in groups:
        order = ranked(scores[group.name])
        counts, rises = [0], [0.0]
        for share in MEASURED_SHARES:
            count = min(int(share * group.size), group.size - group.floor)
            if count <= counts[-1]:
                continue
            counts.append(count)
            rises.append(max(0.0, without(model, group, order[:count], sample) - base))
        slopes = convex_slopes(np.array(counts, float), np.array(rises))
        loss = np.full(group.size, slopes[-1] if len(slopes) else np.inf)
        for low, high, slope in zip(counts, counts[1:], slopes, strict=False):
            loss[order[low:high]] = slope
        losses[group.name] = loss
    return losses


def without(model: Model, group: Group, gone: np.ndarray, sample: Encoded) -> float:
    """Loss on the sample without some units of one group."""
    kept = all_kept([group])
    kept[group.name][gone] = False
    with masked(model, kept):
        return sample_loss(model, sample)


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


def sample_loss(model: Model, sample: Encoded) -> float:
    """Mean loss (nats) on the sample."""
    return float(loss_of(sample.task).mean(logits(model, sample), sample.targets))


def kept_units(
    groups: Groups,
    losses: Losses,
    scores: Losses,
    target: float,
    size: Cost,
    resource: str = BYTES,
) -> dict[str, np.ndarray]:
    """The units to keep for a size of at most `target`: the least loss per unit of cost goes first.

    Worthless units go even if the target is already met. `resource` is what removals must save; a group that saves none
    of it is left alone. Costs are computed again whenever `CHUNK_SHARE` of the size is gone: a word costs the
    dimensions that are left.
    """
    kept = all_kept(groups)
    order = {group.name: ranked(scores[group.name]) for group in groups}
    for group in groups:
        worthless = np.flatnonzero(scores[group.name] == WORTHLESS)
        kept[group.name][worthless[: group.size - group.floor]] = False
    while (now := size(kept)) > target:
        allowance = max(1.0, min(CHUNK_SHARE * now, now - target))
        if not remove_chunk(groups, kept, losses, order, allowance, resource):
            break
    return kept


def rearranged_units(
    criterion: Criterion, state: State, groups: Groups, kept: dict[str, KeptUnits]
) -> dict[str, KeptUnits]:
    """As many units of each group, in the criterion's own arrangement if it has one and all cost the same."""
    if criterion.rearrange is None:
        return kept
    found = dict(kept)
    for group in groups:
        if all(np.ptp(costs(kept)) == 0 for costs in group.costs.values()):
            found[group.name] = criterion.rearrange(state, group, kept[group.name])
    return found


def remove_chunk(
    groups: Groups, kept: dict[str, np.ndarray], losses: Losses, order: Losses, allowance: float, resource: str
) -> int:
    """Remove the best units until they save `allowance`, or until a group's offer is used up."""
    offers = []
    for number, group in enumerate(groups):
        costs = group.costs.get(resource)
        if costs is None:
            continue
        saved = costs(kept)
        ranked = order[group.name]
        alive = ranked[kept[group.name][ranked]]
        alive = alive[saved[alive] > 0][: len(alive) - group.floor]
        alive = alive[: max(1, int(len(alive) * OFFER))]
        if len(alive):
            ratio = losses[group.name][alive] / saved[alive]
            rank = np.arange(len(alive)) / len(alive)
            offers.append((ratio, rank, np.full(len(alive), number), alive, saved[alive]))
    if not offers:
        return 0
    ratio, rank, owner, unit, saved = (np.concatenate(column) for column in zip(*offers, strict=True))
    best = np.lexsort((rank, ratio))
    enough = int(np.searchsorted(np.cumsum(saved[best]), allowance)) + 1
    last = {number: place for place, number in enumerate(owner[best].tolist())}
    count = min(enough, min(last.values()) + 1)
    for number, group in enumerate(groups):
        kept[group.name][unit[best[:count]][owner[best[:count]] == number]] = False
    return count
