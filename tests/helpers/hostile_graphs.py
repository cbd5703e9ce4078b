"""Changes to the graph of a packed transformer, each of which breaks one rule, and the reason that is to be given."""

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import AttributeProto, ModelProto, TensorProto, external_data_helper, helper, numpy_helper

Change = Callable[[ModelProto], Any]
OPERATORS = 17


def constant(proto: ModelProto, name: str, values: Any) -> str:
    proto.graph.initializer.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
    return name


def node(proto: ModelProto, operator: str, *inputs: str, result: str = "more", **kind: Any) -> None:
    proto.graph.node.append(helper.make_node(operator, inputs, [result], **kind))


def operation(operator: str, **constants: Any) -> Change:
    """One more operation, with these constants as inputs; those that are texts are names of values."""

    def change(proto: ModelProto) -> None:
        names = [each if isinstance(each, str) else constant(proto, name, each) for name, each in constants.items()]
        node(proto, operator, *names)

    return change


def tensor(**fields: Any) -> Change:
    """The table of words with other fields."""

    def change(proto: ModelProto) -> None:
        table = proto.graph.initializer[0]
        for name, value in fields.items():
            if isinstance(value, list):
                del getattr(table, name)[:]
                getattr(table, name).extend(value)
            else:
                setattr(table, name, value)

    return change


def in_another_file(proto: ModelProto) -> None:
    external_data_helper.set_external_data(proto.graph.initializer[0], "/etc/passwd")


def attribute(**values: Any) -> Change:
    """An attribute of the last operation, a Softmax."""
    return lambda proto: proto.graph.node[-1].attribute.extend(
        helper.make_attribute(name, value) for name, value in values.items()
    )


def refers(proto: ModelProto) -> None:
    proto.graph.node[-1].attribute.append(AttributeProto(name="more", type=AttributeProto.INT, ref_attr_name="axis"))


def untyped(proto: ModelProto) -> None:
    proto.graph.node[-1].attribute[0].type = AttributeProto.FLOAT


def in_parts(proto: ModelProto) -> None:
    proto.graph.initializer[0].segment.SetInParent()


def without_bytes(proto: ModelProto) -> None:
    proto.graph.initializer[0].ClearField("raw_data")


def real_axis(proto: ModelProto) -> None:
    proto.graph.node[-1].attribute.pop()
    attribute(axis=1.0)(proto)


def cross_sum(proto: ModelProto) -> None:
    constant(proto, "column", np.ones((1 << 12, 1), np.float32))
    node(proto, "Add", "column", constant(proto, "row", np.ones(1 << 12, np.float32)))


def constant_slice(proto: ModelProto) -> None:
    first = constant(proto, "begin", np.ones(1, np.int64))
    node(proto, "Slice", "positions.weight", first, first, first)


SUBGRAPH = helper.make_graph([helper.make_node("Abs", ["x"], ["y"])], "inner", [], [])


def loop(proto: ModelProto) -> None:
    node(proto, "Loop", constant(proto, "times", np.int64(1 << 62)), body=SUBGRAPH)


def branch(proto: ModelProto) -> None:
    node(proto, "If", "real_one", then_branch=SUBGRAPH, else_branch=SUBGRAPH)


def circle(proto: ModelProto) -> None:
    node(proto, "Neg", "second_more", result="more")
    node(proto, "Neg", "more", result="second_more")


def twice(proto: ModelProto) -> None:
    node(proto, "Neg", "logits", result="scores")


def function(proto: ModelProto) -> None:
    opsets = [helper.make_opsetid("", OPERATORS)]
    proto.functions.append(helper.make_function("", "Gelu2", ["x"], ["y"], SUBGRAPH.node, opsets))


def outer_product(proto: ModelProto) -> None:
    constant(proto, "column", np.ones((1 << 12, 1), np.float32))
    node(proto, "MatMul", "column", constant(proto, "row", np.ones((1, 1 << 12), np.float32)))


def many_results(proto: ModelProto) -> None:
    constant(proto, "wide", np.ones(1 << 15, np.float32))
    node(proto, "Cast", "input_ids", result="reals", to=TensorProto.FLOAT)
    node(proto, "Unsqueeze", "reals", constant(proto, "last", np.array([2])), result="columns")
    for at in range(1100):
        node(proto, "Mul", "columns", "wide", result=f"product{at}")


def many_products(proto: ModelProto) -> None:
    constant(proto, "square", np.ones((8, 8), np.float32))
    for at in range(100):
        node(proto, "MatMul", "words", "square", result=f"product{at}")


def cubes(proto: ModelProto) -> None:
    node(proto, "MatMul", "layers.0.shares", "layers.0.shares")


def all_pairs_of_texts(proto: ModelProto) -> None:
    node(proto, "Transpose", "logits", result="turned", perm=[1, 0])
    node(proto, "MatMul", "logits", "turned")


def many_nodes(proto: ModelProto) -> None:
    proto.graph.node.extend([helper.make_node("Neg", ["logits"], [f"n{at}"]) for at in range(6_001)])


def reshaped(proto: ModelProto) -> None:
    next(each for each in proto.graph.initializer if each.name == "layers.0.join").raw_data = np.array(
        [0, 0, 1 << 40]
    ).tobytes()


def dynamic_reshape(proto: ModelProto) -> None:
    node(proto, "Shape", "words", result="found")
    node(proto, "Reshape", "words", "found")


def another_input(proto: ModelProto) -> None:
    proto.graph.input.append(helper.make_tensor_value_info("more", TensorProto.INT64, ["batch", "length"]))


