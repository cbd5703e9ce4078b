"""How much a unit matters: each criterion is a small tuple of functions, and one line of `CRITERIA`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from prunetext.errors import InputError
from prunetext.models.groups import Group
from prunetext.models.textcnn import TextCNN
from prunetext.pruning.shrinking import unit_blocks

State = Any  # what a criterion carries along; only itself looks inside
WORTHLESS = -np.inf  # the score of a unit that goes at the next step, whatever is still to be saved


class Criterion(NamedTuple):
    """A way to score units; the driver calls `init`, then `after_backward` on each batch of a sample, then `score`.

    init: (model, seed) → state. score: (state, model, group) → importance, shape (group.size,), least first to go, and
    `WORTHLESS` ones in any case.
    after_backward: (state, model) → None, sees gradients. after_step: (model, learning rate) → None, acts in
    training. unit: "rank" if only the order of scores means something, "loss" if they estimate loss increases (nats).
    """

    init: Callable[[TextCNN, int], State]
    score: Callable[[State, TextCNN, Group], np.ndarray]
    after_backward: Callable[[State, TextCNN], None] | None = None
    after_step: Callable[[TextCNN, float], None] | None = None
    unit: str = "rank"


CRITERIA = {
    "gradient": "prunetext.pruning.criteria:gradient",
    "lasso": "prunetext.pruning.criteria:lasso",
    "magnitude": "prunetext.pruning.criteria:magnitude",
    "random": "prunetext.pruning.criteria:random",
    "taylor": "prunetext.pruning.criteria:taylor",
}


def load_criterion(text: str) -> Criterion:
    """Make a criterion from its name, with its parameters riding on it.

    >>> load_criterion("gradient:remove=largest").unit
    'rank'

    An unknown name, parameter or value raises `InputError`.
    """
    name, _, rest = text.partition(":")
    if name not in CRITERIA:
        raise InputError(f"criterion {name!r} is unknown. Choose one of {', '.join(CRITERIA)}.")
    parameters = dict(part.partition("=")[::2] for part in rest.split(",") if part)
    module, _, attribute = CRITERIA[name].partition(":")
    factory = getattr(import_module(module), attribute)
    allowed = factory.__annotations__.keys() - {"return"}
    if unknown := parameters.keys() - allowed:
        takes = f"It takes {', '.join(sorted(allowed))}." if allowed else "It takes none."
        raise InputError(f"criterion {name!r} has no parameter {sorted(unknown)[0]!r}. {takes}")
    return cast(Criterion, factory(**parameters))


def removals(model: TextCNN, group: Group) -> Iterator[tuple[str, Tensor, Callable[[Tensor], Tensor]]]:
    """For each parameter of a group: its name, what removal takes away from each unit, and how to cut likewise.

    A removed unit becomes zero, so its weights are taken away; a removed word becomes the unknown word, so the
    difference between the two vectors is. Shapes (group.size, entries a unit).
    """
    parameters = dict(model.named_parameters())
    for piece in group.slices:
        tensor = parameters[piece.parameter].detach()
        change = unit_blocks(tensor, piece, group.size)
        if group.redirect is not None:
            change = change - tensor[piece.offset - 1]
        yield piece.parameter, change, partial(unit_blocks, piece=piece, size=group.size)


def dense_gradient(parameter: Tensor) -> Tensor:
    """The gradient as a dense tensor; zero where training has none."""
    if parameter.grad is None:
        return torch.zeros_like(parameter)
    return parameter.grad.to_dense() if parameter.grad.is_sparse else parameter.grad


def magnitude() -> Criterion:
    """L2 norm of what removal takes away from a unit: ‖w‖₂, for a word ‖E[w] − E[unknown]‖₂.

    Source: Li et al. 2017, "Pruning Filters for Efficient ConvNets", with the L2 norm.
    """

    def score(state: State, model: TextCNN, group: Group) -> np.ndarray:
        squares = sum(change.square().sum(1) for _, change, _ in removals(model, group))
        return cast(Tensor, squares).sqrt().numpy()

    return Criterion(lambda model, seed: None, score)


def random() -> Criterion:
    """A seeded draw: the honest baseline."""

    def score(state: np.random.Generator, model: TextCNN, group: Group) -> np.ndarray:
        return state.random(group.size)

    return Criterion(lambda model, seed: np.random.default_rng((seed, 7)), score)


def gradient(remove: str = "smallest") -> Criterion:
    """Accumulated gradient of a unit, Σ over batches and weights of |∂L/∂w|.

    `remove=smallest` lets the units go that training no longer moves; `remove=largest` the reverse.
    """
    if remove not in ("smallest", "largest"):
        raise InputError(f"gradient:remove={remove} is unknown. Choose smallest or largest.")
    sign = 1 if remove == "smallest" else -1

    def after_backward(state: dict[str, Tensor], model: TextCNN) -> None:
        for name, parameter in model.named_parameters():
            state[name] = state.get(name, 0) + dense_gradient(parameter).abs()

    def score(state: dict[str, Tensor], model: TextCNN, group: Group) -> np.ndarray:
        total = sum(cut(state[name]).sum(1) for name, _, cut in removals(model, group))
        return sign * cast(Tensor, total).numpy()

    return Criterion(lambda model, seed: {}, score, after_backward)


def taylor() -> Criterion:
    """First-order estimate of the loss that removal costs, |Σ (w − w_removed) · ∂L/∂w|, added up over batches.

    Source: Molchanov et al. 2019, "Importance Estimation for Neural Network Pruning", eq. 8 (its absolute value);
    a removed word becomes the unknown word, so there (E[w] − E[unknown]) · ∂L/∂E[w].
    """

    def after_backward(state: dict[str, np.ndarray], model: TextCNN) -> None:
        parameters = dict(model.named_parameters())
        for group in model.groups():
            first_order = sum(
                (change * cut(dense_gradient(parameters[name]))).sum(1) for name, change, cut in removals(model, group)
            )
            state[group.name] = state.get(group.name, 0) + cast(Tensor, first_order).abs().numpy()

    def score(state: dict[str, np.ndarray], model: TextCNN, group: Group) -> np.ndarray:
        return state[group.name]

    return Criterion(lambda model, seed: {}, score, after_backward)


def lasso(strength: str = "0.3", threshold: str = "0") -> Criterion:
    """Relative coefficient of a unit, Σ|w| ÷ Σ|w| over its whole group, in a model trained with an L1 penalty.

    The penalty is a proximal step after each update, w ← sign(w) · max(|w| − rate · strength, 0), which gives exact
    zeros; for a word w is E[w] − E[unknown], so that a zero makes it the unknown word. Units whose relative
    coefficient is at most `threshold` ÷ (units in the group) go at the next step, however many they are.
    Sources: Tibshirani 1996, "Regression Shrinkage and Selection via the Lasso"; Parikh and Boyd 2014, "Proximal
    Algorithms", section 6.5.2.
    """
    weight, least = positive("lasso:strength", strength), positive("lasso:threshold", threshold)

    def after_step(model: TextCNN, learning_rate: float) -> None:
        model.soften(learning_rate * weight)

    def score(state: State, model: TextCNN, group: Group) -> np.ndarray:
        size = cast(Tensor, sum(change.abs().sum(1) for _, change, _ in removals(model, group))).numpy()
        relative = size / max(size.sum(), 1e-30)
        return np.where(relative <= least / group.size, WORTHLESS, relative)

    return Criterion(lambda model, seed: None, score, after_step=after_step)


def positive(name: str, text: str) -> float:
    """Read a parameter that must be a number of zero or more."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise InputError(f"{name}={text} is not a number of zero or more. Give one, such as {name}=0.001.")
    return value
