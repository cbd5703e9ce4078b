"""The interface of a criterion, its lookup by name, and the change that a removal makes, which all criteria use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from prunetext.errors import InputError, brief
from prunetext.models.groups import Group, Kept
from prunetext.models.protocol import Model
from prunetext.pruning.shrinking import flattened, unit_blocks

State = dict[str, Tensor]  # a criterion's state, by names of its own; checkpoints hold it
Groups = tuple[Group, ...]
KeptUnits = npt.NDArray[np.bool_]  # of one group: which are kept
WORTHLESS = -np.inf  # the score of a unit that goes at the next step, whatever is still to be saved


class Criterion(NamedTuple):
    """A way to score units: only the order of the scores matters; measurements turn it into losses.

    The search calls `init`, then `after_backward` on each batch of a sample of train (on each text if `per_example`),
    then `score`. If `trains` is true, it trains the model for a while instead, and calls `after_backward` and
    `after_step` there; `after_step` also acts in every recovery.

    init: (model, groups, seed) → state. score: (state, model, group) → importance, shape (group.size,), least first to
    go, and `WORTHLESS` ones in any case. after_backward: (state, model, groups) → None, sees gradients. after_step:
    (model, groups, learning rate) → None. rearrange: (state, group, kept) → as many units of the group that are better
    kept together; all cost the same. remove: (state, model, groups, kept) → None, changes the survivors before the rest
    goes. draws: how many candidates of a step are tried. refuses: schedules and kinds of groups that it cannot
    be combined with, and why.
    """

    init: Callable[[Model, Groups, int], State]
    score: Callable[[State, Model, Group], np.ndarray]
    after_backward: Callable[[State, Model, Groups], None] | None = None
    after_step: Callable[[Model, Groups, float], None] | None = None
    rearrange: Callable[[State, Group, KeptUnits], KeptUnits] | None = None
    remove: Callable[[State, Model, Groups, Kept], None] | None = None
    per_example: bool = False
    trains: bool = False
    draws: int = 1
    refuses: Mapping[str, str] = {}


CRITERIA = {
    "fisher": "prunetext.pruning.criteria.second_order:fisher",
    "gradient": "prunetext.pruning.criteria.first_order:gradient",
    "lasso": "prunetext.pruning.criteria.lasso:lasso",
    "magnitude": "prunetext.pruning.criteria.first_order:magnitude",
    "movement": "prunetext.pruning.criteria.first_order:movement",
    "obs": "prunetext.pruning.criteria.second_order:obs",
    "random": "prunetext.pruning.criteria.first_order:random",
    "snip": "prunetext.pruning.criteria.first_order:snip",
    "taylor": "prunetext.pruning.criteria.first_order:taylor",
}


def load_criterion(text: str) -> Criterion:
    """Make a criterion from its name and the parameters after it.

    >>> load_criterion("random:draws=3").draws
    3

    An unknown name, parameter or value raises `InputError`.
    """
    return cast(Criterion, make_method("criterion", text, CRITERIA))


def make_method(what: str, text: str, registry: Mapping[str, str]) -> Any:
    """Call the function that a registry has for a name: `name:parameter=value,parameter=value`."""
    name, _, rest = text.partition(":")
    if name not in registry:
        raise InputError(f"{what} {brief(name)} is unknown. Choose one of {', '.join(registry)}.")
    parameters = dict(part.partition("=")[::2] for part in rest.split(",") if part)
    module, _, attribute = registry[name].partition(":")
    factory = getattr(import_module(module), attribute)
    allowed = factory.__annotations__.keys() - {"return"}
    if unknown := parameters.keys() - allowed:
        takes = f"It takes {', '.join(sorted(allowed))}." if allowed else "It takes none."
        raise InputError(f"{what} {brief(name)} has no parameter {sorted(unknown)[0]!r}. {takes}")
    return factory(**parameters)


def number(name: str, text: str, least: float = 0.0, most: float = float("inf"), *, whole: bool = False) -> float:
    """Read a parameter that must be a number; `name` names the method and the parameter.

    >>> number("lasso:strength", "0.5")
    0.5
    """
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if least <= value <= most and value < float("inf") and (not whole or value == int(value)):
        return value
    kind = "a whole number" if whole else "a number"
    wanted = "of zero or more" if (least, most) == (0.0, float("inf")) else f"from {least:g} to {most:g}"
    example = f"{name}={max(least, 1 if whole else 0.1):g}"
    raise InputError(f"{name}={text} is not {kind} {wanted}. Give {kind}, such as {example}.")


def removals(model: Model, group: Group) -> Iterator[tuple[str, Tensor, Callable[[Tensor], Tensor]]]:
    """For each parameter of a group: its name, the change that removal makes to each unit, and how to cut likewise.

    A removed unit becomes zero: the change is its weights. A removed word becomes the unknown word: the change is the
    difference of the two vectors. A coarser vector is rounded. Shapes (group.size, entries a unit). A frozen parameter
    is left out: what its entries are worth shows in the weights that they are multiplied by.
    """
    for piece in group.slices:
        parameter = model.get_parameter(piece.parameter)
        if not parameter.requires_grad:
            continue
        tensor = parameter.detach()
        change = tensor if group.without is None else tensor - removal_of(model, group)

        def cut(values: Tensor, piece: Any = piece) -> Tensor:
            return unit_blocks(values, piece, group.size)

        yield piece.parameter, cut(change), cut


def removal_of(model: Model, group: Group) -> Tensor:
    """The parameter of the group's only slice after the removal of all its units."""
    assert group.without is not None
    return group.without({name: each.detach() for name, each in model.named_parameters()})


