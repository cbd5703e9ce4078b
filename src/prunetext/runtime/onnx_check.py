"""Rules for packed transformers, which anyone may have written: no graph reaches ONNX Runtime before it keeps them.

A graph may read no other file, hold no other graph, and use only what packed transformers use, with results whose
sizes are known beforehand: so it can neither loop, nor take more memory or time than its batch and its own size allow.
"""

from __future__ import annotations

import struct
from math import prod
from typing import TYPE_CHECKING

from prunetext.errors import brief
from prunetext.runtime.onnx_operations import MOST_AXES
from prunetext.runtime.onnx_shapes import multiplications_of, results_of, unpacks
from prunetext.runtime.onnx_sizes import (
    BATCH_SIZE,
    BYTE_KIND,
    FLOAT_KIND,
    HALF_KIND,
    INTEGER_KIND,
    TEXT_LENGTH,
    Shaped,
    Size,
)
from prunetext.runtime.onnx_wire import FOUR_BYTES, SIZED, VARINT, Form, Message, message_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CONTAINER, _OPERATORS = 8, 17  # versions of ONNX's file format and operators, as they are written
_INPUTS, _KINDS, _OUTPUTS = ("input_ids", "attention_mask"), "token_type_ids", ("probabilities", "logits")
_SYMBOLS = {"batch": BATCH_SIZE, "length": TEXT_LENGTH}
# ONNX's number of a type → its name and the bytes of a number
_TYPES = {1: (FLOAT_KIND, 4), 3: (BYTE_KIND, 1), 7: (INTEGER_KIND, 8), 10: (HALF_KIND, 2)}
# 48 layers have 2,400 operations, and 1,200 more if their weights are int8. The time in which ONNX Runtime reads a
# chain of operations grows with its square: 20,000 take half a minute.
_MOST_NODES, _MOST_TENSORS, _MOST_ENTRIES = 6_000, 6_000, 1_000
_MOST_CONTENT = 8  # numbers of a list that says something of a shape
# Numbers of all results together for each batch, token, and pair of tokens, as for one result; 48 layers with 64 heads
# and 8,192 neurons take a seventh. Attention multiplies each pair of tokens for each column of each layer.
_MOST_MADE = (1 << 22, 1 << 25, 1 << 16)
_MOST_PAIR_PRODUCTS = 1 << 22

_PAIR = Form("an entry of its metadata", {1: SIZED, 2: SIZED})
_OPSET = Form("its version of ONNX's operators", {1: SIZED, 2: VARINT})
_MODEL = Form(
    "its container",
    {1: VARINT, 2: SIZED, 7: SIZED, 8: SIZED, 14: SIZED},
    frozenset({8, 14}),
    {20: "says how to train it", 25: "has functions of its own"},
    _MOST_ENTRIES,
)
_GRAPH = Form(
    "its graph",
    {1: SIZED, 2: SIZED, 5: SIZED, 11: SIZED, 12: SIZED},
    frozenset({1, 5, 11, 12}),
    {15: "has sparse tensors"},
    _MOST_NODES + _MOST_TENSORS,
)
_NODE = Form(
    "an operation of its graph", {1: SIZED, 2: SIZED, 3: SIZED, 4: SIZED, 5: SIZED, 7: SIZED}, frozenset({1, 2, 5})
)
_ATTRIBUTE = Form(
    "an attribute of its graph",
    {1: SIZED, 2: FOUR_BYTES, 3: VARINT, 8: VARINT, 20: VARINT},
    frozenset({8}),
    {4: "is a text", 5: "is a tensor", 6: "is a graph", 11: "is a list of graphs", 21: "refers to a function's"},
)
_TENSOR = Form(
    "a tensor of its graph",
    {1: VARINT, 2: VARINT, 8: SIZED, 9: SIZED},
    frozenset({1}),
    {13: "lies in another file", 14: "says in which file it lies"},
)
_NAMED = Form("an input or output of its graph", {1: SIZED, 2: SIZED})
_TYPE = Form("a type of its graph", {1: SIZED})
_TENSOR_TYPE = Form("a type of its graph", {1: VARINT, 2: SIZED})
_SHAPE = Form("a shape of its graph", {1: SIZED}, frozenset({1}))
_AXIS_SIZE = Form("a shape of its graph", {1: VARINT, 2: SIZED})


