"""A packed transformer's graph with activations as floats, for runtimes that round them in their own way."""

from __future__ import annotations

from onnx import ModelProto, NodeProto, TensorProto, helper

_OF_INTEGERS = ("integers", "floats", "steps", "product")  # nodes of a dense layer of int8
_ENDING = f".{_OF_INTEGERS[0]}"


def with_float_activations(proto: ModelProto) -> ModelProto:
    """The graph with dense layers that multiply floats; their weights are still stored as int8.

        with_float_activations(onnx.load("runs/reviews/model.onnx"))

    Weights become floats by a Cast and a Mul, a form that runtimes know as compressed weights. Answers differ from the
    packed file's by its rounding of activations; a graph without int8 gives what it gave.
    """
    rounded = {node.output[0]: node.input[0] for node in proto.graph.node if node.op_type == "DynamicQuantizeLinear"}
    products = [node for node in proto.graph.node if node.op_type == "MatMulInteger"]
    layers = [node.name.removesuffix(_ENDING) for node in products]
    replaced = {f"{layer}.{part}" for layer in layers for part in _OF_INTEGERS}
    found = ModelProto()
    found.CopyFrom(proto)
    del found.graph.node[:]
    for node in proto.graph.node:
        if node.op_type == "MatMulInteger":
            found.graph.node.extend(float_product(node.name.removesuffix(_ENDING), rounded[node.input[0]]))
        elif node.op_type != "DynamicQuantizeLinear" and node.name not in replaced:
            found.graph.node.append(node)
    return found


def float_product(layer: str, of: str) -> list[NodeProto]:
    """The product of a dense layer's input with its weights, by the names of its constants.

    >>> [node.op_type for node in float_product("layers.0.out", "layers.0.joined")]
    ['Cast', 'Mul', 'MatMul']
    """
    floats, weights, product = (f"{layer}.{part}" for part in ("weight.floats", "weight.scaled", "product"))
    return [
        helper.make_node("Cast", [f"{layer}.weight"], [floats], name=floats, to=TensorProto.FLOAT),
        helper.make_node("Mul", [floats, f"{layer}.scales"], [weights], name=weights),
        helper.make_node("MatMul", [of, weights], [product], name=product),
    ]
