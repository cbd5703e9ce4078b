"""Regrowth: the removed units with the largest gradients come back."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor

from prunetext.models.encoded import Encoded
from prunetext.models.groups import BYTES, Cost
from prunetext.models.protocol import Model
from prunetext.pruning.choosing import WATCHED_BATCH, gradients
from prunetext.pruning.criteria.criterion import Groups, dense_gradient, removals
from prunetext.pruning.shrinking import expand, shrink

FILLED_AT_ONCE = 0.05  # share of the room that is filled before costs are computed again


def regrow(
    small: Model,
    model: Model,
    groups: Groups,
    kept: dict[str, np.ndarray],
    target: float,
    size: Cost,
    sample: Encoded,
) -> Model:
    """The small model with as many units back as fit into `target` bytes; no logit changes.

        small = shrink(model, kept)
        bigger = regrow(small, model, groups, kept, 60_000, model.costs()["bytes"], sample)

    Units come back in the order of ‖∂L/∂w‖² per byte, the gradient being that of the weights that return as zeros (a
    word: as the unknown word), on a sample of train.
    Source: Evci et al. 2020, "Rigging the Lottery: Making All Tickets Winners", section 3; the bytes are added here.
    """
    big = expand(small, model, kept)
    gains = gains_of(big, groups, sample)
    kept = {name: stays.copy() for name, stays in kept.items()}
    chunk = max(1.0, FILLED_AT_ONCE * (target - size(kept)))
    while (room := target - size(kept)) > 0:
        offers = []
        for number, group in enumerate(groups):
            gone = np.flatnonzero(~kept[group.name])
            gone = gone[gains[group.name][gone] > 0]
            costs = np.maximum(group.costs[BYTES]({**kept, group.name: np.ones(group.size, bool)})[gone], 1e-9)
            fits = costs <= room
            gone, costs = gone[fits], costs[fits]
            offers.append((gains[group.name][gone] / costs, np.full(len(gone), number), gone, costs))
        ratio, owner, unit, cost = (np.concatenate(column) for column in zip(*offers, strict=True))
        if not len(ratio):
            break
        best = np.argsort(-ratio, kind="stable")
        count = int(np.searchsorted(np.cumsum(cost[best]), chunk)) + 1
        before = {name: stays.copy() for name, stays in kept.items()}
        for number, group in enumerate(groups):
            kept[group.name][unit[best[:count]][owner[best[:count]] == number]] = True
        if size(kept) > target:
            return shrink(big, before)
    return shrink(big, kept)


def gains_of(big: Model, groups: Groups, sample: Encoded) -> dict[str, np.ndarray]:
    """Squared norm of the loss's gradient for each unit, on the sample; shape (group.size,) each."""
    total: dict[str, Tensor] = {}
    for _ in gradients(big, sample, WATCHED_BATCH, len(sample)):
        for name, parameter in big.named_parameters():
            total[name] = total.get(name, torch.zeros(())) + dense_gradient(parameter)
    batches = -(-len(sample) // WATCHED_BATCH)
    return {
        group.name: cast(
            Tensor, sum((cut(total[name]) / batches).square().sum(1) for name, _, cut in removals(big, group))
        ).numpy()
        for group in groups
    }