def check_onnx(data: bytes) -> dict[str, str]:
    """Check a packed transformer and return its metadata; ValueError with the reason if it breaks a rule.

        check_onnx(Path("runs/reviews/model.onnx").read_bytes())["task"]      # 'classification'

    Neither `onnx` nor ONNX Runtime is needed. The time does not grow with the size of tensors.
    """
    model = message_in(memoryview(data), _MODEL)
    if model.whole(1) != _CONTAINER:
        raise ValueError(f"its container has not version {_CONTAINER} of ONNX's format")
    operators = [message_in(each, _OPSET) for each in model.chunks(8)]
    if [(each.text(1), each.whole(2)) for each in operators] != [("", _OPERATORS)]:
        raise ValueError(f"its graph has other operators than version {_OPERATORS} of ONNX's own")
    metadata: dict[str, str] = {}
    for entry in (message_in(each, _PAIR) for each in model.chunks(14)):
        if entry.text(1) in metadata:
            raise ValueError(f"its metadata have two entries {brief(entry.text(1))}")
        metadata[entry.text(1)] = entry.text(2)
    _check_graph(message_in(model.chunk(7), _GRAPH))
    return metadata


def _check_graph(graph: Message) -> None:
    graph.chunk(2)
    nodes = graph.chunks(1)
    if len(nodes) > _MOST_NODES:
        raise ValueError(f"its graph has more than {_MOST_NODES:,} operations")
    known: dict[str, Shaped] = {}
    for each in graph.chunks(11):
        _define(known, *_named(each))
    inputs = Shaped(INTEGER_KIND, (BATCH_SIZE, TEXT_LENGTH))
    if known.keys() - {_KINDS} != {*_INPUTS} or any(each != inputs for each in known.values()):
        raise ValueError("its graph does not take what its tokenizer gives")
    weights = 0
    for each in graph.chunks(5):
        name, tensor = _tensor(each)
        _define(known, name, tensor)
        weights += tensor.size.number
    totals = _Totals()
    for node in (message_in(each, _NODE) for each in nodes):
        for name, made in _made_by(node, known, totals).items():
            _define(known, name, made)
    totals.check(weights)
    _check_outputs([_named(each) for each in graph.chunks(12)], known)


def _check_outputs(outputs: Sequence[tuple[str, Shaped]], known: Mapping[str, Shaped]) -> None:
    if sorted(name for name, _ in outputs) != sorted(_OUTPUTS):
        raise ValueError("its graph does not give probabilities and logits, and nothing else")
    for name, said in outputs:
        fits = len(said.shape) == 2 and said.shape[0] == BATCH_SIZE and said.shape[1].fixed
        if said.kind != FLOAT_KIND or not fits or name not in known or known[name]._replace(content=None) != said:
            raise ValueError(f"its graph gives {name} of another type or shape than it says")


def _define(known: dict[str, Shaped], name: str, value: Shaped) -> None:
    if not name:
        raise ValueError("its graph has a value without a name")
    if name in known:
        raise ValueError(f"its graph has two values named {brief(name)}")
    known[name] = value


class _Totals:
    """What all operations together make and multiply."""

    def __init__(self) -> None:
        self.made, self.products, self.unpacked = [0, 0, 0], [0, 0, 0], 0

    def add(self, results: Sequence[Shaped], products: Size) -> None:
        """Add those of one operation."""
        for each in results:
            self.made[each.size.tokens] += each.size.number
        if products.tokens >= len(self.products):
            raise ValueError("its graph multiplies more than pairs of tokens")
        self.products[products.tokens] += products.number

    def check(self, weights: int) -> None:
        """ValueError if it is too much: each weight is multiplied once for each token, or once for each text."""
        if any(made > most for made, most in zip(self.made, _MOST_MADE, strict=True)):
            raise ValueError("its graph has more results than any transformer")
        if self.unpacked > weights:
            raise ValueError("its graph makes more float32 of float16 than it has")
        if max(self.products[:2]) > weights or self.products[2] > _MOST_PAIR_PRODUCTS:
            raise ValueError("its graph multiplies more than a transformer of its size")


