"""What attention and neurons of a layer take, by how many of them there are: a measured table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from prunetext.models.groups import TIME, Cost, Group, Kept
from prunetext.models.protocol import Model
from prunetext.models.transformer.grouping import Weights, kept_of
from prunetext.models.transformer.model import TextEncoder

# ONNX Runtime's products of int8 take 16 columns at once: between two multiples, a measured time hardly changes.
COLUMNS_AT_ONCE = 16
_MOST_ROWS, _LARGEST = 512, 1e15  # of a table that is read; nanoseconds of a text

TimeRows = tuple[tuple[int, float], ...]  # a count of units, from the smallest, and what so many take


class TimeTable(NamedTuple):
    """The nanoseconds that parts of a transformer take of a text, on one thread.

    >>> table = TimeTable(384, heads=((1, 2e5), (12, 5e5)), neurons=((16, 1e5), (1536, 4e5)), outside=1e6)
    >>> interpolated(table.neurons, 776), slope(table.heads, 12) * 11
    (250000.0, 300000.0)

    hidden: dimensions of the models that it is about. heads, neurons: of one layer, with the norm that belongs to them;
    between two rows, time is interpolated. outside: what a text takes besides its layers. Times are so small that all
    of them must be of one unit in which they are large: a search counts in whole ones.
    """

    hidden: int
    heads: TimeRows
    neurons: TimeRows
    outside: float = 0.0

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> TimeTable:
        """A table of what `fields` gives; ValueError if that is none.

        >>> TimeTable.of({"hidden": 8, "heads": [[1, 2.0]], "neurons": [[16, 3.0], [32, 4.0]], "outside": 1.5}).neurons
        ((16, 3.0), (32, 4.0))
        """
        if not isinstance(values, Mapping) or values.keys() != set(cls._fields):
            raise ValueError("it is no table of times")
        hidden, outside = values["hidden"], values["outside"]
        if type(hidden) is not int or hidden < 1 or not _is_time(outside):
            raise ValueError("its sizes are impossible")
        return cls(hidden, checked_rows(values["heads"]), checked_rows(values["neurons"]), float(outside))

    def fields(self) -> Mapping[str, Any]:
        """Plain values, for JSON."""
        return self._asdict()

    def fits(self, model: Model) -> bool:
        """Whether it is about models of this one's hidden size."""
        return isinstance(model, TextEncoder) and model.head.in_features == self.hidden

    def cost(self, model: Model) -> Cost:
        """The time of a text."""
        weights = cast(TextEncoder, model).weights()
        return lambda kept: (
            self.outside
            + sum(self.of_layer(weights, kept, layer) for layer in weights.layers if stays(weights, kept, layer))
        )

    def of_layer(self, weights: Weights, kept: Kept, layer: str) -> float:
        """The time of a layer with these heads and neurons."""
        heads = kept_of(kept, f"layers.{layer}.heads", weights.heads(layer))
        neurons = kept_of(kept, f"layers.{layer}.neurons", weights.neurons(layer))
        return interpolated(self.heads, heads) + interpolated(self.neurons, neurons)

    def groups(self, model: Model, groups: Sequence[Group]) -> tuple[Group, ...]:
        """The groups with measured costs in time; of other kinds than layers, heads and neurons, none is known."""
        weights = cast(TextEncoder, model).weights()
        makers = {"layers": self._of_layers, "heads": self._of_units, "neurons": self._of_units}
        found = []
        for group in groups:
            costs = {name: cost for name, cost in group.costs.items() if name != TIME}
            if group.kind in makers:
                costs[TIME] = partial(makers[group.kind], weights, group)
            found.append(group._replace(costs=costs))
        return tuple(found)

    def covers(self, groups: Sequence[Group]) -> bool:
        """Whether none is of dimensions, which all layers share: what a layer takes with fewer of them is not known."""
        return all(group.kind != "hidden" for group in groups)

    def _of_layers(self, weights: Weights, group: Group, kept: Kept) -> npt.NDArray[np.float64]:
        """What each layer takes."""
        return np.array([self.of_layer(weights, kept, layer) for layer in weights.layers], float)

    def _of_units(self, weights: Weights, group: Group, kept: Kept) -> npt.NDArray[np.float64]:
        """What each head, or neuron, of a layer takes, with as many of them as are kept now."""
        layer = group.name.split(".")[1]
        rows = self.heads if group.kind == "heads" else self.neurons
        one = slope(rows, kept_of(kept, group.name, group.size)) if stays(weights, kept, layer) else 0.0
        return np.full(group.size, one)

    def multiple(self, group: Group) -> int:
        """The number of whose multiples a group should keep."""
        return COLUMNS_AT_ONCE if group.kind == "neurons" else 1

    def completed(self, model: Model, seconds: float) -> TimeTable:
        """The same table, with the time outside of layers, if a text takes the whole model so many seconds."""
        layers = self._replace(outside=0.0).cost(model)({})
        return self._replace(outside=max(0.0, 1e9 * seconds - layers))


