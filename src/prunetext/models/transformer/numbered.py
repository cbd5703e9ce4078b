"""Tables and dense layers of a transformer in ONNX, with numbers of each format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from onnx import TensorProto, helper
from torch import Tensor, nn

from prunetext.models.graphs import Graph
from prunetext.models.transformer.evening import is_evened
from prunetext.models.transformer.numbers import (
    CLIPS,
    MOST_OF_ROW,
    MOST_OF_WEIGHT,
    WORDS_PART,
    Reals,
    integer_rows,
    part_of,
)


class RoundingPlan(NamedTuple):
    """How weights become int8.

    clips: those that are tried for each row. evening: what a dense layer's inputs are multiplied by before they are
    rounded, by the name of the layer; if it is not there, they are multiplied by 1.
    """

    clips: Sequence[float] = CLIPS
    evening: Mapping[str, Reals] = {}


PLAIN_ROUNDING = RoundingPlan()


class NumberedGraph(Graph):
    """A graph whose weights have the numbers of their parts; constants have the names of the model's tensors.

    formats: of each part.
    """

    def __init__(self, formats: Mapping[str, str], rounding: RoundingPlan) -> None:
        super().__init__()
        self.formats, self.rounding = formats, rounding

    def dense(self, name: str, of: str, part: nn.Linear, scale: float = 1.0) -> str:
        """A dense layer, its weights times `scale`."""
        kind = self.formats[part_of(f"{name}.weight")]
        if kind == "int8" and part_of(f"{name}.weight") != WORDS_PART:
            found = self.product_of_integers(name, of, array(part.weight), scale)
        else:
            found = self.node(
                f"{name}.product", "MatMul", of, self.stored(f"{name}.weight", array(part.weight.T * scale), kind)
            )
        if part.bias is None:
            return found
        return self.node(f"{name}.sum", "Add", found, self.constant(f"{name}.bias", array(part.bias * scale)))

    def product_of_integers(self, name: str, of: str, weights: Reals, scale: float) -> str:
        """The product with weights (outputs, inputs) that are rounded to 7 bits, of activations rounded to 8.

        ONNX Runtime knows this form and makes one operation of it. In any order of these nodes, the sums are exact.
        """
        if is_evened(name):
            factors = self.rounding.evening.get(name, np.ones(weights.shape[1], np.float32))
            weights, of = weights / factors, self.evened(of, factors)
        rounded = integer_rows(weights, MOST_OF_WEIGHT, self.rounding.clips)
        integers, step, zero = self.rounded(of)
        table = self.constant(f"{name}.weight", rounded.values.T)
        scales = self.constant(f"{name}.scales", (rounded.scales * scale).astype(np.float32))
        steps = self.node(f"{name}.steps", "Mul", step, scales)
        sums = self.node(f"{name}.integers", "MatMulInteger", integers, table, zero)
        return self.node(f"{name}.product", "Mul", self.as_floats(f"{name}.floats", sums), steps)

    def evened(self, of: str, factors: Reals) -> str:
        """Activations whose columns are of about one size: once for all that take them."""
        name = f"{of}.even"
        if name not in self._named:
            self._named.add(name)
            self.node(name, "Mul", of, self.constant(f"{of}.evening", factors))
        return name

    def rounded(self, of: str) -> tuple[str, str, str]:
        """Activations as whole numbers, their step and the number that stands for 0: once for all that take them."""
        found = f"{of}.integers", f"{of}.step", f"{of}.zero"
        if found[0] not in self._named:
            self._named.add(found[0])
            self.nodes.append(helper.make_node("DynamicQuantizeLinear", [of], list(found), name=f"{of}.rounded"))
        return found

    def stored(self, name: str, values: Reals, kind: str) -> str:
        """A constant as float32 that the file may hold as float16; one that has no float16 counts as such."""
        if kind == "float32":
            return self.constant(name, values)
        if f"{name}.floats" in self._named:
            return f"{name}.floats"
        self._named.add(f"{name}.floats")
        return self.as_floats(f"{name}.floats", self.constant(name, values.astype(np.float16)))

    def as_floats(self, name: str, of: str) -> str:
        """Numbers of any format as float32."""
        return self.node(name, "Cast", of, to=TensorProto.FLOAT)

    def looked_up(self, name: str, table: Reals, ids: str) -> str:
        """The rows of a table; only these become float32."""
        kind = self.formats[WORDS_PART]
        if kind == "float32":
            return self.node(name, "Gather", self.constant(f"{name}.weight", table), ids)
        if kind == "float16":
            halves = self.constant(f"{name}.weight", table.astype(np.float16))
            return self.as_floats(name, self.node(f"{name}.rows", "Gather", halves, ids))
        rounded = integer_rows(table, MOST_OF_ROW, self.rounding.clips)
        rows = self.node(f"{name}.rows", "Gather", self.constant(f"{name}.weight", rounded.values), ids)
        scales = self.constant(f"{name}.scales", rounded.scales[:, None])
        steps = self.node(f"{name}.steps", "Gather", scales, ids)
        return self.node(name, "Mul", self.as_floats(f"{name}.floats", rows), steps)


def array(tensor: Tensor) -> Reals:
    """A tensor as an array of float32."""
    found: Reals = tensor.detach().float().contiguous().numpy()
    return found
