"""The graph of a TextCNN in ONNX, as it is built."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from prunetext.models.graphs import Graph

IDS = "ids"


class TextGraph(Graph):
    """A graph that begins with the ids of a text's words."""

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
