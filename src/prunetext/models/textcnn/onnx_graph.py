"""The graph of a model in ONNX, as it is built."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

IDS = "ids"


class Graph:
    """Nodes and constants in the order in which they were added; a value has the name of what makes it."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, name: str, values: npt.ArrayLike) -> str:
        """Add a tensor, once for both texts of a pair."""
        if all(each.name != name for each in self.constants):
            self.constants.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def node(self, name: str, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add an operation; its result bears its name."""
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def padded(self, name: str, of: str, widest: int) -> str:
        """An input with so much padding at both ends that the first and the last word stand under every tap.

        One more at the end gives even a text without padding a window of nothing else.
        """
        return self.node(name, "Pad", of, self.constant("paddings", np.array([0, widest - 1, 0, widest])))

    def lengths(self, side: str) -> str:
        """The number of words of each text, (batch, 1)."""
        words = self.node(f"words{side}", "Greater", IDS + side, self.constant("padding", np.array(0)))
        counted = self.node(f"counted{side}", "Cast", words, to=TensorProto.FLOAT)
        along = self.constant("along_text", np.array([1]))
        return self.node(f"lengths{side}", "ReduceSum", counted, along, keepdims=1)
