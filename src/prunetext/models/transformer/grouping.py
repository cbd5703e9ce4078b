"""The groups of removable units of a transformer, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from prunetext.models.groups import BYTES, TIME, Cost, Group, Kept, Slice

TRANSFORMER_KINDS = {
    "layers": "whole layers",
    "heads": "attention heads of each layer",
    "neurons": "neurons between the two dense layers of each layer",
}
DEFAULT_KINDS = ("heads", "neurons")  # a whole layer is seldom worth what the same bytes of others are
PRESENT = "present"  # of a model: 1 for each layer that it has, 0 for one that is masked
FLOAT_BYTES = 4  # of a float32; weights have int8, as they mostly do in packed files
_ATTENTION, _DENSE = ("query", "key", "value", "out"), ("inner", "gate", "outer")


class Weights(NamedTuple):
    """The sizes of a transformer's parameters, from which costs follow.

    whole: whether no layer is masked: only then can layers be removed.
    """

    shapes: Mapping[str, tuple[int, ...]]
    head_size: int
    whole: bool = True

    @property
    def layers(self) -> list[str]:
        """The numbers of the layers, in their order."""
        found = {name.split(".")[1] for name in self.shapes if name.startswith("layers.")}
        return sorted(found, key=int)

    def heads(self, layer: str) -> int:
        """Attention heads of a layer."""
        return self.shapes[f"layers.{layer}.query.weight"][0] // self.head_size

    def neurons(self, layer: str) -> int:
        """Neurons of a layer."""
        return self.shapes[f"layers.{layer}.inner.weight"][0]

    def of(self, layer: str, parts: Sequence[str], *, bytes_: bool) -> int:
        """Weights in some parts of a layer, or bytes of all that is cut with their units.

        The bytes are those of int8 weights and, but in the last part, of the biases and scales of each row. What the
        neurons are multiplied by before they are rounded goes with them, too.
        """
        found = 0
        for part in parts:
            rows, columns = self.shapes.get(f"layers.{layer}.{part}.weight", (0, 0))
            found += rows * columns
            if bytes_ and part not in ("out", "outer"):
                biases = math.prod(self.shapes.get(f"layers.{layer}.{part}.bias", (0,)))
                found += FLOAT_BYTES * (rows + biases)
            elif bytes_ and part == "outer":
                found += FLOAT_BYTES * columns
        return found

    def head_cost(self, layer: str, *, bytes_: bool) -> float:
        """Weights, or bytes, of one attention head."""
        return self.of(layer, _ATTENTION, bytes_=bytes_) / self.heads(layer)

    def neuron_cost(self, layer: str, *, bytes_: bool) -> float:
        """Weights, or bytes, of one neuron."""
        return self.of(layer, _DENSE, bytes_=bytes_) / self.neurons(layer)

    def layer_cost(self, kept: Kept, layer: str, *, bytes_: bool) -> float:
        """Weights, or bytes, of a layer that is kept, without those of its removed heads and neurons."""
        heads = kept_of(kept, f"layers.{layer}.heads", self.heads(layer))
        neurons = kept_of(kept, f"layers.{layer}.neurons", self.neurons(layer))
        found = heads * self.head_cost(layer, bytes_=bytes_) + neurons * self.neuron_cost(layer, bytes_=bytes_)
        return found + (self.rest(layer) if bytes_ else 0)

    def rest(self, layer: str) -> int:
        """Bytes of a layer's norms, last biases and scales, and of what its two inputs are multiplied by."""
        before, found = f"layers.{layer}.", 0
        for part in ("out", "outer"):
            rows = self.shapes[f"{before}{part}.weight"][0]
            found += rows + math.prod(self.shapes.get(f"{before}{part}.bias", (0,)))
        found += sum(self.shapes[f"{before}{part}.weight"][1] for part in ("query", "inner"))
        norms = (name for name in self.shapes if name.startswith(before) and "norm" in name)
        return FLOAT_BYTES * (found + sum(math.prod(self.shapes[name]) for name in norms))

    def outside(self) -> int:
        """Bytes outside of layers: of words as int8, positions and a projection as float16, and all else as float32."""
        found = 0
        for name, shape in self.shapes.items():
            if name == "words.weight":
                found += math.prod(shape) + FLOAT_BYTES * shape[0]
            elif not name.startswith("layers.") and name != PRESENT:
                halves = name in ("positions.weight", "project.weight")
                found += (FLOAT_BYTES // 2 if halves else FLOAT_BYTES) * math.prod(shape)
        return found

    def costs(self) -> dict[str, Cost]:
        """Bytes of all tensors of a packed file, and multiplications of a token in the layers."""

        def of_layers(kept: Kept, *, bytes_: bool) -> float:
            present = kept.get("layers", np.ones(len(self.layers), bool))
            each = (self.layer_cost(kept, layer, bytes_=bytes_) for layer in self.layers)
            return sum(cost for cost, stays in zip(each, present, strict=True) if stays)

        return {
            BYTES: lambda kept: self.outside() + of_layers(kept, bytes_=True),
            TIME: lambda kept: of_layers(kept, bytes_=False),
        }

    def counts(self) -> dict[str, int]:
        """How many units of each kind there are."""
        layers = self.layers
        heads, neurons = sum(map(self.heads, layers)), sum(map(self.neurons, layers))
        return {"layers": len(layers), "heads": heads, "neurons": neurons}


def kept_of(kept: Kept, name: str, size: int) -> int:
    """How many units of a group are kept."""
    return int(kept[name].sum()) if name in kept else size


def groups_in(weights: Weights, kinds: Sequence[str]) -> tuple[Group, ...]:
    """The groups of these kinds."""
    makers = {"layers": _layers, "heads": _heads, "neurons": _neurons}
    return tuple(group for kind, make in makers.items() if kind in kinds for group in make(weights))


def _layers(weights: Weights) -> Iterator[Group]:
    def cost(kept: Kept, *, bytes_: bool) -> npt.NDArray[np.float64]:
        return np.array([weights.layer_cost(kept, layer, bytes_=bytes_) for layer in weights.layers], float)

    costs = {BYTES: partial(cost, bytes_=True), TIME: partial(cost, bytes_=False)}
    if weights.whole and len(weights.layers) > 1:
        yield Group("layers", len(weights.layers), (Slice(PRESENT, (0,)),), "layers", "encoder", costs)


def _heads(weights: Weights) -> Iterator[Group]:
    for layer in weights.layers:
        count, width, before = weights.heads(layer), weights.head_size, f"layers.{layer}."
        rows = [Slice(f"{before}{part}.weight", (0,), width=width) for part in _ATTENTION[:3]]
        rows += [Slice(f"{before}{part}.bias", (0,), width=width) for part in _ATTENTION[:3]]
        slices = (Slice(f"{before}out.weight", (1,), width=width), *rows)
        yield _group(weights, f"{before}heads", count, slices, "heads", layer)


def _neurons(weights: Weights) -> Iterator[Group]:
    for layer in weights.layers:
        before = f"layers.{layer}."
        rows = [Slice(f"{before}{part}.{kind}", (0,)) for part in ("inner", "gate") for kind in ("weight", "bias")]
        slices = (Slice(f"{before}outer.weight", (1,)), *rows)
        yield _group(weights, f"{before}neurons", weights.neurons(layer), slices, "neurons", layer)


def _group(weights: Weights, name: str, count: int, slices: Sequence[Slice], kind: str, layer: str) -> Group:
    """A group of one layer; slices of parameters that the model has not are left out."""
    one = weights.head_cost if kind == "heads" else weights.neuron_cost

    def cost(kept: Kept, *, bytes_: bool) -> npt.NDArray[np.float64]:
        stays = kept["layers"][weights.layers.index(layer)] if "layers" in kept else True
        return np.full(count, one(layer, bytes_=bytes_) * bool(stays))

    costs = {BYTES: partial(cost, bytes_=True), TIME: partial(cost, bytes_=False)}
    own = tuple(piece for piece in slices if piece.parameter in weights.shapes)
    return Group(name, count, own, kind, f"layer {layer}", costs)
