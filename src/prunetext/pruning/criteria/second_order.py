"""Criteria of second order: the loss as a parabola, whose curvature is the mean of squared gradients."""

from __future__ import annotations

from functools import partial
from typing import cast

import numpy as np
import torch
from torch import Tensor

from prunetext.models.groups import Group, Kept
from prunetext.models.protocol import Model
from prunetext.pruning.criteria.criterion import Criterion, Groups, KeptUnits, State, first_order, move_units, number
from prunetext.pruning.criteria.first_order import nothing
from prunetext.pruning.criteria.swapping import swapped

COUNT = "texts"  # the name under which a state counts them
LARGE_GROUP = 100_000  # units of a group from which blocks are smaller
LEAST_SCALE = 0.01  # of a unit with weights in two places; at zero, no gradient would reach it
MOST_SWAPPED = 4_096  # units of a group whose pairs are all looked at
BLOCKS = (32, 8)  # units in a block of `obs`, in smaller and in large groups


def fisher(rearrange: str = "0") -> Criterion:
    """Half the empirical Fisher information of a unit's mask, ½ · mean over texts of (Σ w · ∂Lₙ/∂w)².

    w is the change that removal makes, Lₙ the loss of a single text: the square of a mean is not the mean of squares.
    It estimates the loss that removal costs. With `rearrange=1` the units that go are then swapped for kept ones of
    the same group, as many as before, while that lowers the estimate for all of them together, in which each pair
    counts, too: ½ · mean over texts of (Σ over removed units of Σ w · ∂Lₙ/∂w)². Groups with more than 4,096 units, or
    with units that cost more than others, stay as they are.
    Sources: Theis et al. 2018, "Faster gaze prediction with dense networks and Fisher pruning", eq. 7; Kwon et al.
    2022, "A Fast Post-Training Pruning Framework for Transformers", eq. 9, for masks, and section 4.2 for swaps.
    """
    swaps = bool(number("fisher:rearrange", rearrange, 0, 1, whole=True))

    def after_backward(state: State, model: Model, groups: Groups) -> None:
        count = state.get(COUNT, torch.zeros(()))
        for group in groups:
            fall = first_order(model, group)
            state[group.name] = state.get(group.name, torch.zeros(())) + fall.square()
            if swaps and group.size <= MOST_SWAPPED:
                state[of_text(group, int(count))] = fall
        state[COUNT] = count + 1

    def rearranged(state: State, group: Group, kept: KeptUnits) -> KeptUnits:
        if group.size > MOST_SWAPPED:
            return kept
        falls = torch.stack([state[of_text(group, text)] for text in range(int(state[COUNT]))]).double()
        return swapped((falls.T @ falls / len(falls)).numpy(), kept)

    def score(state: State, model: Model, group: Group) -> np.ndarray:
        return (state[group.name] / state[COUNT] / 2).numpy()

    return Criterion(nothing, score, after_backward, rearrange=rearranged if swaps else None, per_example=True)


def of_text(group: Group, text: int) -> str:
    """The name under which a state has the falls of the loss of one text, (units,)."""
    return f"{group.name} of text {text}"


def obs(damping: str = "0.1") -> Criterion:
    """Optimal brain surgeon: ½ ÷ [F⁻¹]ᵤᵤ, the loss that is left when the other units of its block make up for it.

    F is the empirical Fisher information of the units' masks (1 is as it is, 0 is removed) in blocks of 32 units that
    follow one another (8 in groups of 100,000 or more): the mean over texts of aₙ·aₙᵀ, with aₙ,ᵤ = Σ w · ∂Lₙ/∂w over
    the unit's weights. Its diagonal is raised by `damping` times its mean. For single weights the score is
    wᵤ² ÷ 2[F⁻¹]ᵤᵤ with the Fisher information of the weights. When units go, the survivors in their block are scaled
    by 1 + F(surviving, surviving)⁻¹ · F(surviving, removed) · 1, the compensating update (a filter or a dimension adds
    a product of weights in two places; each of them is scaled by the root).
    Sources: Hassibi and Stork 1992, "Second order derivatives for network pruning: Optimal Brain Surgeon", eqs. 5 and
    6; Kurtic et al. 2022, "The Optimal BERT Surgeon", for blocks and units of several weights.
    """
    raised = number("obs:damping", damping)

    def after_backward(state: State, model: Model, groups: Groups) -> None:
        for group in groups:
            a = blocks_of(first_order(model, group))  # (blocks, units a block)
            before = state.get(group.name)
            outer = a[:, :, None] * a[:, None, :]
            state[group.name] = outer if before is None else before.add_(outer)
        state[COUNT] = state.get(COUNT, torch.zeros(())) + 1

    def information(state: State, group: Group) -> Tensor:
        """F of each block, damped; the padding of the last one has no part in it."""
        matrix = (state[group.name] / state[COUNT]).double()
        diagonal = matrix.diagonal(dim1=1, dim2=2)
        mean = float(diagonal.sum()) / group.size
        return matrix + torch.eye(matrix.shape[1], dtype=torch.float64) * max(raised * mean, 1e-12)

    def score(state: State, model: Model, group: Group) -> np.ndarray:
        inverse = torch.linalg.inv(information(state, group)).diagonal(dim1=1, dim2=2)
        return cast(np.ndarray, (0.5 / inverse).flatten()[: group.size].numpy())

    def remove(state: State, model: Model, groups: Groups, kept: Kept) -> None:
        for group in groups:
            stays = torch.from_numpy(kept[group.name])
            if bool(stays.all()):
                continue
            factor = 1 + compensation(information(state, group), blocks_of(stays.double()) > 0)
            scale = factor.flatten()[: group.size, None].float()
            if len(group.slices) > 1:  # a unit's effect is a product of its weights in two places: each takes the root
                scale = scale.clamp(min=LEAST_SCALE).sqrt()
            move_units(model, group, partial(torch.mul, scale))

    reason = "obs scales the surviving units to make up for removed ones, and a rounded vector is not removed"
    places = "obs scales the surviving units, and a hidden dimension has weights in too many places to be scaled as one"
    refuses = {"bits": reason, "hidden": places}
    return Criterion(nothing, score, after_backward, remove=remove, per_example=True, refuses=refuses)


def blocks_of(values: Tensor) -> Tensor:
    """Cut (units,) into blocks of equal size, (blocks, units a block), filled up with zeros."""
    block = min(len(values), BLOCKS[len(values) >= LARGE_GROUP])
    count = -(-len(values) // block)
    filled = torch.zeros(count * block, dtype=values.dtype)
    filled[: len(values)] = values
    return filled.view(count, block)


def compensation(matrix: Tensor, stays: Tensor) -> Tensor:
    """How the masks of surviving units s change, F(s, s)⁻¹ · F(s, removed) · 1, (blocks, units); else zero."""
    gone = (~stays).double()
    right = (matrix @ gone[:, :, None])[:, :, 0] * stays
    both = stays[:, :, None] & stays[:, None, :]
    alone = torch.where(both, matrix, torch.eye(matrix.shape[1], dtype=matrix.dtype))
    return cast(Tensor, torch.linalg.solve(alone, right)) * stays
