"""What may be removed from a model, in terms that neither a layer type nor a criterion enters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Kept = Mapping[str, npt.NDArray[np.bool_]]  # group name → which of its units are kept, shape (size,)


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
    shape (size,); it is asked again at each step, since a word costs the dimensions kept and the reverse.
    `floor` is the number of units that always survive. Removed units are zero, unless `redirect` names a buffer
    of the model that maps rows to rows: then they are the row before the first unit (a removed word is the
    unknown word).
    """

    name: str
    size: int
    slices: tuple[Slice, ...]
    cost: Callable[[Kept], npt.NDArray[np.float64]]
    floor: int = 1
    redirect: str | None = None