def _made_by(node: Message, known: Mapping[str, Shaped], totals: _Totals) -> dict[str, Shaped]:
    """What an operation makes, by name."""
    if node.text(7):
        raise ValueError("its graph has an operation that is none of ONNX's own")
    operator, inputs, outputs = node.text(4), node.texts(1), node.texts(2)
    for name in inputs:
        if name not in known:
            raise ValueError(f"its graph uses {brief(name)} before it is made")
    given = [known[name] for name in inputs]
    attributes: dict[str, int | float | tuple[int, ...]] = {}
    for name, value in (_attribute(message_in(each, _ATTRIBUTE)) for each in node.chunks(5)):
        if name in attributes:
            raise ValueError(f"its graph has an operation with two attributes {brief(name)}")
        attributes[name] = value
    results = results_of(operator, given, attributes)
    if len(outputs) != len(results) or len(set(outputs)) != len(outputs):
        raise ValueError(f"its graph has {operator} with other results than it gives")
    if unpacks(operator, given):
        totals.unpacked += results[0].size.number
    else:
        totals.add(results, multiplications_of(operator, given, results[0]))
    return dict(zip(outputs, results, strict=True))


def _attribute(attribute: Message) -> tuple[str, int | float | tuple[int, ...]]:
    """The name and value of an attribute: a whole number, a float or a list of whole numbers."""
    number, real, numbers = attribute.whole(3), attribute.chunks(2), tuple(attribute.wholes(8))
    given = {2: number is not None, 1: bool(real), 7: bool(numbers)}
    kind = attribute.whole(20)
    if [each for each, there in given.items() if there] != [kind]:
        raise ValueError("its graph has an attribute that is of another type than it says")
    if number is not None:
        return attribute.text(1), number
    return attribute.text(1), float(struct.unpack("<f", real[0])[0]) if real else numbers


def _tensor(part: memoryview) -> tuple[str, Shaped]:
    """The name of a tensor, and its value, with its numbers if they are few and whole."""
    tensor = message_in(part, _TENSOR)
    kind, width = _TYPES.get(tensor.whole(2) or 0, ("", 0))
    shape = tensor.wholes(1)
    if not kind:
        raise ValueError("its graph has a tensor that is of none of float32, float16, int64 and int8")
    if len(shape) > MOST_AXES or any(each < 1 for each in shape):
        raise ValueError("its graph has a tensor of an impossible shape")
    count, data = prod(shape), tensor.chunk(9)
    if count * width != len(data):
        raise ValueError("its graph has a tensor with more or fewer bytes than its shape says")
    content = None
    if kind == INTEGER_KIND and count <= _MOST_CONTENT:
        content = tuple(Size(each) for each in struct.unpack(f"<{count}q", data))
    return tensor.text(8), Shaped(kind, tuple(map(Size, shape)), content)


def _named(part: memoryview) -> tuple[str, Shaped]:
    """The name of an input or output, and the value that it is said to be."""
    named = message_in(part, _NAMED)
    said = message_in(message_in(named.chunk(2), _TYPE).chunk(1), _TENSOR_TYPE)
    axes = [message_in(each, _AXIS_SIZE) for each in message_in(said.chunk(2), _SHAPE).chunks(1)]
    kind, _ = _TYPES.get(said.whole(1) or 0, ("", 0))
    shape = []
    for each in axes:
        number, symbols = each.whole(1), each.texts(2)
        if len(each.found) != 1 or not _SYMBOLS.keys() >= {*symbols}:
            raise ValueError("its graph has inputs or outputs of an unknown shape")
        shape.append(_SYMBOLS[symbols[0]] if number is None else Size(number))
    return named.text(1), Shaped(kind, tuple(shape))