def other_type(proto: ModelProto) -> None:
    proto.graph.input[0].type.tensor_type.elem_type = TensorProto.INT32


def symbol_and_size(proto: ModelProto) -> None:
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "other"


def another_output(proto: ModelProto) -> None:
    proto.graph.output.append(helper.make_tensor_value_info("words", TensorProto.FLOAT, ["batch", 3]))


def other_width(proto: ModelProto) -> None:
    proto.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 4


def again(proto: ModelProto) -> None:
    proto.metadata_props.add(key="labels", value="[]")


def sparse(proto: ModelProto) -> None:
    proto.graph.sparse_initializer.add()


def default_of_an_input(proto: ModelProto) -> None:
    constant(proto, "attention_mask", np.ones((1, 1), np.int64))


def foreign(proto: ModelProto) -> None:
    node(proto, "FusedMatMul", "words", "words", domain="com.microsoft")


def newer(proto: ModelProto) -> None:
    proto.opset_import[0].version = 18


def second_set(proto: ModelProto) -> None:
    proto.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))


def newer_container(proto: ModelProto) -> None:
    proto.ir_version = 10


def missing(proto: ModelProto) -> None:
    proto.graph.node[0].input[0] = "nowhere"


def optional(proto: ModelProto) -> None:
    proto.graph.node[0].input[0] = ""


LONG, SHORT = np.array([1 << 40]), np.ones(2, np.int64)
HOSTILE: dict[str, tuple[str, Change]] = {
    "another file": ("lies in another file", in_another_file),
    "location of data": ("says in which file", tensor(data_location=TensorProto.EXTERNAL)),
    "part of a tensor": (
        "no packed file has there, field 3",
        in_parts,
    ),
    "numbers outside of raw data": ("field 4", tensor(float_data=[1.0])),
    "too few bytes": ("more or fewer bytes", tensor(raw_data=b"\0" * 4)),
    "no bytes": ("is not whole", without_bytes),
    "another type": ("none of float32, float16, int64 and int8", tensor(data_type=TensorProto.DOUBLE)),
    "text tensor": ("none of float32, float16, int64 and int8", tensor(data_type=TensorProto.STRING)),
    "negative shape": ("impossible shape", tensor(dims=[-1, -8])),
    "empty shape": ("impossible shape", tensor(dims=[0, 8], raw_data=b"")),
    "huge shape": ("more or fewer bytes", tensor(dims=[1 << 62, 1 << 62])),
    "many axes": ("impossible shape", tensor(dims=[1] * 40)),
    "sparse tensor": ("sparse", sparse),
    "Loop": ("is a graph", loop),
    "If": ("is a graph", branch),
    "unknown attribute": ("attribute that no Softmax has", attribute(more=1)),
    "attribute of another type": (
        "attribute that no Softmax has",
        real_axis,
    ),
    "attribute of two types": ("another type than it says", untyped),
    "attribute twice": ("two attributes 'axis'", attribute(axis=0)),
    "text attribute": ("is a text", attribute(more="text")),
    "tensor attribute": ("is a tensor", attribute(more=numpy_helper.from_array(SHORT))),
    "reference attribute": ("refers to a function's", refers),
    "another domain": ("none of ONNX's own", foreign),
    "function": ("functions of its own", function),
    "training": ("how to train", lambda proto: proto.training_info.add()),
    "newer operators": ("other operators", newer),
    "two sets of operators": ("other operators", second_set),
    "newer container": ("version 8", newer_container),
    "ConstantOfShape": ("operation that no packed", operation("ConstantOfShape", shape=LONG)),
    "Expand": ("operation that no packed", operation("Expand", of="logits", shape=LONG)),
    "Tile": ("operation that no packed", operation("Tile", of="logits", times=SHORT << 30)),
    "outer product": ("MatMul that are too large", outer_product),
    "sum of column and row": (
        "Add that are too large",
        operation("Add", a=np.ones((1 << 12, 1)).astype("f"), b=np.ones(1 << 12, "f")),
    ),
    "Range of a constant": ("do not fit Range", operation("Range", a=np.int64(0), b=np.int64(1 << 40), c=np.int64(1))),
    "Reshape to huge": ("do not fit Reshape", reshaped),
    "Reshape by a result": ("do not fit Reshape", dynamic_reshape),
    "division by zero": ("do not fit Div", operation("Div", of="input_ids", by=np.zeros(1, np.int64))),
    "Slice of a constant": ("do not fit Slice", constant_slice),
    "many results": ("more results", many_results),
    "many products": ("multiplies more", many_products),
    "cubes of tokens": ("more than pairs of tokens", cubes),
    "pairs of texts": ("too large", all_pairs_of_texts),
    "many operations": ("more than 6,000 operations", many_nodes),
    "missing input": ("'nowhere' before it is made", missing),
    "empty input": ("'' before it is made", optional),
    "circle": ("'second_more' before", circle),
    "name defined twice": ("two values named 'scores'", twice),
    "input with a default": ("two values named 'attention_mask'", default_of_an_input),
    "too many inputs": ("do not fit Neg", operation("Neg", a="logits", b="logits")),
    "two results": ("other results", lambda proto: proto.graph.node[0].output.append("more")),
    "another input": ("what its tokenizer gives", another_input),
    "input of another type": ("what its tokenizer gives", other_type),
    "unknown symbol": ("unknown shape", symbol_and_size),
    "another output": ("nothing else", another_output),
    "output of another width": ("another type or shape", other_width),
    "metadata twice": ("two entries 'labels'", again),
}
