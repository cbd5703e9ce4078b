"""Groups of removable units, described without any layer type or criterion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

Kept = Mapping[str, npt.NDArray[np.bool_]]  # group name → which of its units are kept, shape (size,)
Tensors = dict[str, Tensor]
Cost = Callable[[Kept], float]  # what is kept of all groups → how much of a resource it takes
UnitCost = Callable[[Kept], npt.NDArray[np.float64]]  # the same → what each unit of one group takes, shape (size,)

BYTES, TIME = "bytes", "time"  # resources: of the packed file, and what a token takes


class Slice(NamedTuple):
    """The place of a group's units in one parameter.

    >>> Slice("conv3.weight", axes=(0,))          # unit i is row i
    Slice(parameter='conv3.weight', axes=(0,), offset=0, width=1)

    Unit i owns the block [offset + i·width, offset + (i + 1)·width) of the flattened axes. Rows before the
    offset (padding, unknown) and after the last unit belong to no unit of this slice and stay.
    """

    parameter: str
    axes: tuple[int, ...]
    offset: int = 0
    width: int = 1


class Group(NamedTuple):
    """A set of like units that can be removed, wherever in the model their weights are.

    >>> Group("heads", 2, (Slice("query.weight", (0,), width=64),), "heads", "layer 0", {}).floor
    1

    `kind` is what people choose groups by, `layer` where it lies. `costs` has for each resource how much of it each
    unit takes, given what is kept of all groups; it is asked again at each step, since a word costs the dimensions
    kept and the reverse. A unit that costs nothing as things stand is not removed, and a resource that is missing is
    one of which a removal saves nothing. `floor` is the number of units that always survive.

    A removed unit's weights are zero, or what `without` gives for the parameter of the only slice, from the tensors of
    the model: a removed word is the unknown word, a coarser one is rounded. Where `cut` is true, shrinking cuts the
    units out. Where `sparse` is true, units are single weights, and those that are zero stay zero in training.
    """

    name: str
    size: int
    slices: tuple[Slice, ...]
    kind: str
    layer: str
    costs: Mapping[str, UnitCost]
    floor: int = 1
    without: Callable[[Mapping[str, Tensor]], Tensor] | None = None
    cut: bool = True
    sparse: bool = False
