"""What each operation of a packed transformer makes of its inputs, within bounds on sizes.

`Slice` gives at most what is said here, if its table is short; all other operations give as much or, where inputs
then do not fit, fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunetext.runtime.onnx_operations import MOST_AXES, OPERATIONS, MisfitError, need
from prunetext.runtime.onnx_sizes import HALF_KIND, Shaped, Size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Numbers of one result for each text, for each token, and for each pair of tokens of a text. The largest encoders have
# 64 heads and 16,384 neurons in a layer, and nobody tells 65,536 labels apart. Tables of words may be larger: they are
# not made, but lie in the file. With 4,096 tokens in a batch, a result takes at most half a gigabyte for its tokens.
LARGEST_RESULT = (1 << 16, 1 << 15, 1 << 7)


def results_of(name: str, given: Sequence[Shaped], attributes: Mapping[str, Any]) -> list[Shaped]:
    """What an operation gives; ValueError if it is unknown, its inputs do not fit, or its results would be too large.

    >>> from prunetext.runtime.onnx_sizes import FLOAT_KIND, TEXT_LENGTH, UNIT
    >>> results_of("Add", [Shaped(FLOAT_KIND, (Size(1), Size(3))), Shaped(FLOAT_KIND, (TEXT_LENGTH, UNIT))], {})[0].size
    Size(number=3, texts=0, tokens=1)
    """
    known = OPERATIONS.get(name)
    if known is None:
        raise ValueError("its graph has an operation that no packed transformer has")
    for key, value in attributes.items():
        if known.attributes.get(key) is not type(value):
            raise ValueError(f"its graph has an attribute that no {name} has in a packed transformer")
    try:
        need(len(given) in known.inputs and all(each.kind in known.kinds for each in given))
        found = known.results(given, attributes)
    except MisfitError:
        raise ValueError(f"its graph has inputs that do not fit {name}") from None
    for each in found:
        size = each.size
        fits = size.texts <= 1 and size.tokens < len(LARGEST_RESULT) and len(each.shape) <= MOST_AXES
        if not fits or (size.number > LARGEST_RESULT[size.tokens] and not unpacks(name, given)):
            raise ValueError(f"its graph has results of {name} that are too large")
    return found


def multiplications_of(name: str, given: Sequence[Shaped], made: Shaped) -> Size:
    """How many pairs of numbers an operation multiplies: those of products of matrices, which take the time.

    >>> from prunetext.runtime.onnx_sizes import FLOAT_KIND, TEXT_LENGTH
    >>> rows, made = (Shaped(FLOAT_KIND, (TEXT_LENGTH, Size(width))) for width in (8, 3))
    >>> multiplications_of("MatMul", [rows], made)
    Size(number=24, texts=0, tokens=1)
    """
    return made.size * given[0].shape[-1] if OPERATIONS[name].multiplies else Size(0)


def unpacks(name: str, given: Sequence[Shaped]) -> bool:
    """Whether an operation makes float32 of a tensor of the file that has float16, and is as large as that.

    >>> unpacks("Cast", [Shaped(HALF_KIND, (Size(384), Size(384)))])
    True
    """
    return name == "Cast" and given[0].kind == HALF_KIND and given[0].size.fixed
