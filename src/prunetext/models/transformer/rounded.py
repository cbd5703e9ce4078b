"""A transformer that computes in torch as its packed file does, with numbers of all formats: the file's reference."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from prunetext.models.transformer.model import TextEncoder
from prunetext.models.transformer.numbered import array
from prunetext.models.transformer.numbers import (
    HALVES,
    MOST_OF_ROW,
    MOST_OF_WEIGHT,
    WORDS_PART,
    Reals,
    formats_of,
    integer_rows,
    part_of,
    rounded_activations,
)


class RoundedLinear(nn.Linear):
    """A dense layer of int8: weights of 7 bits, activations rounded as ONNX's DynamicQuantizeLinear rounds them.

    RoundedLinear(nn.Linear(8, 3))(torch.randn(5, 8)).shape      # (5, 3)

    evening: what each column of its input is multiplied by first, and its weights divided by.
    """

    def __init__(self, part: nn.Linear, evening: Reals | None = None) -> None:
        super().__init__(part.in_features, part.out_features, part.bias is not None)
        factors = np.ones(part.in_features, np.float32) if evening is None else evening
        rounded = integer_rows(array(part.weight) / factors, MOST_OF_WEIGHT)
        self.register_buffer("evening", torch.from_numpy(factors))
        self.weight = nn.Parameter(torch.from_numpy(rounded.values).double(), requires_grad=False)
        self.bias = part.bias
        self.register_buffer("scales", torch.from_numpy(rounded.scales))

    def forward(self, x: Tensor) -> Tensor:
        """The product; sums of whole numbers are exact in float64."""
        integers, step = rounded_activations(x * self.get_buffer("evening"))
        found = (integers.double() @ self.weight.T).float() * (step * self.get_buffer("scales"))
        return found if self.bias is None else found + self.bias


@torch.no_grad()
def rounded_encoder(
    model: TextEncoder, formats: Mapping[str, str], evening: Mapping[str, Reals] | None = None
) -> TextEncoder:
    """A copy of the model that computes as its packed file with numbers of these formats.

        rounded_encoder(model, {"words": "int8", "layers.0.dense": "float16"})(batch)      # logits

    Parts that are not named have float32. Behind the end of a text, where the file's answers do not depend on them, its
    numbers differ if layers look at neighbours only; so do the steps, then, which are those of all texts of a batch.
    evening: as for the file.
    """
    found, formats = copy.deepcopy(model).eval(), formats_of(model.number_parts(), "float32", formats)
    if formats[WORDS_PART] == "int8":
        rounded = integer_rows(array(model.words.weight), MOST_OF_ROW)
        found.words.weight = nn.Parameter(torch.from_numpy(rounded.floats()))
    for name, module in [*found.named_modules()]:
        kind, parent = formats[part_of(f"{name}.weight")], found.get_submodule(name.rpartition(".")[0])
        if kind == "int8" and isinstance(module, nn.Linear) and part_of(f"{name}.weight") != WORDS_PART:
            setattr(parent, name.rpartition(".")[2], RoundedLinear(module, (evening or {}).get(name)))
        elif kind != "float32" and holds_halves(name, module, kind):
            module.weight.copy_(module.weight.half().float())
    return found


def holds_halves(name: str, module: nn.Module, kind: str) -> bool:
    """Whether the file has this module's weights as float16, if its part has numbers of this format."""
    if part_of(f"{name}.weight") == WORDS_PART:
        return name in HALVES or (name == "words" and kind == "float16")
    return isinstance(module, nn.Linear)
