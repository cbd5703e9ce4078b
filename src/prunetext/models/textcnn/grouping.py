"""The groups of removable units of a TextCNN."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from prunetext.models.groups import BYTES, TIME, Group, Kept, Slice, Tensors
from prunetext.models.textcnn.bits import COARSER, coarse
from prunetext.models.textcnn.costs import Costs, first_row
from prunetext.models.textcnn.layout import UNKNOWN, WORDS, Layers

TEXTCNN_KINDS = {
    "vocabulary": "words; a removed word becomes the unknown word",
    "bigrams": "two words in a row with weights of their own",
    "dimensions": "dimensions of the word vectors",
    "filters": "filters of each convolution",
    "taps": "taps at the edges of filters, which become narrower",
    "weights": "single weights, whose zeros take hardly any bytes in the packed file",
    "bits": "the finer bits of a word's vector, of which it has 8, then 4, then 2",
}
STRUCTURE = ("vocabulary", "bigrams", "dimensions", "filters")  # the kinds that are pruned unless others are asked for
FASTER = ("filters", "taps")  # the kinds whose removal saves additions


def groups_of(model: Layers, tables: Sequence[str], kinds: Sequence[str]) -> tuple[Group, ...]:
    """The groups of these kinds; tables: the parameters that hold vectors, the words' first."""
    costs = Costs(model)
    makers: dict[str, Callable[[], Iterable[Group]]] = {
        "vocabulary": lambda: _vocabulary(costs),
        "bigrams": lambda: _bigrams(costs),
        "dimensions": lambda: _dimensions(costs, tables),
        "filters": lambda: _filters(costs),
        "taps": lambda: _taps(costs),
        "weights": lambda: _weights(costs),
        "bits": lambda: _bits(costs),
    }
    return tuple(group for kind, make in makers.items() if kind in kinds for group in make())


def _vocabulary(costs: Costs) -> Iterable[Group]:
    yield Group(
        "vocabulary",
        costs.shape.words,
        (Slice("embedding", (0,), offset=WORDS),),
        "vocabulary",
        "embedding",
        {BYTES: costs.vocabulary_cost},
        without=as_unknown,
    )


def _bigrams(costs: Costs) -> Iterable[Group]:
    if count := costs.model.bigram_sizes[0]:
        slices = (Slice("bigrams", (0,)),)
        yield Group("bigrams", count, slices, "bigrams", "bigrams", {BYTES: costs.bigram_cost}, floor=0)


def _dimensions(costs: Costs, tables: Sequence[str]) -> Iterable[Group]:
    vectors = (Slice(name, (1,)) for name in tables)
    slices = (*vectors, *(Slice(f"conv{width}.weight", (2,)) for width in costs.model.widths))
    yield Group("dimensions", costs.shape.dimensions, slices, "dimensions", "embedding", {BYTES: costs.dimension_cost})


def _filters(costs: Costs) -> Iterable[Group]:
    first, total = 0, sum(costs.shape.filters.values())
    for width, count in costs.shape.filters.items():
        heads = tuple(Slice("head.weight", (1,), offset=first + block * total) for block in range(costs.model.columns))
        slices = (Slice(f"conv{width}.weight", (0,)), Slice(f"conv{width}.bias", (0,)), *heads)
        each = {BYTES: partial(costs.filter_cost, width=width), TIME: partial(costs.filter_work, width=width)}
        yield Group(f"conv{width}.filters", count, slices, "filters", f"conv{width}", each)
        first += count


def _taps(costs: Costs) -> Iterable[Group]:
    for width, count in costs.shape.filters.items():
        if width > 1:
            slices = (Slice(f"conv{width}.weight", (0, 1)),)
            each = {BYTES: partial(costs.tap_cost, width=width), TIME: partial(costs.tap_work, width=width)}
            yield Group(f"conv{width}.taps", count * width, slices, "taps", f"conv{width}", each, cut=False)


def _weights(costs: Costs) -> Iterable[Group]:
    for name in costs.weighty():
        tensor = costs.model.get_parameter(name)
        offset = first_row(name) * tensor.shape[-1]
        slices = (Slice(name, tuple(range(tensor.dim())), offset=offset),)
        each = {BYTES: partial(costs.weight_cost, name=name)}
        layer = name.partition(".")[0]
        yield Group(f"{name}.single", tensor.numel() - offset, slices, "weights", layer, each, cut=False, sparse=True)


def _bits(costs: Costs) -> Iterable[Group]:
    for fine in COARSER:
        yield Group(
            f"embedding.{fine}bit",
            costs.shape.words,
            (Slice("embedding", (0,), offset=WORDS),),
            "bits",
            "embedding",
            {BYTES: partial(costs.bits_cost, fine=fine)},
            floor=0,
            without=partial(coarser, bits=fine // 2),
            cut=False,
        )


def as_unknown(tensors: Mapping[str, Tensor]) -> Tensor:
    """Every word as the unknown one."""
    return tensors["embedding"][UNKNOWN].expand_as(tensors["embedding"])


def coarser(tensors: Mapping[str, Tensor], bits: int) -> Tensor:
    """Every word's vector with so many bits."""
    return coarse(tensors["embedding"], bits)


def redirect(tensors: Tensors, kept: Kept) -> None:
    """Send the ids of removed words to the unknown word."""
    if "vocabulary" in kept:
        rows = torch.arange(len(tensors["embedding"]))
        rows[WORDS:][torch.from_numpy(~kept["vocabulary"])] = UNKNOWN
        tensors["remap"] = rows[tensors["remap"]]


def coarsen(tensors: Tensors, kept: Kept) -> None:
    """Note which words have half the bits that they had."""
    for fine in COARSER:
        if (name := f"embedding.{fine}bit") in kept:
            bits = tensors["bits"].clone()
            own = bits[WORDS:]
            gone = torch.from_numpy(~kept[name]) & (own == fine)
            own[gone] = fine // 2
            tensors["bits"] = bits
