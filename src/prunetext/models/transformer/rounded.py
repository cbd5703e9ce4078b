"""A transformer that computes in torch as its packed file does, with numbers of all formats: the file's reference."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from prunetext.models.transformer.model import TextEncoder
from prunetext.models.transformer.numbered import array
from prunetext.models.transformer.numbers import (
    MOST_OF_ROW,
    MOST_OF_WEIGHT,
    WORDS,
    formats_of,
    part_of,
    rounded_rows,
)

_STEPS = 255  # of an activation's range


class RoundedLinear(nn.Linear):
    """A dense layer of int8: weights of 7 bits, activations rounded as ONNX's DynamicQuantizeLinear rounds them.

    RoundedLinear(nn.Linear(8, 3))(torch.randn(5, 8)).shape      # (5, 3)
    """

    def __init__(self, part: nn.Linear) -> None:
        super().__init__(part.in_features, part.out_features, part.bias is not None)
        rounded = rounded_rows(array(part.weight), MOST_OF_WEIGHT)
        self.weight = nn.Parameter(torch.from_numpy(rounded.values).double(), requires_grad=False)
        self.bias = part.bias
        self.register_buffer("scales", torch.from_numpy(rounded.scales))

    def forward(self, x: Tensor) -> Tensor:
        """The product; sums of whole numbers are exact in float64."""
        integers, step = rounded_activations(x)
        found = (integers.double() @ self.weight.T).float() * (step * self.get_buffer("scales"))
        return found if self.bias is None else found + self.bias


def rounded_activations(x: Tensor) -> tuple[Tensor, Tensor]:
    """Numbers as multiples of a step, which 256 of them reach from the least to the largest number; 0 is one of them.

    >>> [each.tolist() for each in rounded_activations(torch.tensor([0.0, 0.5, 255.0]))]
    [[0.0, 0.0, 255.0], 1.0]
    """
    low, high = x.min().clamp(max=0), x.max().clamp(min=0)
    step = torch.where(high == low, torch.ones(()), (high - low) / _STEPS)
    zero = (-low / step).clamp(0, _STEPS).round()
    return ((x / step).round() + zero).clamp(0, _STEPS) - zero, step


@torch.no_grad()
def rounded_encoder(model: TextEncoder, formats: Mapping[str, str]) -> TextEncoder:
    """A copy of the model that computes as its packed file with numbers of these formats.

        rounded_encoder(model, {"words": "int8", "layers.0.dense": "float16"})(batch)      # logits

    Parts that are not named have float32. Behind the end of a text, where the file's answers do not depend on them, its
    numbers differ if layers look at neighbours only; so do the steps, then, which are those of all texts of a batch.
    """
    found, formats = copy.deepcopy(model).eval(), formats_of(model.number_parts(), "float32", formats)
    if formats[WORDS] == "int8":
        rounded = rounded_rows(array(model.words.weight), MOST_OF_ROW)
        found.words.weight = nn.Parameter(torch.from_numpy(rounded.floats()))
    for name, module in [*found.named_modules()]:
        kind, parent = formats[part_of(f"{name}.weight")], found.get_submodule(name.rpartition(".")[0])
        if kind == "int8" and isinstance(module, nn.Linear) and part_of(f"{name}.weight") != WORDS:
            setattr(parent, name.rpartition(".")[2], RoundedLinear(module))
        elif kind != "float32" and holds_halves(name, module, kind):
            module.weight.copy_(module.weight.half().float())
    return found


def holds_halves(name: str, module: nn.Module, kind: str) -> bool:
    """Whether the file has this module's weights as float16, if its part has numbers of this format."""
    if part_of(f"{name}.weight") == WORDS:
        return name in ("positions", "project") or (name == "words" and kind == "float16")
    return isinstance(module, nn.Linear)
