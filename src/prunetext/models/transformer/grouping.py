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
NUMBER_BYTES = 4  # of a float32
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

    def of(self, layer: str, parts: Sequence[str], *, biases: bool) -> int:
        """Numbers in some parts of a layer that are cut with their units: all weights, and biases but of the last."""
        found = 0
        for part in parts:
            found += math.prod(self.shapes.get(f"layers.{layer}.{part}.weight", (0,)))
            if biases and part not in ("out", "outer"):
                found += math.prod(self.shapes.get(f"layers.{layer}.{part}.bias", (0,)))
        return found

    def head_cost(self, layer: str, *, biases: bool) -> float:
        """Numbers of one attention head."""
        return self.of(layer, _ATTENTION, biases=biases) / self.heads(layer)

    def neuron_cost(self, layer: str, *, biases: bool) -> float:
        """Numbers of one neuron."""
        return self.of(layer, _DENSE, biases=biases) / self.neurons(layer)

    def layer_cost(self, kept: Kept, layer: str, *, biases: bool) -> float:
        """Numbers of a layer that is kept, without those of its removed heads and neurons."""
        heads = kept_of(kept, f"layers.{layer}.heads", self.heads(layer))
        neurons = kept_of(kept, f"layers.{layer}.neurons", self.neurons(layer))
        found = heads * self.head_cost(layer, biases=biases) + neurons * self.neuron_cost(layer, biases=biases)
        return found + (self.rest(layer) if biases else 0)

    def rest(self, layer: str) -> int:
        """Numbers of a layer's norms and last biases."""
        before = f"layers.{layer}."
        names = {f"{before}{part}" for part in ("out.bias", "outer.bias")}
        norms = (name for name in self.shapes if name.startswith(before) and "norm" in name)
        return sum(math.prod(self.shapes.get(name, (0,))) for name in (*names, *norms))

    def outside(self) -> int:
        """Numbers outside of layers; which of these are there takes no bytes."""
        outside = (name for name in self.shapes if not name.startswith("layers.") and name != PRESENT)
        return sum(math.prod(self.shapes[name]) for name in outside)

    def costs(self) -> dict[str, Cost]:
        """Bytes of all tensors, and multiplications of a token in the layers."""

        def of_layers(kept: Kept, *, biases: bool) -> float:
            present = kept.get("layers", np.ones(len(self.layers), bool))
            each = (self.layer_cost(kept, layer, biases=biases) for layer in self.layers)
            return sum(cost for cost, stays in zip(each, present, strict=True) if stays)

        return {
            BYTES: lambda kept: NUMBER_BYTES * (self.outside() + of_layers(kept, biases=True)),
            TIME: lambda kept: of_layers(kept, biases=False),
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
    def cost(kept: Kept, *, biases: bool, each: int) -> npt.NDArray[np.float64]:
        return each * np.array([weights.layer_cost(kept, layer, biases=biases) for layer in weights.layers])

    costs = {BYTES: partial(cost, biases=True, each=NUMBER_BYTES), TIME: partial(cost, biases=False, each=1)}
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

    def cost(kept: Kept, *, biases: bool, each: int) -> npt.NDArray[np.float64]:
        stays = kept["layers"][weights.layers.index(layer)] if "layers" in kept else True
        return np.full(count, each * one(layer, biases=biases) * bool(stays))

    costs = {BYTES: partial(cost, biases=True, each=NUMBER_BYTES), TIME: partial(cost, biases=False, each=1)}
    own = tuple(piece for piece in slices if piece.parameter in weights.shapes)
    return Group(name, count, own, kind, f"layer {layer}", costs)
