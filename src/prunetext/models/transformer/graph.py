"""A transformer as a standard ONNX graph: a tokenizer's ids in, probabilities out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch
from onnx import ModelProto, TensorProto, helper
from torch import Tensor, nn

from prunetext.models.graphs import CONTAINER, OPERATORS, PROBABILITIES, add_probabilities
from prunetext.models.transformer.model import Layer, TextEncoder
from prunetext.models.transformer.modules import rotation_of
from prunetext.models.transformer.numbered import PLAIN_ROUNDING, NumberedGraph, RoundingPlan, array
from prunetext.models.transformer.numbers import WORDS_PART, formats_of

_IDS, _MASK, _TOKEN_KINDS = "input_ids", "attention_mask", "token_type_ids"
LOWEST = float(np.finfo(np.float32).min)


class EncoderGraph(NumberedGraph):
    """The graph of an encoder."""

    def __init__(self, model: TextEncoder, formats: Mapping[str, str], rounding: RoundingPlan = PLAIN_ROUNDING) -> None:
        super().__init__(formats, rounding)
        self.model, self.layout = model, model.layout

    def normed(self, name: str, of: str, part: nn.LayerNorm) -> str:
        """A norm."""
        tensors = {"weight": part.weight, "bias": part.bias}
        given = [self.constant(f"{name}.{key}", array(each)) for key, each in tensors.items() if each is not None]
        return self.node(f"{name}.normed", "LayerNormalization", of, *given, axis=-1, epsilon=part.eps)

    def embedded(self) -> str:
        """The input of the first layer."""
        model = self.model
        x = self.looked_up("words", array(model.words.weight), _IDS)
        if model.spread is not None:
            x = self.dense("spread", x, model.spread)
        if model.token_kinds is not None:
            table = self.constant("kinds.weight", array(model.token_kinds.weight))
            own = _TOKEN_KINDS if takes_kinds(model) else self.node("no_kinds", "Mul", _IDS, self.number("none", 0))
            x = self.node("words_and_kinds", "Add", x, self.node("kinds", "Gather", table, own))
        if model.positions is not None:
            rows = model.positions.weight[self.layout.first_position :][: self.layout.longest]
            x = self.node(
                "words_and_positions", "Add", x, self.beginning("positions.weight", rows, self.formats[WORDS_PART])
            )
        x = self.normed("norm", x, model.norm)
        return x if model.project is None else self.dense("project", x, model.project)

    def beginning(self, name: str, rows: Tensor, kind: str = "float32") -> str:
        """As many rows of a table as the longest text of the batch has tokens; with int8 words, it is of float16."""
        table = self.stored(name, array(rows), kind)
        return self.node(
            f"{name}.beginning", "Slice", table, self.number("first", 0), self.length(), self.number("rows", 0)
        )

    def number(self, name: str, value: int) -> str:
        """A whole number, as a list of one."""
        return self.constant(name, np.array([value], np.int64))

    def length(self) -> str:
        """Tokens of the longest text, as a list of one."""
        if "length" not in self._named:
            self._named.add("length")
            self.node("sizes", "Shape", _IDS)
            self.node("length", "Gather", "sizes", self.number("second", 1))
        return "length"

    def unseen(self, window: int) -> str:
        """What is added to the scores of tokens: the lowest number where none is seen."""
        name = f"unseen{window or ''}"
        if name in self._named:
            return name
        self._named.add(name)
        real = self.node(f"{name}.mask", "Cast", _MASK, to=TensorProto.BOOL)
        seen = self.node(f"{name}.seen", "Unsqueeze", real, self.constant("mask_axes", np.array([1, 2])))
        if window:
            count = self.node(f"{name}.count", "Squeeze", self.length())
            places = self.node(
                f"{name}.places", "Range", self.constant("zero", np.int64(0)), count, self.constant("one", np.int64(1))
            )
            column = self.node(f"{name}.column", "Unsqueeze", places, self.number("behind", 1))
            apart = self.node(f"{name}.apart", "Abs", self.node(f"{name}.difference", "Sub", column, places))
            near = self.node(f"{name}.near", "LessOrEqual", apart, self.constant(f"{name}.window", np.int64(window)))
            seen = self.node(f"{name}.both", "And", seen, near)
        zero, lowest = self.constant("nothing", np.float32(0)), self.constant("lowest", np.float32(LOWEST))
        return self.node(name, "Where", seen, zero, lowest)

    def layer(self, name: str, x: str, layer: Layer) -> str:
        """One layer."""
        return self.with_neurons(name, self.with_attention(name, x, layer), layer)

    def with_attention(self, name: str, x: str, layer: Layer) -> str:
        """A layer's input and what its attention adds, as its neurons take it."""
        first, first_norm = x, layer.attention_norm
        if self.layout.norm_first and first_norm is not None:
            first = self.normed(f"{name}.attention_norm", x, first_norm)
        x = self.node(f"{name}.attended", "Add", x, self.attention(name, first, layer))
        if self.layout.norm_first:
            return x
        assert first_norm is not None
        return self.normed(f"{name}.attention_norm", x, first_norm)

    def with_neurons(self, name: str, x: str, layer: Layer) -> str:
        """The same and what the neurons add: the output of the layer."""
        if self.layout.norm_first:
            second = self.normed(f"{name}.norm", x, layer.norm)
            return self.node(f"{name}.end", "Add", x, self.neurons(name, second, layer))
        return self.normed(f"{name}.norm", self.node(f"{name}.end", "Add", x, self.neurons(name, x, layer)), layer.norm)

    def attention(self, name: str, x: str, layer: Layer) -> str:
        """The layer's attention; its heads' scale is in the weights of the query."""
        size, width = self.layout.head_size, layer.query.out_features
        scale = size**-0.5
        parts = {}
        for part, module, times in (
            ("query", layer.query, scale),
            ("key", layer.key, 1.0),
            ("value", layer.value, 1.0),
        ):
            own = f"{name}.{part}"
            shape = self.constant(f"{name}.split", np.array([0, 0, width // size, size]))
            split = self.node(f"{own}.split", "Reshape", self.dense(own, x, module, times), shape)
            parts[part] = self.node(f"{own}.heads", "Transpose", split, perm=[0, 2, 1, 3])
            if layer.theta and part != "value":
                parts[part] = self.turned(own, parts[part], layer.theta)
        keys = self.node(f"{name}.keys", "Transpose", parts["key"], perm=[0, 1, 3, 2])
        scores = self.node(f"{name}.scores", "MatMul", parts["query"], keys)
        scores = self.node(f"{name}.masked", "Add", scores, self.unseen(layer.window))
        shares = self.node(f"{name}.shares", "Softmax", scores, axis=-1)
        found = self.node(
            f"{name}.found",
            "Transpose",
            self.node(f"{name}.means", "MatMul", shares, parts["value"]),
            perm=[0, 2, 1, 3],
        )
        joined = self.node(f"{name}.joined", "Reshape", found, self.constant(f"{name}.join", np.array([0, 0, width])))
        return self.dense(f"{name}.out", joined, layer.out)

    def turned(self, name: str, of: str, theta: float) -> str:
        """Vectors turned by the angles of their places."""
        size, node = self.layout.head_size, self.node
        cosines, sines = rotation_of(theta, size, self.layout.longest, torch.device("cpu"))
        halves = [f"{name}.one", f"{name}.other"]
        self.nodes.append(
            helper.make_node(
                "Split",
                [of, self.constant("halves", np.array([size // 2] * 2))],
                halves,
                name=f"{name}.halves",
                axis=-1,
            )
        )
        across = node(f"{name}.across", "Concat", node(f"{name}.negative", "Neg", halves[1]), halves[0], axis=-1)
        straight = node(f"{name}.straight", "Mul", of, self.beginning_once(f"cosines{theta:g}", cosines))
        return node(
            f"{name}.turned",
            "Add",
            straight,
            node(f"{name}.crossed", "Mul", across, self.beginning_once(f"sines{theta:g}", sines)),
        )

    def beginning_once(self, name: str, rows: Tensor) -> str:
        """The beginning of a table that several layers use."""
        if name in self._named:
            return f"{name}.beginning"
        return self.beginning(name, rows)

    def neurons(self, name: str, x: str, layer: Layer) -> str:
        """The layer's two dense layers."""
        inner = self.activated(f"{name}.active", self.dense(f"{name}.inner", x, layer.inner))
        if layer.gate is not None:
            inner = self.node(f"{name}.gated", "Mul", inner, self.dense(f"{name}.gate", x, layer.gate))
        return self.dense(f"{name}.outer", inner, layer.outer)

    def activated(self, name: str, x: str) -> str:
        """The activation of neurons."""
        node, kind = self.node, self.layout.activation

        def real(value: float) -> str:
            return self.constant(f"real{value:g}", np.float32(value))

        if kind == "relu":
            return node(name, "Relu", x)
        if kind == "silu":
            return node(name, "Mul", x, node(f"{name}.sigmoid", "Sigmoid", x))
        if kind == "gelu":
            bent = node(f"{name}.erf", "Erf", node(f"{name}.scaled", "Div", x, real(2**0.5)))
        else:
            cube = node(f"{name}.cube", "Mul", node(f"{name}.square", "Mul", x, x), x)
            sum_ = node(f"{name}.sum", "Add", x, node(f"{name}.small", "Mul", cube, real(0.044715)))
            bent = node(f"{name}.tanh", "Tanh", node(f"{name}.scaled", "Mul", sum_, real((2 / np.pi) ** 0.5)))
        whole = node(f"{name}.whole", "Mul", x, node(f"{name}.more", "Add", bent, real(1.0)))
        return node(name, "Mul", whole, real(0.5))

    def pooled(self, x: str) -> str:
        """One vector for each text."""
        if self.layout.pooling == "first":
            return self.node("pooled", "Gather", x, self.constant("zero", np.int64(0)), axis=1)
        real = self.node("mask.real", "Cast", _MASK, to=TensorProto.FLOAT)
        mask = self.node("mask.column", "Unsqueeze", real, self.constant("last_axis", np.array([2])))
        axes = self.constant("text_axis", np.array([1]))
        total = self.node("total", "ReduceSum", self.node("inside", "Mul", x, mask), axes, keepdims=0)
        count = self.node("count", "ReduceSum", mask, axes, keepdims=0)
        least = self.node("least", "Max", count, self.constant("real_one", np.float32(1)))
        return self.node("pooled", "Div", total, least)


def takes_kinds(model: TextEncoder) -> bool:
    """Whether the model tells the texts of a pair apart by a table."""
    return model.token_kinds is not None and model.token_kinds.num_embeddings > 1


@torch.no_grad()
def encoder_graph(
    model: TextEncoder,
    labels: Sequence[str],
    temperature: float = 1.0,
    formats: Mapping[str, str] | None = None,
    rounding: RoundingPlan = PLAIN_ROUNDING,
    *,
    several: bool = False,
) -> ModelProto:
    """The graph of an encoder, without metadata.

        encoder_graph(model, ["neg", "pos"])

    Inputs (batch, length), int64: input_ids, of the file's own tokenizer; attention_mask, 1 for a token and 0 behind
    the end of a text; token_type_ids, 0 or 1 for the text of a pair, if the model has them. Outputs (batch, classes),
    float32: probabilities, at the temperature, and logits. Only operators of ONNX itself are used. formats: of the
    parts' numbers, float32 if not given.
    """
    graph = EncoderGraph(model, formats_of(model.number_parts(), "float32", formats or {}), rounding)
    x = graph.embedded()
    for number, layer in model.layers.items():
        x = graph.layer(f"layers.{number}", x, cast(Layer, layer))
    if model.final_norm is not None:
        x = graph.normed("final_norm", x, model.final_norm)
    head = [
        graph.constant("head.weight", array(model.head.weight)),
        graph.constant("head.bias", array(model.head.bias)),
    ]
    add_probabilities(
        graph, graph.node("logits", "Gemm", graph.pooled(x), *head, transB=1), temperature, several=several
    )
    names = (_IDS, _MASK, *([_TOKEN_KINDS] if takes_kinds(model) else []))
    given = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in names]
    found = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", len(labels)])
        for name in (PROBABILITIES, "logits")
    ]
    return helper.make_model(
        helper.make_graph(graph.nodes, "transformer", given, found, graph.constants),
        opset_imports=[helper.make_opsetid("", OPERATORS)],
        ir_version=CONTAINER,
        producer_name="prunetext",
    )
