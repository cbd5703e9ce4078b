"""The groups of removable units of a transformer, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from prunetext.models.groups import BYTES, TIME, Cost, Group, Kept, Slice, UnitCost
from prunetext.models.transformer.numbers import HALVES

TRANSFORMER_KINDS = {
    "layers": "whole layers",
    "heads": "attention heads of each layer",
    "neurons": "neurons between the two dense layers of each layer",
    "hidden": "dimensions of the hidden states, in all layers and tables at once",
    "ranks": "ranks of the table of words, which becomes a product of two matrices",
}
DEFAULT_KINDS = ("heads", "neurons")  # a whole layer is seldom worth what the same bytes of others are
FASTER_KINDS = ("layers", "heads", "neurons", "hidden")
PRESENT = "present"  # of a model: 1 for each layer that it has, 0 for one that is masked
DIMS = "dims"  # the same for hidden dimensions
FLOAT_BYTES = 4  # of a float32; weights have int8, as they mostly do in packed files
_ATTENTION, _DENSE = ("query", "key", "value", "out"), ("inner", "gate", "outer")
_ONTO_STREAM = ("out", "outer")  # what gives hidden states; the others take them
_TABLES = ("words", "positions", "token_kinds")


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

    @property
    def hidden(self) -> int:
        """Dimensions of the hidden states."""
        return self.shapes["head.weight"][1]

    @property
    def ranks(self) -> int:
        """Columns of the table of words."""
        return self.shapes["words.weight"][1]

    def heads(self, layer: str) -> int:
        """Attention heads of a layer."""
        return self.shapes[f"layers.{layer}.query.weight"][0] // self.head_size

    def neurons(self, layer: str) -> int:
        """Neurons of a layer."""
        return self.shapes[f"layers.{layer}.inner.weight"][0]

    def axis_of_hidden(self, name: str) -> int | None:
        """The axis of a parameter that has an entry for each hidden dimension; None if none has."""
        place, _, kind = name.rpartition(".")
        part = place.rpartition(".")[2]
        if name.startswith("layers."):
            if part in _ONTO_STREAM or "norm" in part:
                return 0
            return 1 if kind == "weight" else None
        if part == "head":
            return 1 if kind == "weight" else None
        if name == DIMS or part in ("final_norm", "project"):
            return 0
        if "project.weight" in self.shapes or name == PRESENT:  # the tables have a width of their own
            return None
        if part in _TABLES:
            return None if part == "words" and "spread.weight" in self.shapes else 1
        return 0

    def of(self, layer: str, parts: Sequence[str], hidden: int, *, bytes_: bool) -> int:
        """Weights in some parts of a layer, or bytes of all that is cut with their units, with so many dimensions.

        The bytes are those of int8 weights and, but in the last part, of the biases and scales of each row. What the
        neurons are multiplied by before they are rounded goes with them, too.
        """
        found = 0
        for part in parts:
            rows, columns = self.shapes.get(f"layers.{layer}.{part}.weight", (0, 0))
            found += hidden * (columns if part in _ONTO_STREAM else rows)
            if bytes_ and part not in _ONTO_STREAM:
                biases = math.prod(self.shapes.get(f"layers.{layer}.{part}.bias", (0,)))
                found += FLOAT_BYTES * (rows + biases)
            elif bytes_ and part == "outer":
                found += FLOAT_BYTES * columns
        return found

    def head_cost(self, layer: str, hidden: int, *, bytes_: bool) -> float:
        """Weights, or bytes, of one attention head."""
        return self.of(layer, _ATTENTION, hidden, bytes_=bytes_) / self.heads(layer)

    def neuron_cost(self, layer: str, hidden: int, *, bytes_: bool) -> float:
        """Weights, or bytes, of one neuron."""
        return self.of(layer, _DENSE, hidden, bytes_=bytes_) / self.neurons(layer)

    def layer_cost(self, kept: Kept, layer: str, hidden: int, *, bytes_: bool) -> float:
        """Weights, or bytes, of a layer that is kept, without those of its removed heads and neurons."""
        heads = kept_of(kept, f"layers.{layer}.heads", self.heads(layer))
        neurons = kept_of(kept, f"layers.{layer}.neurons", self.neurons(layer))
        found = heads * self.head_cost(layer, hidden, bytes_=bytes_)
        found += neurons * self.neuron_cost(layer, hidden, bytes_=bytes_)
        return found + (hidden * self.rest(layer) if bytes_ else 0)

    def rest(self, layer: str) -> int:
        """Bytes of a layer's norms, last biases and scales, and of factors of its inputs, for each dimension."""
        before, found = f"layers.{layer}.", 4  # two scales, and two factors
        found += sum(f"{before}{part}.bias" in self.shapes for part in _ONTO_STREAM)
        return FLOAT_BYTES * (found + sum(name.startswith(before) and "norm" in name for name in self.shapes))

    def layers_cost(self, kept: Kept, hidden: int, *, bytes_: bool) -> float:
        """Weights, or bytes, of all layers that are kept, with so many dimensions."""
        present = kept.get("layers", np.ones(len(self.layers), bool))
        layers = [layer for layer, stays in zip(self.layers, present, strict=True) if stays]
        return sum(self.layer_cost(kept, layer, hidden, bytes_=bytes_) for layer in layers)

    def outside(self, hidden: int, ranks: int, *, bytes_: bool) -> int:
        """Bytes outside of layers: of words as int8, what goes with them as float16, and all else as float32.

        Or the multiplications of a token there. Ranks count if the table of words is a product.
        """
        found = 0
        for name, own in self.shapes.items():
            if name.startswith("layers.") or name in (PRESENT, DIMS):
                continue
            part, shape, at = name.partition(".")[0], list(own), self.axis_of_hidden(name)
            if at is not None:
                shape[at] = hidden
            if part == "spread" or (part == "words" and "spread.weight" in self.shapes):
                shape[1] = ranks
            if not bytes_:
                found += math.prod(shape) if name in ("spread.weight", "project.weight") else 0
            elif part == "words":
                found += math.prod(shape) + FLOAT_BYTES * shape[0]
            else:
                halves = part in HALVES and name.endswith(".weight")
                found += (FLOAT_BYTES // 2 if halves else FLOAT_BYTES) * math.prod(shape)
        return found

    def cost(self, kept: Kept, *, bytes_: bool) -> float:
        """Bytes of all tensors of a packed file, or multiplications of a token in the layers and before them."""
        hidden, ranks = kept_of(kept, "hidden", self.hidden), kept_of(kept, "ranks", self.ranks)
        return self.outside(hidden, ranks, bytes_=bytes_) + self.layers_cost(kept, hidden, bytes_=bytes_)

    def costs(self) -> dict[str, Cost]:
        """The costs of kept units."""
        return {BYTES: partial(self.cost, bytes_=True), TIME: partial(self.cost, bytes_=False)}

    def counts(self) -> dict[str, int]:
        """How many units of each kind there are."""
        layers = self.layers
        heads, neurons = sum(map(self.heads, layers)), sum(map(self.neurons, layers))
        found = {"layers": len(layers), "heads": heads, "neurons": neurons, "hidden": self.hidden}
        return {**found, "ranks": min(self.shapes["words.weight"])}


def kept_of(kept: Kept, name: str, size: int) -> int:
    """How many units of a group are kept."""
    return int(kept[name].sum()) if name in kept else size


def groups_in(weights: Weights, kinds: Sequence[str]) -> tuple[Group, ...]:
    """The groups of these kinds."""
    makers = {"layers": _layers, "heads": _heads, "neurons": _neurons, "hidden": _hidden, "ranks": _ranks}
    return tuple(group for kind, make in makers.items() if kind in kinds for group in make(weights))


def _layers(weights: Weights) -> Iterator[Group]:
    def cost(kept: Kept, *, bytes_: bool) -> npt.NDArray[np.float64]:
        hidden = kept_of(kept, "hidden", weights.hidden)
        return np.array([weights.layer_cost(kept, layer, hidden, bytes_=bytes_) for layer in weights.layers], float)

    if weights.whole and len(weights.layers) > 1:
        yield Group("layers", len(weights.layers), (Slice(PRESENT, (0,)),), "layers", "encoder", _both(cost))


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
        hidden = kept_of(kept, "hidden", weights.hidden)
        return np.full(count, one(layer, hidden, bytes_=bytes_) * bool(stays))

    own = tuple(piece for piece in slices if piece.parameter in weights.shapes)
    return Group(name, count, own, kind, f"layer {layer}", _both(cost))


def _hidden(weights: Weights) -> Iterator[Group]:
    def cost(kept: Kept, *, bytes_: bool) -> npt.NDArray[np.float64]:
        count = kept_of(kept, "hidden", weights.hidden)
        fewer = {**kept, "hidden": np.arange(weights.hidden) < count - 1}
        return np.full(weights.hidden, weights.cost(kept, bytes_=bytes_) - weights.cost(fewer, bytes_=bytes_))

    axes = {name: weights.axis_of_hidden(name) for name in weights.shapes}
    slices = [Slice(name, (axis,)) for name, axis in axes.items() if axis is not None and name != "head.weight"]
    # The head first: alone, it makes no difference.
    yield Group("hidden", weights.hidden, (Slice("head.weight", (1,)), *slices), "hidden", "encoder", _both(cost))


def _ranks(weights: Weights) -> Iterator[Group]:
    def cost(kept: Kept, *, bytes_: bool) -> npt.NDArray[np.float64]:
        hidden = kept_of(kept, "hidden", weights.hidden)
        one, none = (weights.outside(hidden, count, bytes_=bytes_) for count in (1, 0))
        return np.full(weights.ranks, float(one - none))

    slices = tuple(Slice(name, (1,)) for name in ("words.weight", "spread.weight"))
    if "spread.weight" in weights.shapes:
        yield Group("ranks", weights.ranks, slices, "ranks", "words", _both(cost))


def _both(cost: Callable[..., npt.NDArray[np.float64]]) -> dict[str, UnitCost]:
    """A cost of both resources, by whether it is asked for bytes."""
    return {BYTES: partial(cost, bytes_=True), TIME: partial(cost, bytes_=False)}
