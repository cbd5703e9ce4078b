"""The operations of packed transformers: the types and shapes that each takes, and what it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from prunetext.runtime.onnx_sizes import (
    BOOLEAN_KIND,
    BYTE_KIND,
    FLOAT_KIND,
    HALF_KIND,
    INTEGER_KIND,
    STEP_KIND,
    SUM_KIND,
    TEXT_LENGTH,
    UNIT,
    Shaped,
    Size,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MOST_AXES = 6
USUAL_KINDS = (FLOAT_KIND, INTEGER_KIND, BOOLEAN_KIND)
_FLOAT, _BOOL = 1, 9  # ONNX's numbers of types


class Operation(NamedTuple):
    """What is known of an operation.

        Operation((2,), _each(FLOAT_KIND))      # of two inputs, on each number of them, without attributes

    inputs: how many it may have. results: what it gives. attributes: those that it may have, and their types.
    multiplies: whether it is a product of matrices. kinds: types that its inputs can have, one or the other.
    """

    inputs: tuple[int, ...]
    results: Callable[[Sequence[Shaped], Mapping[str, Any]], list[Shaped]]
    attributes: Mapping[str, type] = {}
    multiplies: bool = False
    kinds: tuple[str, ...] = USUAL_KINDS


class MisfitError(Exception):
    """Inputs that do not fit together."""


def need(fits: bool) -> None:
    """Raise `MisfitError` unless inputs fit."""
    if not fits:
        raise MisfitError


def _axis(axis: int, axes: int) -> int:
    """An axis counted from the front."""
    need(-axes <= axis < axes)
    return axis % axes


def _axes(value: Shaped, axes: int) -> list[int]:
    """Different axes, from a list of constants."""
    found = [_axis(each, axes) for each in _constants(value)]
    need(bool(found) and len(set(found)) == len(found))
    return found


def _is_constant(value: Shaped) -> bool:
    return value.content is not None and all(each.fixed for each in value.content)


def _constants(value: Shaped) -> list[int]:
    """The whole numbers that a list holds."""
    need(_is_constant(value) and len(value.shape) == 1)
    return [each.number for each in value.content or ()]


def _joined(*shapes: tuple[Size, ...]) -> tuple[Size, ...]:
    """The shape of an operation on each number; sizes of 1 are repeated."""
    axes, found = max(map(len, shapes)), []
    for sizes in zip(*((UNIT,) * (axes - len(each)) + each for each in shapes), strict=True):
        own = set(sizes) - {UNIT}
        need(len(own) <= 1)
        found.append(own.pop() if own else UNIT)
    return tuple(found)


def _each(*kinds: str, gives: str | None = None) -> Callable[[Sequence[Shaped], Mapping[str, Any]], list[Shaped]]:
    """An operation on each number of inputs of one of these types."""

    def results(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
        kind = given[0].kind
        need(kind in kinds and all(each.kind == kind for each in given))
        return [Shaped(gives or kind, _joined(*(each.shape for each in given)))]

    return results


def _cast(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    # A float beyond the range of whole numbers has no defined value as one.
    kind, to = given[0].kind, attributes.get("to")
    need(to == _FLOAT or (to == _BOOL and kind == INTEGER_KIND))
    return [Shaped(FLOAT_KIND if to == _FLOAT else BOOLEAN_KIND, given[0].shape)]


def _concat(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    first = given[0]
    axis = _axis(attributes.get("axis", MOST_AXES), len(first.shape))
    rest = {(each.kind, each.shape[:axis], each.shape[axis + 1 :]) for each in given if len(each.shape) > axis}
    need(len(rest) == 1 and all(len(each.shape) > axis and each.shape[axis].fixed for each in given))
    width = Size(sum(each.shape[axis].number for each in given))
    return [Shaped(first.kind, (*first.shape[:axis], width, *first.shape[axis + 1 :]))]


def _dynamic_quantize_linear(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    need(given[0].kind == FLOAT_KIND)
    return [Shaped(STEP_KIND, given[0].shape), Shaped(FLOAT_KIND, ()), Shaped(STEP_KIND, ())]


def _gather(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    table, places = given
    axis = _axis(attributes.get("axis", 0), len(table.shape))
    need(places.kind == INTEGER_KIND)
    content = None
    if table.content is not None and len(table.shape) == 1 and _is_constant(places):
        numbers = [each.number for each in places.content or ()]
        need(all(0 <= each < len(table.content) for each in numbers))
        content = tuple(table.content[each] for each in numbers)
    return [Shaped(table.kind, (*table.shape[:axis], *places.shape, *table.shape[axis + 1 :]), content)]


def _gemm(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    rows, weights, biases = given
    need({each.kind for each in given} == {FLOAT_KIND} and attributes.get("transB") == 1)
    need(len(rows.shape) == len(weights.shape) == 2 and rows.shape[1] == weights.shape[1])
    need(biases.shape == weights.shape[:1])
    return [Shaped(FLOAT_KIND, (rows.shape[0], weights.shape[0]))]


def _layer_normalization(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    shape = given[0].shape
    need(bool(shape) and attributes.get("axis", -1) == -1 and {each.kind for each in given} == {FLOAT_KIND})
    need(all(each.shape == shape[-1:] for each in given[1:]))
    return [Shaped(FLOAT_KIND, shape)]


def _matmul(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    one, other = (each.shape for each in given)
    need({each.kind for each in given} == {FLOAT_KIND} and min(len(one), len(other)) >= 2 and one[-1] == other[-2])
    return [Shaped(FLOAT_KIND, (*_joined(one[:-2], other[:-2]), one[-2], other[-1]))]


def _matmul_integer(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    # The weights have no zero point: theirs is 0.
    rows, weights, zero = given
    need([each.kind for each in given] == [STEP_KIND, BYTE_KIND, STEP_KIND] and zero.shape == ())
    need(len(rows.shape) >= 2 and len(weights.shape) == 2 and rows.shape[-1] == weights.shape[0])
    return [Shaped(SUM_KIND, (*rows.shape[:-1], weights.shape[1]))]


def _range(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    need(all(each.kind == INTEGER_KIND and each.shape == () for each in given))
    need([each.content for each in given] == [(Size(0),), (TEXT_LENGTH,), (UNIT,)])
    return [Shaped(INTEGER_KIND, (TEXT_LENGTH,))]


def _reduce_sum(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    own, axes = given[0], _axes(given[1], len(given[0].shape))
    keeps = attributes.get("keepdims", 1)
    need(own.kind == FLOAT_KIND and keeps in (0, 1))
    shape = [UNIT if at in axes else size for at, size in enumerate(own.shape) if keeps or at not in axes]
    return [Shaped(FLOAT_KIND, tuple(shape))]


def _reshape(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    own, sizes = given[0], _constants(given[1])
    need(all(each > 0 or (each == 0 and at < len(own.shape)) for at, each in enumerate(sizes)))
    made = Shaped(own.kind, tuple(Size(each) if each else own.shape[at] for at, each in enumerate(sizes)))
    need(made.size == own.size)
    return [made]


def _shape(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    return [Shaped(INTEGER_KIND, (Size(len(given[0].shape)),), given[0].shape)]


def _slice(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    table, first, end, axes = given
    need(
        _constants(first) == [0] and _constants(axes) == [0] and end.shape == (UNIT,) and end.content == (TEXT_LENGTH,)
    )
    need(bool(table.shape) and table.shape[0].fixed)
    return [Shaped(table.kind, (TEXT_LENGTH, *table.shape[1:]))]


def _softmax(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    _axis(attributes.get("axis", -1), len(given[0].shape))
    return _each(FLOAT_KIND)(given, attributes)


def _split(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    own, parts = given[0], _constants(given[1])
    axis = _axis(attributes.get("axis", 0), len(own.shape))
    need(bool(parts) and min(parts) > 0 and own.shape[axis] == Size(sum(parts)))
    return [Shaped(own.kind, (*own.shape[:axis], Size(each), *own.shape[axis + 1 :])) for each in parts]


def _squeeze(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    # Without axes, a batch of one text would lose its axis.
    need(all(each.fixed for each in given[0].shape))
    return [given[0]._replace(shape=tuple(each for each in given[0].shape if each != UNIT))]


def _transpose(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    shape, order = given[0].shape, attributes.get("perm", ())
    need(sorted(order) == list(range(len(shape))))
    return [Shaped(given[0].kind, tuple(shape[each] for each in order))]


def _unsqueeze(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    old = iter(given[0].shape)
    count = len(given[0].shape) + len(_constants(given[1]))
    axes = _axes(given[1], count)
    return [Shaped(given[0].kind, tuple(UNIT if at in axes else next(old) for at in range(count)))]


def _where(given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    need([each.kind for each in given] == [BOOLEAN_KIND, FLOAT_KIND, FLOAT_KIND])
    return [Shaped(FLOAT_KIND, _joined(*(each.shape for each in given)))]


_AXIS = {"axis": int}
# A whole number divided by 0 ends the process, so that only floats are divided.
OPERATIONS: Mapping[str, Operation] = {
    "Abs": Operation((1,), _each(INTEGER_KIND, FLOAT_KIND)),
    "Add": Operation((2,), _each(INTEGER_KIND, FLOAT_KIND)),
    "And": Operation((2,), _each(BOOLEAN_KIND)),
    "Cast": Operation((1,), _cast, {"to": int}, kinds=(INTEGER_KIND, BYTE_KIND, HALF_KIND, SUM_KIND)),
    "Concat": Operation((2,), _concat, _AXIS),
    "Div": Operation((2,), _each(FLOAT_KIND)),
    "DynamicQuantizeLinear": Operation((1,), _dynamic_quantize_linear),
    "Erf": Operation((1,), _each(FLOAT_KIND)),
    "Gather": Operation((2,), _gather, _AXIS, kinds=(*USUAL_KINDS, BYTE_KIND, HALF_KIND)),
    "Gemm": Operation((3,), _gemm, {"transB": int}, multiplies=True),
    "LayerNormalization": Operation((2, 3), _layer_normalization, {**_AXIS, "epsilon": float}),
    "LessOrEqual": Operation((2,), _each(INTEGER_KIND, FLOAT_KIND, gives=BOOLEAN_KIND)),
    "MatMul": Operation((2,), _matmul, multiplies=True),
    "MatMulInteger": Operation((3,), _matmul_integer, multiplies=True, kinds=(BYTE_KIND, STEP_KIND)),
    "Max": Operation((2,), _each(FLOAT_KIND)),
    "Mul": Operation((2,), _each(INTEGER_KIND, FLOAT_KIND)),
    "Neg": Operation((1,), _each(FLOAT_KIND)),
    "Range": Operation((3,), _range),
    "ReduceSum": Operation((2,), _reduce_sum, {"keepdims": int}),
    "Relu": Operation((1,), _each(FLOAT_KIND)),
    "Reshape": Operation((2,), _reshape),
    "Shape": Operation((1,), _shape),
    "Sigmoid": Operation((1,), _each(FLOAT_KIND)),
    "Slice": Operation((4,), _slice, kinds=(*USUAL_KINDS, HALF_KIND)),
    "Softmax": Operation((1,), _softmax, _AXIS),
    "Split": Operation((2,), _split, _AXIS),
    "Squeeze": Operation((1,), _squeeze),
    "Sub": Operation((2,), _each(INTEGER_KIND, FLOAT_KIND)),
    "Tanh": Operation((1,), _each(FLOAT_KIND)),
    "Transpose": Operation((1,), _transpose, {"perm": tuple}),
    "Unsqueeze": Operation((2,), _unsqueeze),
    "Where": Operation((3,), _where),
}
