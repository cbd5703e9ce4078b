"""The costs of a TextCNN in packed bytes and in additions, as a whole and for each removable unit."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from prunetext.models.groups import Kept
from prunetext.models.textcnn.bits import COARSER
from prunetext.models.textcnn.layout import UNKNOWN, WORDS, Layers

Flags = npt.NDArray[np.bool_]
UnitNumbers = npt.NDArray[Any]

HEADER_BYTES = 2000.0
LIST_BYTES = 280.0  # of a list of bigrams: its entries in the header
BIGRAM_BYTES = 3.6  # the two words of a bigram, in that list (measured: 3.0 to 4.1)
WORD_BYTES = 3.5  # a word's string in the compressed vocabulary, on average (measured: 3.0 to 3.9 on the data of docs/)


class Costs:
    """Counts the kept units of a model; costs depend on nothing else."""

    def __init__(self, model: Layers) -> None:
        self.model, self.shape = model, model.shape
        self.bits = model.bits[WORDS:].numpy()

    @cached_property
    def zeros(self) -> dict[str, Flags]:
        """Which single weights are zero, flat, by parameter; only asked for costs, since it reads all weights."""
        weights = {name: self.model.get_parameter(name).detach()[first_row(name) :] for name in self.weighty()}
        return {name: (each == 0).numpy().ravel() for name, each in weights.items()}

    @cached_property
    def sparse(self) -> set[str]:
        """The parameters that have such zeros."""
        return {name for name, places in self.zeros.items() if places.any()}

    def weighty(self) -> list[str]:
        """Parameters of which single weights may be removed."""
        return ["embedding", *(f"conv{width}.weight" for width in self.model.widths)]

    def words(self, kept: Kept) -> Flags:
        """Which words are kept."""
        return kept.get("vocabulary", np.ones(self.shape.words, bool))

    def dimensions(self, kept: Kept) -> Flags:
        """Which dimensions are kept."""
        return kept.get("dimensions", np.ones(self.shape.dimensions, bool))

    def filters(self, kept: Kept, width: int) -> Flags:
        """Which filters of a width are kept."""
        return kept.get(f"conv{width}.filters", np.ones(self.shape.filters[width], bool))

    def taps(self, kept: Kept, width: int) -> Flags:
        """Which taps of a width's filters are within the filter that is left, shape (filters, width)."""
        name = f"conv{width}.taps"
        if name not in kept:
            return np.ones((self.shape.filters[width], width), bool)
        taps = kept[name].reshape(-1, width)
        return np.logical_or.accumulate(taps, 1) & np.logical_or.accumulate(taps[:, ::-1], 1)[:, ::-1]

    def row_bits(self, kept: Kept) -> UnitNumbers:
        """Bits of each word's numbers."""
        bits = self.bits
        for fine in COARSER:
            name = f"embedding.{fine}bit"
            if name in kept:
                bits = np.where(~kept[name] & (bits == fine), fine // 2, bits)
        return bits

    def table_rows(self, kept: Kept) -> int:
        """Taps of all filters."""
        return sum(int(self.taps(kept, width)[self.filters(kept, width)].sum()) for width in self.model.widths)

    def bigrams(self, kept: Kept) -> Flags:
        """Which bigrams are kept."""
        return kept.get("bigrams", np.ones(self.model.bigram_sizes[0], bool))

    def special_rows(self) -> float:
        """Vectors that stand for no word of the vocabulary, without the padding's, which is in no file."""
        return float(sum(len(each) for each in self.model.vectors()) - self.shape.words - UNKNOWN)

    def filter_bytes(self) -> float:
        """What a filter takes besides its taps: bias, scales, and its columns of the head."""
        return 4.0 * (3 + self.model.columns * self.shape.classes)

    def vocabulary_cost(self, kept: Kept) -> UnitNumbers:
        """Bytes of each word."""
        costs: UnitNumbers = self.dimensions(kept).sum() * self.row_bits(kept) / 8 + WORD_BYTES
        return costs

    def bigram_cost(self, kept: Kept) -> UnitNumbers:
        """Bytes of each bigram."""
        count, columns = self.model.bigram_sizes
        return np.full(count, BIGRAM_BYTES + columns)

    def dimension_cost(self, kept: Kept) -> UnitNumbers:
        """Bytes of each dimension."""
        rows = self.row_bits(kept)[self.words(kept)].sum() / 8
        return np.full(self.shape.dimensions, self.special_rows() + rows + self.table_rows(kept))

    def filter_cost(self, kept: Kept, width: int) -> UnitNumbers:
        """Bytes of each filter of a width."""
        found: UnitNumbers = self.taps(kept, width).sum(1) * float(self.dimensions(kept).sum()) + self.filter_bytes()
        return found

    def filter_work(self, kept: Kept, width: int) -> UnitNumbers:
        """Additions of each filter of a width."""
        found: UnitNumbers = self.taps(kept, width).sum(1).astype(float)
        return found

    def tap_edges(self, kept: Kept, width: int) -> Flags:
        """Which taps are the first or the last of a filter that keeps another one, shape (filters·width,)."""
        taps = self.taps(kept, width)
        outside = np.pad(~taps, ((0, 0), (1, 1)), constant_values=True)
        edges = taps & (outside[:, :-2] | outside[:, 2:]) & (taps.sum(1) > 1)[:, None]
        # A filter with two taps left can lose only one.
        edges[taps.sum(1) == 2] &= np.cumsum(edges[taps.sum(1) == 2], 1) == 1
        found: Flags = (edges & self.filters(kept, width)[:, None]).ravel()
        return found

    def tap_cost(self, kept: Kept, width: int) -> UnitNumbers:
        """Bytes of each tap; only one at an edge saves any."""
        found: UnitNumbers = self.tap_edges(kept, width) * float(self.dimensions(kept).sum())
        return found

    def tap_work(self, kept: Kept, width: int) -> UnitNumbers:
        """Additions of each tap."""
        return self.tap_edges(kept, width).astype(float)

    def weight_cost(self, kept: Kept, name: str) -> UnitNumbers:
        """Bytes of each single weight that is not zero yet and lies in what is kept."""
        there = self.present(kept, name) & ~self.zeros[name]
        found: UnitNumbers = there * self.bytes_each(kept, name)
        return found

    def bytes_each(self, kept: Kept, name: str) -> UnitNumbers | float:
        """Bytes of each single weight of a parameter that is not zero."""
        if name != "embedding" or ((self.bits == COARSER[0]).all() and "embedding.8bit" not in kept):
            return 1.0
        return np.repeat(self.row_bits(kept) / 8, self.shape.dimensions)

    def present(self, kept: Kept, name: str) -> Flags:
        """Which single weights lie in rows, dimensions and filters that are kept, flat."""
        if name == "embedding":
            rows = self.words(kept)
        else:
            width = int(name[4 : name.index(".")])
            rows = (self.filters(kept, width)[:, None] & self.taps(kept, width)).ravel()
        return (rows[:, None] & self.dimensions(kept)).ravel()

    def bits_cost(self, kept: Kept, fine: int) -> UnitNumbers:
        """Bytes that each word saves that goes from `fine` bits to half of them."""
        fits = (self.row_bits(kept) == fine) & self.words(kept)
        found: UnitNumbers = fits * float(self.dimensions(kept).sum()) * fine / 16
        return found

    def packed_bytes(self, kept: Kept) -> float:
        """Estimated bytes of the packed file of what is kept."""
        words, dimensions = self.words(kept), int(self.dimensions(kept).sum())
        filters = sum(int(self.filters(kept, width).sum()) for width in self.model.widths)
        rows = self.special_rows() + self.row_bits(kept)[words].sum() / 8 + self.table_rows(kept)
        total = HEADER_BYTES + dimensions * rows + WORD_BYTES * words.sum() + self.filter_bytes() * filters
        listed, columns = self.model.bigram_sizes
        total += LIST_BYTES * bool(listed) + (BIGRAM_BYTES + columns) * self.bigrams(kept).sum()
        for name in self.weighty():
            if name not in self.sparse and f"{name}.single" not in kept:
                continue
            gone = self.zeros[name]
            if f"{name}.single" in kept:
                gone = gone | ~kept[f"{name}.single"]
            present = self.present(kept, name)
            saved = float(((gone & present) * self.bytes_each(kept, name)).sum())
            total -= max(0.0, saved - present.sum() / 8)  # a map of one bit a weight tells where the zeros are
        return float(total)

    def counts(self) -> dict[str, int]:
        """The number of units of each kind, in the order of its kinds; bits are those of all words' vectors."""
        weights = sum(places.size - places.sum() for places in self.zeros.values())
        return {
            "vocabulary": self.shape.words,
            "bigrams": self.model.bigram_sizes[0],
            "dimensions": self.shape.dimensions,
            "filters": sum(self.shape.filters.values()),
            "taps": self.table_rows({}),
            "weights": int(weights),
            "bits": int(self.bits.astype(int).sum()) * self.shape.dimensions,
        }


def first_row(name: str) -> int:
    """The first row of a parameter that can change: the embedding's first rows stand for no word."""
    return WORDS if name == "embedding" else 0