def stays(weights: Weights, kept: Kept, layer: str) -> bool:
    """Whether a layer is kept."""
    return bool(kept["layers"][weights.layers.index(layer)]) if "layers" in kept else True


def interpolated(rows: TimeRows, count: int) -> float:
    """The time of so many units; fewer than the first row has take as long as that, more than the last as well.

    >>> interpolated(((16, 3.0), (32, 5.0)), 20), interpolated(((16, 3.0), (32, 5.0)), 4)
    (3.5, 3.0)
    """
    counts, times = zip(*rows, strict=True)
    return float(np.interp(count, counts, times))


def slope(rows: TimeRows, count: int) -> float:
    """What one of so many units saves, if as many go as save most for each of them.

    >>> slope(((16, 3.0), (32, 3.0), (48, 5.0)), 48), slope(((16, 3.0), (32, 3.0), (48, 5.0)), 32)
    (0.125, 0.0)

    Where the table is level, one unit alone would save nothing, and a search would never come to the next step down.
    """
    now = interpolated(rows, count)
    return max(((now - time) / (count - fewer) for fewer, time in rows if fewer < count), default=0.0)


def monotone(rows: Sequence[tuple[int, float]]) -> TimeRows:
    """The nearest rows of which none takes less than one of fewer units (least squares).

    >>> monotone([(1, 2.0), (2, 4.0), (3, 3.0)])
    ((1, 2.0), (2, 3.5), (3, 3.5))

    Source: Ayer et al. 1955, "An empirical distribution function for sampling with incomplete information": neighbours
    that violate the order share their mean.
    """
    pools: list[list[float]] = []  # sum and number of each pool
    for _, time in sorted(rows):
        pools.append([time, 1])
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] > pools[-1][0] / pools[-1][1]:
            total, count = pools.pop()
            pools[-1][0] += total
            pools[-1][1] += count
    levels = [total / count for total, count in pools for _ in range(int(count))]
    return tuple((count, level) for (count, _), level in zip(sorted(rows), levels, strict=True))


def checked_rows(values: Any) -> TimeRows:
    """Rows from a file; ValueError unless their counts rise and their times do not fall."""
    if not isinstance(values, (list, tuple)) or not 1 <= len(values) <= _MOST_ROWS:
        raise ValueError("its rows are none")
    for row in values:
        if not (isinstance(row, (list, tuple)) and len(row) == 2 and type(row[0]) is int and _is_time(row[1])):
            raise ValueError("its rows are not counts and times")
    counts, times = [row[0] for row in values], [float(row[1]) for row in values]
    rising = all(low < high for low, high in pairwise(counts))
    if counts[0] < 1 or not rising or times != sorted(times) or not times[-1] > 0:
        raise ValueError("its rows do not rise")
    return tuple(zip(counts, times, strict=True))


def _is_time(value: Any) -> bool:
    """Whether a value of a file is a possible time."""
    return type(value) in (int, float) and math.isfinite(value) and 0 <= value <= _LARGEST
