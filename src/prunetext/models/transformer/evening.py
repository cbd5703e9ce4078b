"""Columns of about one size for what is rounded to int8.

All numbers that a dense layer is given are multiples of one step. Of a pre-trained transformer, a few columns have
numbers that are ten times as large as all others, often those of the first token alone; then the others have few
multiples left. Dividing a column and multiplying its weights by the same factor changes no result but those of
rounding. Which factors are best is found out on texts of random tokens: what makes a column large is the model.

Source: Xiao et al. 2023, "SmoothQuant". Here, factors are chosen by the error of the products; some are of that
paper's form, and others lower the largest columns alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from prunetext.models.transformer.model import Layer, TextEncoder
from prunetext.models.transformer.numbers import MOST_OF_WEIGHT, Reals, rounded_activations

ONE_INPUT = (("query", "key", "value"), ("inner", "gate"), ("outer",))  # dense layers of one input
RANDOM_TEXTS, RANDOM_TOKENS = 24, 32  # of random tokens
LOWERED = (2.0, 3.0, 4.0, 6.0, 8.0)  # the largest column divided by what those above it are lowered to
EVENING_POWER = 0.7  # of a column's size in its factor; its weights' size has the rest
_LEAST = 1e-5


def is_evened(name: str) -> bool:
    """Whether the input of a dense layer has factors.

    >>> is_evened("layers.0.gate"), is_evened("layers.0.out")
    (True, False)
    """
    return any(name.endswith(f".{part}") for group in ONE_INPUT for part in group)


def random_texts(words: int, longest: int, ends: Sequence[int]) -> Tensor:
    """A batch of random tokens between those that every text begins and ends with.

    >>> random_texts(50, 8, [1, 2])[:, [0, -1]].unique(dim=0).tolist()
    [[2, 3]]

    ends: the tokens of an empty text. In the batch, each token has 1 more than its number.
    """
    random = torch.Generator().manual_seed(0)
    found = torch.randint(words, (RANDOM_TEXTS, min(longest, RANDOM_TOKENS)), generator=random)
    if len(ends) > 1 and found.shape[1] > 2:
        found[:, 0], found[:, -1] = ends[0], ends[-1]
    return 1 + found


@torch.no_grad()
def evening_of(model: TextEncoder, batch: Tensor) -> dict[str, Reals]:
    """What the inputs of each dense layer are to be multiplied by, by its name."""
    inputs: dict[str, Tensor] = {}

    def keep(name: str) -> None:
        def hook(module: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
            inputs[name] = given[0][batch > 0].float()

        hooks.append(model.get_submodule(name).register_forward_hook(hook))

    hooks: list[torch.utils.hooks.RemovableHandle] = []
    groups = [*_groups(model)]
    was = model.training
    try:
        for names in groups:
            keep(names[0])
        model.eval()(batch)
    finally:
        for each in hooks:
            each.remove()
        model.train(was)
    found = {}
    for names in groups:
        weights = [model.get_submodule(name).get_parameter("weight").float() for name in names]
        factors = best_factors(inputs[names[0]], weights)
        found.update(dict.fromkeys(names, (1 / factors).numpy().astype(np.float32)))
    return found


def _groups(model: TextEncoder) -> Iterator[list[str]]:
    for number, layer in model.layers.items():
        assert isinstance(layer, Layer)
        for group in ONE_INPUT:
            yield [f"layers.{number}.{part}" for part in group if getattr(layer, part) is not None]


def best_factors(x: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """What to divide the columns of x (tokens, columns) by, for the least error of its products with these weights.

    weights: of dense layers that all take x, (outputs, columns) each.
    """
    sizes = x.abs().amax(0)
    of_weights = torch.stack([each.abs().amax(0) for each in weights]).amax(0).clamp(min=_LEAST)
    tried = [torch.ones_like(sizes)]
    if float(sizes.max()) > 0:
        tried += [(sizes / (sizes.max() / each)).clamp(min=1) for each in LOWERED]
        tried.append(sizes.clamp(min=_LEAST) ** EVENING_POWER / of_weights ** (1 - EVENING_POWER))
    exact = [x @ each.T for each in weights]
    return min(tried, key=lambda factors: _error(x, weights, exact, factors))


def _error(x: Tensor, weights: Sequence[Tensor], exact: Sequence[Tensor], factors: Tensor) -> float:
    """The squared error of the products, as a share of theirs; the weights are not clipped."""
    integers, step = rounded_activations(x / factors)
    error = 0.0
    for each, right in zip(weights, exact, strict=True):
        scaled = each * factors
        steps = scaled.abs().amax(1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny) / MOST_OF_WEIGHT
        product = (integers @ (scaled / steps).round().T) * (step * steps.T)
        error += float(((product - right) ** 2).sum() / (right**2).sum().clamp(min=_LEAST))
    return error
