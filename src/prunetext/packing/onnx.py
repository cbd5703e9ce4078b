"""A TextCNN as a standard ONNX graph: ids of words in, probabilities out.

Only operators of ONNX itself are used, of a set that has been everywhere for years. Padding needs no mask: its row of
every table is zero, so that a window of padding sums to 0, as one beyond either end of a text does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

from prunetext.models.textcnn import TextCNN
from prunetext.models.units import UNKNOWN, WORDS
from prunetext.runtime._native import TOKENIZER
from prunetext.runtime.reference import ReferenceModel

FORMAT = "prunetext-onnx/1"
OPERATORS, CONTAINER = 17, 8  # versions of ONNX's operators and of its file format, both of 2022
IDS, PROBABILITIES = "ids", "probabilities"
TO_THE_END = np.iinfo(np.int64).max
MEANING = (
    "ids (batch, length): 0 is padding, at the end of a text only, 1 an unknown word, i + 2 word i of the vocabulary "
    "in the metadata. probabilities (batch, classes): those of the labels there, in their order."
)


class Graph:
    """Nodes and constants in the order in which they were added; a value has the name of what makes it."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, name: str, values: npt.ArrayLike) -> str:
        """Add a tensor."""
        self.constants.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def node(self, name: str, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add an operation; its result bears its name."""
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def padded_ids(self, widest: int) -> str:
        """Ids with so much padding at both ends that the first and the last word stand under every tap.

        One more at the end gives even a text without padding a window of nothing else.
        """
        return self.node("padded", "Pad", IDS, self.constant("paddings", np.array([0, widest - 1, 0, widest])))

    def lengths(self) -> str:
        """The number of words of each text, (batch, 1)."""
        words = self.node("words", "Greater", IDS, self.constant("padding", np.array(0)))
        counted = self.node("counted", "Cast", words, to=TensorProto.FLOAT)
        return self.node("lengths", "ReduceSum", counted, self.constant("along_text", np.array([1])), keepdims=1)


class Filters:
    """The filters of one width, and their window sums, of which `axis` is that of the windows."""

    def __init__(
        self, graph: Graph, width: int, sums: str, axis: int, bias: np.ndarray, scale: np.ndarray | None
    ) -> None:
        self.graph, self.width, self.sums, self.axis, self.name = graph, width, sums, axis, f"conv{width}"
        self.bias = graph.constant(f"{self.name}.bias", bias)
        self.scale = None if scale is None else graph.constant(f"{self.name}.table_scale", scale)

    def maxima(self) -> str:
        """ReLU of the largest sum and the bias, (batch, filters)."""
        largest = self.graph.node(f"{self.name}.largest", "ReduceMax", self.sums, axes=[self.axis], keepdims=0)
        shifted = self.graph.node(f"{self.name}.shifted", "Add", self.scaled(largest), self.bias)
        return self.graph.node(f"{self.name}.maxima", "Relu", shifted)

    def means(self, lengths: str) -> str:
        """Mean over the n + k − 1 windows that touch the text, (batch, filters); 0 for an empty text."""
        node, constant = self.graph.node, self.graph.constant
        axes = constant(f"{self.name}.along_windows", np.array([self.axis]))
        total = node(f"{self.name}.total", "ReduceSum", self.sums, axes, keepdims=0)
        more = constant(f"{self.name}.more", np.float32(self.width - 1))
        least = constant(f"{self.name}.least", np.float32(1))
        windows = node(f"{self.name}.windows", "Max", node(f"{self.name}.touching", "Add", lengths, more), least)
        return self.scaled(node(f"{self.name}.means", "Div", total, windows))

    def scaled(self, values: str) -> str:
        """Real values of the sums of a table's integers."""
        return values if self.scale is None else self.graph.node(f"{values}.scaled", "Mul", values, self.scale)


def packed_graph(model: ReferenceModel) -> ModelProto:
    """The graph of a packed file: rows of its folded table are looked up and added.

    packed_graph(ReferenceModel("runs/reviews/model.safetensors"))

    The table's integers and their sums are exact in float32, so that the rounding is the runtime's own; only what
    follows the sums is of lower precision than there.
    """
    graph = Graph()
    ids = graph.padded_ids(model.widths[-1])
    pools = []
    for width in model.widths:
        table = np.pad(model.tables[width], ((1, 0), (0, 0), (0, 0)))  # (rows, width, filters), padding first
        table = table.astype(np.int8 if np.abs(table).max() <= 127 else np.int16)
        sums = ""
        for tap in range(width):
            name = f"conv{width}.tap{tap}"
            bounds = [
                graph.constant(f"{name}.{key}", np.array([value]))
                for key, value in (("first", tap), ("end", tap + 1 - width or TO_THE_END), ("axis", 1))
            ]
            own = graph.node(f"{name}.ids", "Slice", ids, *bounds)
            rows = graph.node(f"{name}.rows", "Gather", graph.constant(f"{name}.table", table[:, tap]), own)
            real = graph.node(f"{name}.real", "Cast", rows, to=TensorProto.FLOAT)  # (batch, windows, filters)
            sums = graph.node(f"{name}.sums", "Add", sums, real) if sums else real
        bias, scale = (model.arrays[f"conv{width}.{name}"] for name in ("bias", "table_scale"))
        pools.append(Filters(graph, width, sums, 1, bias, scale))
    weight, bias = model.arrays["head.weight"], model.arrays["head.bias"]
    several = model.thresholds is not None
    decide(graph, pools, model.mean, weight, bias, model.temperature, several)
    return finished(graph, list(model.row_of), model.labels, model.temperature, model.reject, model.thresholds)


@torch.no_grad()
def float_graph(
    model: TextCNN, words: Sequence[str], labels: Sequence[str], thresholds: Sequence[float] | None = None
) -> ModelProto:
    """The graph of a float model: word vectors are looked up and convolved; `words` are those its ids stand for.

    float_graph(model, words, labels)    # as of load_float(Path("runs/reviews/dense.safetensors"))

    With `thresholds`, a text may have several labels. Words that were removed are left out: they are unknown words.
    """
    graph = Graph()
    kept = np.flatnonzero(model.remap[WORDS:].numpy() != UNKNOWN)
    rows = model.remap[[0, UNKNOWN, *(WORDS + kept)]]
    embedding = graph.constant("embedding", model.embedding[rows].numpy())
    vectors = graph.node("vectors", "Gather", embedding, graph.padded_ids(model.widths[-1]))
    channels = graph.node("channels", "Transpose", vectors, perm=[0, 2, 1])  # (batch, dimensions, length)
    pools = []
    for width in model.widths:
        conv = model.conv(width)
        weight = graph.constant(f"conv{width}.weight", conv.weight.permute(0, 2, 1).numpy())
        sums = graph.node(f"conv{width}.sums", "Conv", channels, weight, kernel_shape=[width])
        pools.append(Filters(graph, width, sums, 2, conv.bias.numpy(), None))
    mean = model.pooling == "max+mean"
    decide(graph, pools, mean, model.head.weight.numpy(), model.head.bias.numpy(), 1.0, thresholds is not None)
    return finished(graph, [words[at] for at in kept.tolist()], labels, 1.0, thresholds=thresholds)


def decide(
    graph: Graph,
    pools: Sequence[Filters],
    mean: bool,
    weight: np.ndarray,
    bias: np.ndarray,
    temperature: float,
    several: bool,
) -> None:
    """Pooled features, logits, and their softmax at the temperature, or of several labels the logistic of each."""
    features = [each.maxima() for each in pools]
    if mean:
        lengths = graph.lengths()
        features += [each.means(lengths) for each in pools]
    joined = graph.node("features", "Concat", *features, axis=1)
    head = [graph.constant("head.weight", weight), graph.constant("head.bias", bias)]
    logits = graph.node("logits", "Gemm", joined, *head, transB=1)
    cooled = graph.node("scores", "Div", logits, graph.constant("temperature", np.float32(temperature)))
    if several:
        graph.node(PROBABILITIES, "Sigmoid", cooled)
    else:
        graph.node(PROBABILITIES, "Softmax", cooled, axis=1)


def finished(
    graph: Graph,
    words: Sequence[str],
    labels: Sequence[str],
    temperature: float,
    reject: float | None = None,
    thresholds: Sequence[float] | None = None,
) -> ModelProto:
    """The whole model, with all that is needed to feed it, each entry of the metadata as JSON."""
    ids = helper.make_tensor_value_info(IDS, TensorProto.INT64, ["batch", "length"])
    probabilities = helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, ["batch", len(labels)])
    proto = helper.make_model(
        helper.make_graph(graph.nodes, "textcnn", [ids], [probabilities], graph.constants, MEANING),
        opset_imports=[helper.make_opsetid("", OPERATORS)],
        ir_version=CONTAINER,
        producer_name="prunetext",
        producer_version=version("prunetext"),
    )
    metadata = {
        "format": FORMAT,
        "labels": list(labels),
        "temperature": temperature,
        "tokenizer": TOKENIZER,
        "vocabulary": list(words),
        **({} if reject is None else {"reject": reject}),
        **({} if thresholds is None else {"thresholds": list(thresholds)}),
    }
    helper.set_model_props(proto, {key: json.dumps(value, ensure_ascii=False) for key, value in metadata.items()})
    checker.check_model(proto, full_check=True)
    return proto
