"""Criteria of zeroth and first order, from a unit's weights and the loss's gradient."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor

from prunetext.errors import InputError
from prunetext.models.groups import Group
from prunetext.models.protocol import Model
from prunetext.pruning.criteria.criterion import (
    Criterion,
    Groups,
    State,
    change_size,
    dense_gradient,
    first_order,
    number,
    removals,
)


def nothing(model: Model, groups: Groups, seed: int) -> State:
    """The empty state of a criterion without one."""
    return {}


def magnitude() -> Criterion:
    """L2 norm of the change that removal makes to a unit: ‖w‖₂, for a word ‖E[w] − E[unknown]‖₂.

    Source: Li et al. 2017, "Pruning Filters for Efficient ConvNets", with the L2 norm.
    """

    def score(state: State, model: Model, group: Group) -> np.ndarray:
        return change_size(model, group, power=2).sqrt().numpy()

    return Criterion(nothing, score)


def random(draws: str = "1") -> Criterion:
    """A seeded draw: the honest baseline. With `draws=n` each step tries n draws and keeps the best on dev."""

    def init(model: Model, groups: Groups, seed: int) -> State:
        random = np.random.default_rng((seed, 7))
        return {group.name: torch.from_numpy(random.random(group.size)) for group in groups}

    def score(state: State, model: Model, group: Group) -> np.ndarray:
        return state[group.name].numpy()

    return Criterion(init, score, draws=int(number("random:draws", draws, 1, 100, whole=True)))


def gradient(remove: str = "smallest") -> Criterion:
    """Accumulated gradient of a unit, Σ over batches and weights of |∂L/∂w|.

    `remove=smallest` removes the units that training no longer moves. `remove=largest` removes units with large
    gradients and small weights: it ranks by Σ|w| ÷ Σ|∂L/∂w|, where w is the change that removal makes.
    """
    if remove not in ("smallest", "largest"):
        raise InputError(f"gradient:remove={remove} is unknown. Choose smallest or largest.")

    def after_backward(state: State, model: Model, groups: Groups) -> None:
        for name, parameter in model.named_parameters():
            state[name] = state.get(name, torch.zeros(())) + dense_gradient(parameter).abs()

    def score(state: State, model: Model, group: Group) -> np.ndarray:
        total = cast(Tensor, sum(cut(state[name]).sum(1) for name, _, cut in removals(model, group)))
        if remove == "largest":
            return (change_size(model, group, power=1) / total.clamp(min=1e-30)).numpy()
        return total.numpy()

    return Criterion(nothing, score, after_backward)


def taylor() -> Criterion:
    """First-order estimate of the loss that removal costs, |Σ (w − w_removed) · ∂L/∂w|, added up over batches.

    Source: Molchanov et al. 2019, "Importance Estimation for Neural Network Pruning", eq. 8 (its absolute value);
    a removed word becomes the unknown word, so there (E[w] − E[unknown]) · ∂L/∂E[w].
    """

    def after_backward(state: State, model: Model, groups: Groups) -> None:
        for group in groups:
            state[group.name] = state.get(group.name, torch.zeros(())) + first_order(model, group).abs()

    return Criterion(nothing, kept_in_state, after_backward)


def snip() -> Criterion:
    """Connection sensitivity of a unit: Σ over its weights of |(w − w_removed) · ∂L/∂w| ÷ the same over the group.

    The gradient is that of the whole sample's loss: batches can cancel. Each weight counts by itself: the weights of a
    unit cannot.
    Source: Lee, Ajanthan and Torr 2019, "SNIP: Single-shot Network Pruning based on Connection Sensitivity", eq. 5,
    there at initialisation: that is where the schedule `global` begins.
    """

    def after_backward(state: State, model: Model, groups: Groups) -> None:
        for name, parameter in model.named_parameters():
            state[name] = state.get(name, torch.zeros(())) + dense_gradient(parameter)

    def score(state: State, model: Model, group: Group) -> np.ndarray:
        parts = ((change * cut(state[name])).abs().sum(1) for name, change, cut in removals(model, group))
        total = cast(Tensor, sum(parts))
        return (total / total.sum().clamp(min=1e-30)).numpy()

    return Criterion(nothing, score, after_backward)


def movement() -> Criterion:
    """How far fine-tuning moved a unit's weights away from what removal makes of them: −Σ over steps of w · ∂L/∂w.

    w is the change that removal makes; the sum is over the unit's weights and over the steps of a fine-tuning before
    each pruning step. A shrinking unit has a negative score, however large it is.
    Source: Sanh, Wolf and Rush 2020, "Movement Pruning: Adaptive Sparsity by Fine-Tuning", eq. 4 without the rate.
    """

    def after_backward(state: State, model: Model, groups: Groups) -> None:
        for group in groups:
            state[group.name] = state.get(group.name, torch.zeros(group.size)) - first_order(model, group)

    return Criterion(nothing, kept_in_state, after_backward, trains=True)


def kept_in_state(state: State, model: Model, group: Group) -> np.ndarray:
    """The scores added up under the group's name."""
    return state[group.name].numpy()
