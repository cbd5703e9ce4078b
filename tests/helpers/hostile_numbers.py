"""Changes to a packed transformer whose numbers are int8, each of which breaks one rule on types or their sizes."""

import numpy as np
from onnx import ModelProto, TensorProto, helper

from helpers.hostile_graphs import Change, constant, node, operation, tensor

ROWS, STEP, ZERO = "norm.normed.even.integers", "norm.normed.even.step", "norm.normed.even.zero"
WEIGHTS = "layers.0.query.weight"  # (8, 8), int8
BYTES, HALVES = np.ones((8, 8), np.int8), np.ones((8, 8), np.float16)


def cast_to(of: object, to: int) -> Change:
    """A cast of a value or of a constant."""

    def change(proto: ModelProto) -> None:
        node(proto, "Cast", of if isinstance(of, str) else constant(proto, "of", of), to=to)

    return change


def two_results(proto: ModelProto) -> None:
    proto.graph.node.append(helper.make_node("DynamicQuantizeLinear", ["norm.normed"], ["more", "second_more"]))


def unpacked_twice(proto: ModelProto) -> None:
    constant(proto, "large", np.ones((1 << 8, 1 << 9), np.float16))
    for at in range(3):
        node(proto, "Cast", "large", result=f"floats{at}", to=TensorProto.FLOAT)


def unpacked_and_turned(proto: ModelProto) -> None:
    constant(proto, "large", np.ones((1 << 8, 1 << 9), np.float16))
    node(proto, "Cast", "large", result="floats", to=TensorProto.FLOAT)
    node(proto, "Transpose", "floats", perm=[1, 0])


def outer_product_of_integers(proto: ModelProto) -> None:
    constant(proto, "column", np.ones((1 << 12, 1), np.float32))
    proto.graph.node.append(helper.make_node("DynamicQuantizeLinear", ["column"], ["integers", "step", "zero"]))
    node(proto, "MatMulInteger", "integers", constant(proto, "row", np.ones((1, 1 << 12), np.int8)), "zero")


def many_products_of_integers(proto: ModelProto) -> None:
    for at in range(100):
        node(proto, "MatMulInteger", ROWS, WEIGHTS, ZERO, result=f"product{at}")


def output_of_integers(proto: ModelProto) -> None:
    proto.graph.output[0].type.tensor_type.elem_type = TensorProto.INT8


def product(rows: object = ROWS, weights: object = WEIGHTS, zero: object = ZERO, **more: object) -> Change:
    """A product of integers of which one input is another than it ought to be."""
    return operation("MatMulInteger", a=rows, b=weights, c=zero, **more)


NO_PRODUCT, NO_CAST = "do not fit MatMulInteger", "do not fit Cast"
HOSTILE_NUMBERS: dict[str, tuple[str, Change]] = {
    "zero point of one": (NO_PRODUCT, product(zero=np.zeros(1, np.int8))),
    "zero point of each row": (NO_PRODUCT, product(zero=ROWS)),
    "zero point of int8": (NO_PRODUCT, product(zero=np.int8(0))),
    "no zero point": (NO_PRODUCT, operation("MatMulInteger", a=ROWS, b=WEIGHTS)),
    "zero point of weights": (NO_PRODUCT, product(d=np.zeros(8, np.int8))),
    "rows of float32": (NO_PRODUCT, product(rows="norm.normed")),
    "rows of int8": (NO_PRODUCT, product(rows=BYTES)),
    "weights of float32": (NO_PRODUCT, product(weights=np.ones((8, 8), np.float32))),
    "weights that are rounded": (NO_PRODUCT, product(weights=ROWS)),
    "weights of three axes": (NO_PRODUCT, product(weights=np.ones((1, 8, 8), np.int8))),
    "weights of another height": (NO_PRODUCT, product(weights=np.ones((9, 8), np.int8))),
    "integers that are rounded": (
        "do not fit DynamicQuantizeLinear",
        operation("DynamicQuantizeLinear", a="input_ids"),
    ),
    "rounding without a zero point": ("other results", two_results),
    "int8 for float32": ("do not fit MatMul", operation("MatMul", a="norm.normed", b=BYTES)),
    "sums of int8": ("do not fit Add", operation("Add", a=BYTES, b=WEIGHTS)),
    "products of int32": ("do not fit Mul", operation("Mul", a="layers.0.query.integers", b="layers.0.key.integers")),
    "float16 for float32": ("do not fit Mul", operation("Mul", a="norm.normed", b=np.ones(8, np.float16))),
    "float16 in a norm": ("do not fit LayerNormalization", operation("LayerNormalization", a=HALVES, b=HALVES[0])),
    "int8 that are split": ("do not fit Split", operation("Split", a=WEIGHTS, b=np.array([4, 4]))),
    "int8 that are turned": ("do not fit Squeeze", operation("Squeeze", a=BYTES)),
    "uint8 that are joined": ("do not fit Concat", operation("Concat", a=ROWS, b=ROWS)),
    "uint8 as ids": ("do not fit Gather", operation("Gather", a="positions.weight", b=ROWS)),
    "int8 as bool": (NO_CAST, cast_to(BYTES, TensorProto.BOOL)),
    "uint8 as float32": (NO_CAST, cast_to(ROWS, TensorProto.FLOAT)),
    "float32 as int8": (NO_CAST, cast_to("norm.normed", TensorProto.INT8)),
    "float16 as float16": (NO_CAST, cast_to(HALVES, TensorProto.FLOAT16)),
    "many int8 as float32": ("Cast that are too large", cast_to(np.ones((1 << 9, 1 << 8), np.int8), TensorProto.FLOAT)),
    "float16 unpacked often": ("more float32 of float16", unpacked_twice),
    "float16 unpacked and turned": ("Transpose that are too large", unpacked_and_turned),
    "outer product of integers": ("MatMulInteger that are too large", outer_product_of_integers),
    "many products of integers": ("multiplies more", many_products_of_integers),
    "tensor of uint8": ("none of float32, float16", tensor(data_type=TensorProto.UINT8)),
    "tensor of int32": ("none of float32, float16", tensor(data_type=TensorProto.INT32)),
    "tensor of bfloat16": ("none of float32, float16", tensor(data_type=TensorProto.BFLOAT16)),
    "int8 that are float16": ("more or fewer bytes", tensor(data_type=TensorProto.FLOAT16)),
    "output of integers": ("another type or shape", output_of_integers),
}
