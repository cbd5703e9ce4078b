"""An ONNX graph of any family, as it is built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

OPERATORS, CONTAINER = 17, 8  # versions of ONNX's operators and of its file format, both of 2022
PROBABILITIES, SCORE = "probabilities", "score"


class Graph:
    """Nodes and constants in the order in which they were added; a value has the name of what makes it.

    graph = Graph()
    graph.node("sums", "Add", "x", graph.constant("bias", np.ones(3, np.float32)))     # 'sums'
    """

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._named: set[str] = set()

    def constant(self, name: str, values: npt.ArrayLike) -> str:
        """Add a tensor, once under each name."""
        if name not in self._named:
            self._named.add(name)
            self.constants.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def node(self, name: str, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add an operation; its result bears its name."""
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name


def add_probabilities(graph: Graph, logits: str, temperature: float, *, several: bool) -> None:
    """Softmax of the logits at the temperature or, for several labels, each one's logistic."""
    cooled = graph.node("scores", "Div", logits, graph.constant("temperature", np.float32(temperature)))
    if several:
        graph.node(PROBABILITIES, "Sigmoid", cooled)
    else:
        graph.node(PROBABILITIES, "Softmax", cooled, axis=1)


def add_score(graph: Graph, levels: Sequence[float]) -> None:
    """The score of each text, (batch,): the first level, and of each step as much as is probable."""
    steps = graph.constant("steps", np.diff(np.asarray(levels, np.float64)).astype(np.float32))
    above = graph.node("above", "MatMul", PROBABILITIES, steps)
    graph.node(SCORE, "Add", above, graph.constant("lowest", np.float32(levels[0])))
