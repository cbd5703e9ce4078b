"""What may be removed from a model, in terms that neither a layer type nor a criterion enters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

Kept = Mapping[str, npt.NDArray[np.bool_]]  # group name → which of its units are kept, shape (size,)
Tensors = dict[str, Tensor]

KINDS = {
    "vocabulary": "words; a removed word becomes the unknown word",
    "dimensions": "dimensions of the word vectors",
    "filters": "filters of each convolution",
    "taps": "taps at the edges of filters, which become narrower",
    "weights": "single weights, whose zeros take hardly any bytes in the packed file",
    "precision": "the finer bits of a word's vector, of which it has 8, then 4, then 2",
}


class Slice(NamedTuple):
    """Where the units of a group lie in one parameter.

    >>> Slice("conv3.weight", axes=(0,))          # unit i is row i
    Slice(parameter='conv3.weight', axes=(0,), offset=0, width=1)

    Unit i owns the block [offset + i·width, offset + (i + 1)·width) of the flattened axes. Rows before the
    offset (padding, unknown) and behind the last unit belong to no unit of this slice and stay.
    """

    parameter: str
    axes: tuple[int, ...]
    offset: int = 0
    width: int = 1


class Group(NamedTuple):
    """A set of like units that may be removed, wherever in the model their weights lie.

    `cost` maps what is kept of all groups to the bytes that each unit of this group takes in the packed file,
    shape (size,); it is asked again at each step, since a word costs the dimensions kept and the reverse. A unit that
    costs nothing as things stand is not removed. `work` is the same for the additions that a token takes, None where
    a removal saves none. `floor` is the number of units that always survive.

    A removed unit's weights are zero, or what `without` gives for the parameter of the only slice: a removed word is
    the unknown word, a coarser one is rounded. `also` changes buffers with it, given all tensors and the removed units.
    Where `cut` is true, shrinking cuts the units out; `finish` ends it, given the tensors that are left.
    """

    name: str
    size: int
    slices: tuple[Slice, ...]
    cost: Callable[[Kept], npt.NDArray[np.float64]]
    kind: str = ""
    work: Callable[[Kept], npt.NDArray[np.float64]] | None = None
    floor: int = 1
    without: Callable[[], Tensor] | None = None
    also: Callable[[Tensors, npt.NDArray[np.int64]], None] | None = None
    cut: bool = True
    finish: Callable[[Tensors], None] | None = None
