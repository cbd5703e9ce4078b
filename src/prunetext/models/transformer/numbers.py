"""The numbers of a packed transformer's parts: int8 with scales, float16 or float32."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

NUMBER_FORMATS = ("int8", "float16", "float32")  # the smallest first
# Weights are multiplied by activations of 0 to 255. Processors without VNNI add two such products in 16 bits, where 8
# bits of a weight would overflow; with 7 bits, all processors give the same sums.
MOST_OF_WEIGHT = 63
MOST_OF_ROW = 127  # of a vector of a word, which is multiplied by its scale alone
WORDS_PART = "words"
HALVES = ("positions", "spread", "project")  # what goes with the words: has float16 where they have int8
_ATTENTION_PARTS = ("query", "key", "value", "out")
_OF_LAYER = re.compile(r"(layers\.\d+)\.(query|key|value|out|inner|gate|outer)\.")
# Outliers make the steps of all other numbers long: cutting them off can lower the error.
CLIPS = (1.0, *np.arange(0.96, 0.5, -0.04).round(2).tolist())
UNCLIPPED = (1.0,)
STEPS_OF_ACTIVATION = 255

Reals = npt.NDArray[np.float32]


class IntegerRows(NamedTuple):
    """Rows of whole numbers, and what each row is to be multiplied by."""

    values: npt.NDArray[np.int8]
    scales: Reals

    def floats(self) -> Reals:
        """The rows that these numbers stand for."""
        return self.values.astype(np.float32) * self.scales[:, None]


def integer_rows(rows: Reals, most: int, clips: Sequence[float] = CLIPS) -> IntegerRows:
    """Rows as whole numbers from -`most` to `most`, with the scales that give the smallest squared error.

    >>> integer_rows(np.array([[0.25, -1.0]], np.float32), 63).values.tolist()
    [[16, -63]]

    clips: the shares of a row's largest number beyond which numbers are cut off, that are tried.
    """
    largest = np.abs(rows).max(1)
    largest[largest == 0] = 1
    best, scales = np.full(len(rows), np.inf), np.ones(len(rows), np.float32)
    for clip in clips if len(clips) > 1 else ():
        tried = (clip * largest / most).astype(np.float32)
        off = np.clip(np.rint(rows / tried[:, None]), -most, most) * tried[:, None] - rows
        error = np.einsum("rc,rc->r", off, off)
        better = error < best
        best[better], scales[better] = error[better], tried[better]
    if len(clips) == 1:
        scales = (clips[0] * largest / most).astype(np.float32)
    return IntegerRows(np.clip(np.rint(rows / scales[:, None]), -most, most).astype(np.int8), scales)


def rounded_activations(x: Tensor) -> tuple[Tensor, Tensor]:
    """Numbers as multiples of a step, which 256 of them reach from the least to the largest number; 0 is one of them.

    >>> [each.tolist() for each in rounded_activations(torch.tensor([0.0, 0.5, 255.0]))]
    [[0.0, 0.0, 255.0], 1.0]
    """
    low, high = x.min().clamp(max=0), x.max().clamp(min=0)
    step = torch.where(high == low, torch.ones(()), (high - low) / STEPS_OF_ACTIVATION)
    zero = (-low / step).clamp(0, STEPS_OF_ACTIVATION).round()
    return ((x / step).round() + zero).clamp(0, STEPS_OF_ACTIVATION) - zero, step


def part_of(name: str) -> str:
    """The part that a tensor belongs to; tables and what stands before the layers go with the words.

    >>> part_of("layers.3.key.weight"), part_of("layers.3.gate.weight"), part_of("positions.weight")
    ('layers.3.attention', 'layers.3.dense', 'words')
    """
    at = _OF_LAYER.match(name)
    return WORDS_PART if at is None else f"{at[1]}.{'attention' if at[2] in _ATTENTION_PARTS else 'dense'}"


def parts_in(shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """The parts of a model whose numbers can differ, and how many numbers each has.

    >>> parts_in({"words.weight": (9, 4), "layers.0.out.weight": (4, 8), "layers.0.norm.weight": (4,)})
    {'words': 36, 'layers.0.attention': 32}
    """
    found: dict[str, int] = {}
    for name, shape in shapes.items():
        if name == "words.weight" or _OF_LAYER.match(name):
            part = part_of(name)
            found[part] = found.get(part, 0) + int(np.prod(shape))
    return found


def formats_of(parts: Iterable[str], usual: str, others: Mapping[str, str]) -> dict[str, str]:
    """The format of each part.

    >>> formats_of(["words", "layers.0.dense"], "int8", {"words": "float16"})
    {'words': 'float16', 'layers.0.dense': 'int8'}
    """
    return {part: others.get(part, usual) for part in parts}
