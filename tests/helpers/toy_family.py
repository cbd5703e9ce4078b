"""The smallest family of models: a bag of embeddings, one hidden layer, and a head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from prunetext.models.groups import BYTES, TIME, Cost, Group, Kept, Slice, Tensors
from prunetext.models.protocol import BODY, HEAD, TABLE, Family, Model, Packing, Trained

UNKNOWN, WORDS = 1, 2  # ids: 0 is padding, then the unknown word, then words
KINDS = {"vocabulary": "words", "neurons": "of the hidden layer", "weights": "single ones of the hidden layer"}


class Bag(Model):
    """The mean of a text's vectors, a hidden layer with ReLU, and a head."""

    kinds = KINDS
    lead: Tensor

    def __init__(self, words: int, dimensions: int = 6, neurons: int = 8, classes: int = 2) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(words + WORDS, dimensions))
        self.hidden, self.head = nn.Linear(dimensions, neurons), nn.Linear(neurons, classes)
        self.register_buffer("lead", torch.arange(words + WORDS))  # the row of each id

    def forward(self, ids: Tensor) -> Tensor:
        inside = (ids != 0)[..., None]
        mean = (self.table[self.lead[ids]] * inside).sum(1) / inside.sum(1).clamp(min=1)
        found: Tensor = self.head(torch.relu(self.hidden(mean)))
        return found

    @property
    def classes(self) -> int:
        return self.head.out_features

    def parts(self) -> dict[str, str]:
        named = {"table": TABLE, "hidden": BODY, "head": HEAD}
        return {name: named[name.partition(".")[0]] for name, _ in self.named_parameters()}

    def sizes(self, kept: Kept) -> tuple[int, int, int]:
        """Words, neurons and single weights that are left."""
        rows = kept.get("vocabulary", np.ones(len(self.table) - WORDS, bool))
        neurons = kept.get("neurons", np.ones(len(self.hidden.bias), bool))
        single = (self.hidden.weight.detach() != 0).numpy() & neurons[:, None]
        if "weights" in kept:
            single &= kept["weights"].reshape(single.shape)
        return int(rows.sum()), int(neurons.sum()), int(single.sum())

    def bytes_of(self, kept: Kept) -> float:
        words, neurons, single = self.sizes(kept)
        return 200.0 + 4 * (self.table.shape[1] * words + (1 + self.classes) * neurons + single)

    def costs(self) -> dict[str, Cost]:
        return {BYTES: self.bytes_of, TIME: lambda kept: float(self.sizes(kept)[1])}

    def counts(self) -> dict[str, int]:
        return dict(zip(KINDS, self.sizes({}), strict=True))

    def groups(self, kinds: Sequence[str]) -> tuple[Group, ...]:
        neurons, dimensions = self.hidden.weight.shape
        there = (self.hidden.weight.detach() != 0).numpy().ravel()
        row = (Slice("table", (0,), offset=WORDS),)
        layer = (Slice("hidden.weight", (0,)), Slice("hidden.bias", (0,)), Slice("head.weight", (1,)))
        words = len(self.table) - WORDS
        each = 4.0 * (dimensions + 1 + self.classes)

        def single(kept: Kept) -> np.ndarray:
            return 4.0 * (there & np.repeat(kept.get("neurons", np.ones(neurons, bool)), dimensions))

        found = (
            Group(
                "vocabulary",
                words,
                row,
                "vocabulary",
                "table",
                {BYTES: lambda kept: np.full(words, 4.0 * dimensions)},
                without=lambda tensors: tensors["table"][UNKNOWN].expand_as(tensors["table"]),
            ),
            Group(
                "neurons",
                neurons,
                layer,
                "neurons",
                "hidden",
                {BYTES: lambda kept: np.full(neurons, each), TIME: lambda kept: np.ones(neurons)},
            ),
            Group(
                "weights",
                neurons * dimensions,
                (Slice("hidden.weight", (0, 1)),),
                "weights",
                "hidden",
                {BYTES: single},
                cut=False,
                sparse=True,
            ),
        )
        return tuple(group for group in found if group.kind in kinds)

    def rebuild(self, tensors: Mapping[str, Tensor]) -> Self:
        neurons, dimensions = tensors["hidden.weight"].shape
        same = type(self)(len(tensors["table"]) - WORDS, dimensions, neurons, len(tensors["head.bias"]))
        same.lead = tensors["lead"].clone()
        same.load_state_dict(dict(tensors))
        return same

    def after_removal(self, tensors: Tensors, kept: Kept) -> None:
        if "vocabulary" in kept:
            rows = torch.arange(len(tensors["table"]))
            rows[WORDS:][torch.from_numpy(~kept["vocabulary"])] = UNKNOWN
            tensors["lead"] = rows[tensors["lead"]]

    def after_cut(self, tensors: Tensors, places: Mapping[tuple[str, int], Tensor], kept: Kept) -> None:
        if (rows := places.get(("table", 0))) is not None:
            now = torch.zeros(len(self.table), dtype=torch.int64).index_copy_(0, rows, torch.arange(len(rows)))
            tensors["lead"] = now[tensors["lead"]]


def _never(*_: Any) -> Any:
    raise NotImplementedError


def _size(trained: Trained, packing: Packing) -> int:
    return round(trained.model.costs()[BYTES]({}))


family = Family(
    "bag",
    KINDS,
    ("vocabulary", "neurons"),
    "magnitude",
    ("neurons",),
    *[_never] * 7,
    _size,
    _never,
    _never,
    "bag",
    ("int8",),
    _never,
    {},
    None,
    taught=False,
    timed=8,
)