def dense_gradient(parameter: Tensor) -> Tensor:
    """The gradient as a dense tensor; zero if training has none."""
    if parameter.grad is None:
        return torch.zeros_like(parameter)
    return parameter.grad.to_dense() if parameter.grad.is_sparse else parameter.grad


def first_order(model: Model, group: Group) -> Tensor:
    """The fall of the loss, to first order, if each unit went: Σ (w − w_removed) · ∂L/∂w, shape (size,)."""
    parameters = dict(model.named_parameters())
    terms = ((change * cut(dense_gradient(parameters[name]))).sum(1) for name, change, cut in removals(model, group))
    return cast(Tensor, sum(terms))


def change_size(model: Model, group: Group, power: int) -> Tensor:
    """Σ |w − w_removed|ᵖ of each unit, shape (size,)."""
    return cast(Tensor, sum(change.abs().pow(power).sum(1) for _, change, _ in removals(model, group)))


def move_units(model: Model, group: Group, shorten: Callable[[Tensor], Tensor], *, biases: bool = True) -> None:
    """Replace the change that removal makes to each unit, (size, entries a unit), by the result of `shorten`.

    Zeros are the unit's removal. Weights that are not trained stay.
    """
    with torch.no_grad():
        for piece in group.slices:
            if piece.parameter.endswith("bias") and not biases:
                continue
            parameter = model.get_parameter(piece.parameter)
            base = torch.zeros_like(parameter) if group.without is None else removal_of(model, group).clone()
            change = unit_blocks(parameter - base, piece, group.size)
            now = shorten(change)
            same, other = unit_blocks(parameter, piece, group.size), unit_blocks(base, piece, group.size) + now
            moved = torch.where(now == change, same, other)  # exactly as it was where nothing changes
            front = flattened(parameter.detach(), piece).clone()
            units = front[piece.offset : piece.offset + group.size * piece.width]
            units.copy_(moved.reshape(units.shape))
            order = tuple(range(len(piece.axes)))
            whole = front.reshape(parameter.movedim(piece.axes, order).shape).movedim(order, piece.axes)
            trained = model.trained(piece.parameter)
            parameter.copy_(whole if trained is None else torch.where(trained, whole, parameter))
