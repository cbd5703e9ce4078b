"""The runtime's arithmetic, plain and slow: the specification that the native kernel is tested against."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import TYPE_CHECKING, cast

import numpy as np

from prunetext.runtime import _native
from prunetext.runtime.format import Tensor, decode_vocabulary, read_packed
from prunetext.runtime.tokenizers import distance_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Item = str | tuple[str, str]  # what a model labels: a text, or a pair of texts

WIDTHS = range(1, 17)
# Of e^x: 1 / ln 2, ln 2 in two parts, and 1.5 · 2^52, which rounds to a whole number when it is added and taken away.
OVER_LN2, LN2_HIGH, LN2_LOW = map(float.fromhex, ("0x1.71547652b82fep+0", "0x1.62e42feep-1", "0x1.a39ef35793c76p-33"))
ROUNDING = 6755399441055744.0
_DTYPES = {"F32": "<f4", "I8": "i1", "U8": "u1"}


class ReferenceModel:
    """A packed model, computed with numpy and Python loops.

    model = ReferenceModel("model.safetensors")
    model.predict(["great film", "dull"])    # the same labels as prunetext.load(...).predict

    For a model of pairs, each text below is a pair.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        tensors, metadata = read_packed(path)
        self.labels: list[str] = json.loads(metadata["labels"])
        self.tokenizer = metadata["tokenizer"]
        self.temperature = float(metadata["temperature"])
        # For each label's probability, if a text can have several; else None.
        self.thresholds: list[float] | None = (
            json.loads(metadata["thresholds"]) if metadata["task"] == "labels" else None
        )
        # Of scores, whose steps are labels that a text has from one half on.
        self.levels: list[float] | None = json.loads(metadata["levels"]) if "levels" in metadata else None
        if self.levels is not None:
            self.thresholds = [0.5] * len(self.labels)
        self.reject = float(metadata["reject"]) if "reject" in metadata else None
        self.mean = metadata["pooling"] == "max+mean"
        self.pairs = metadata["task"] in ("pairs", "score of pairs")
        self.positive: str | None = json.loads(metadata["positive"]) if self.pairs else None
        self.arrays = {name: _array(tensor) for name, tensor in tensors.items()}
        words = decode_vocabulary(tensors["vocabulary"].data, tensors["embedding"].shape[0] - 1)
        self.row_of = {word: row for row, word in enumerate(words, start=1)}  # row 0 is the unknown word
        self.bigrams = self._listed(tensors["bigrams"]) if "bigrams" in tensors else {}  # words → their weights' place
        self.distance = distance_of(self.tokenizer)
        self.widths = [k for k in WIDTHS if f"conv{k}.weight" in tensors]
        self.tables = {k: self._fold(k, "embedding") for k in self.widths}
        self.matches = {k: self._fold(k, "match") for k in self.widths} if self.pairs else {}  # for MATCHED, for BESIDE

    def _fold(self, k: int, name: str) -> NDArray[np.int64]:
        embedding = self.arrays[name].astype(np.int64)  # (rows, dimensions)
        weight = self.arrays[f"conv{k}.weight"].astype(np.int64)  # (filters, k, dimensions)
        exact = np.einsum("rd,fjd->rjf", embedding, weight)  # (rows, k, filters)
        scale = np.float64(self.arrays["embedding.scale"][0]) * self._floats(f"conv{k}.scale")
        table: NDArray[np.int64] = np.rint(exact * (scale / self._floats(f"conv{k}.table_scale"))).astype(np.int64)
        return table

    def _listed(self, stored: Tensor) -> dict[tuple[str, ...], int]:
        bigrams = decode_vocabulary(stored.data, len(self.arrays["bigrams.weight"]))
        return {tuple(each.split(" ")): at for at, each in enumerate(bigrams)}

    def _floats(self, name: str) -> NDArray[np.float64]:
        return self.arrays[name].astype(np.float64)

    def features(self, tokens: Sequence[str], other: Sequence[str] = ()) -> list[float]:
        """The features of a text with these tokens; for pairs, also given the other text's tokens."""
        rows = [self.row_of.get(token, 0) for token in tokens]
        flags = flags_of(tokens, other)
        maxima: list[float] = []
        means: list[float] = []
        for k in self.widths:
            table = self.tables[k]
            filters = table.shape[2]
            padded = [None] * k + rows + [None] * k
            padded_flags = [()] * k + flags + [()] * k
            sums = np.zeros((len(padded) - k + 1, filters), np.int64)  # (windows, filters)
            for start in range(len(sums)):
                for tap in range(k):
                    row = padded[start + tap]
                    if row is not None:
                        sums[start] += table[row, tap]
                    for flag in padded_flags[start + tap]:
                        sums[start] += self.matches[k][flag, tap]
            own = len(rows) + k - 1 if rows else 1  # the other windows are all padding and add 0
            table_scale = self._floats(f"conv{k}.table_scale")
            bias = self._floats(f"conv{k}.bias")
            maxima += np.maximum(0.0, sums.max(axis=0) * table_scale + bias).tolist()
            means += (sums.sum(axis=0) / own * table_scale).tolist()
        return maxima + means if self.mean else maxima

    def _inputs(self, item: Item) -> list[float]:
        """The head's input: the features of a text, or u, v, |u - v| and u · v of a pair's two texts."""
        if not self.pairs:
            return self.features(_native.tokenize(cast("str", item), self.tokenizer))
        one, other = (_native.tokenize(text, self.tokenizer) for text in item)
        u, v = self.features(one, other), self.features(other, one)
        both = list(zip(u, v, strict=True))
        return [*u, *v, *(abs(x - y) for x, y in both), *(x * y for x, y in both)]

    def logits(self, item: Item) -> list[float]:
        """The logits of one text or pair, one number for each label."""
        logits = self.decide(self._inputs(item))
        if not self.bigrams:
            return logits
        more = self.of_bigrams(_native.tokenize(cast("str", item), self.tokenizer))
        return [one + other for one, other in zip(logits, more, strict=True)]

    def of_bigrams(self, tokens: Sequence[str]) -> list[float]:
        """What the listed bigrams of a text add to its logits, each of them once."""
        every = zip(tokens, tokens[self.distance :], strict=False)
        found = sorted({self.bigrams[both] for both in every if both in self.bigrams})
        sums = self.arrays["bigrams.weight"][found].astype(np.int64).sum(0).tolist()
        scale, root = float(self.arrays["bigrams.scale"][0]), math.sqrt(max(len(tokens), 1))
        added = [float(each) * scale / root for each in sums]
        return [-added[0], added[0]] if len(added) < len(self.labels) else added

    def decide(self, inputs: Sequence[float]) -> list[float]:
        """The logits for the head's input."""
        logits = []
        for weights, bias in zip(self.arrays["head.weight"].tolist(), self.arrays["head.bias"].tolist(), strict=True):
            total = bias
            for weight, feature in zip(weights, inputs, strict=True):  # in this order: float64 sums depend on it
                total += weight * feature
            logits.append(total)
        return logits

    def predict_several(self, texts: Iterable[Item]) -> list[list[str]]:
        """The labels whose probability, a float32, is at least their threshold, for each text."""
        assert self.thresholds is not None
        rows = self.predict_proba(texts).tolist()
        return [[each for each, p, t in zip(self.labels, row, self.thresholds, strict=True) if p >= t] for row in rows]

    def predict(self, texts: Iterable[Item], *, reject: bool = False) -> list[str | None]:
        """The winning label of each text; with `reject`, None if it is not probable enough."""
        return [label for label, _ in self.predict_with_probability(texts, reject=reject)]

    def predict_with_probability(
        self, texts: Iterable[Item], *, reject: bool = False
    ) -> list[tuple[str | None, float]]:
        """The label with the largest logit, the first among equals, and its probability, a float32, for each text.

        With `reject`, None replaces a label whose probability is below the file's threshold.
        """
        texts = list(texts)
        winners = [int(np.argmax(self.logits(text))) for text in texts]
        least = self.reject if reject and self.reject is not None else 0.0
        shares = [float(row[winner]) for row, winner in zip(self.predict_proba(texts), winners, strict=True)]
        return [(None if p < least else self.labels[winner], p) for winner, p in zip(winners, shares, strict=True)]

    def predict_proba(self, texts: Iterable[Item]) -> NDArray[np.float32]:
        """Softmax of logits / temperature, or the logistic function of each: float32, (texts, classes)."""
        rows = []
        for text in texts:
            scaled = [logit / self.temperature for logit in self.logits(text)]
            if self.thresholds is not None:
                rows.append([logistic(value) for value in scaled])
                continue
            powers = [exponential(value - max(scaled)) for value in scaled]
            total = 0.0
            for power in powers:  # not by `sum`, which from Python 3.12 on makes up for what is rounded away
                total += power
            rows.append([power / total for power in powers])
        return np.array(rows, np.float32).reshape(len(rows), len(self.labels))


def logistic(value: float) -> float:
    """The probability of a label that does not depend on others.

    >>> logistic(0.0), logistic(-1000.0)
    (0.5, 0.0)
    """
    power = exponential(-abs(value))
    return (power if value < 0 else 1.0) / (1 + power)


def exponential(x: float) -> float:
    """The power of e, by additions and multiplications alone, less than one unit in the last place off.

    >>> exponential(0.0), exponential(1.0), exponential(-1000.0)
    (1.0, 2.7182818284590455, 0.0)
    """
    if not x > -746:
        return 0.0 if x <= -746 else x
    x = min(x, 710.0)
    n = (x * OVER_LN2 + ROUNDING) - ROUNDING
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    z = r * r
    even, odd = 1.0 / math.factorial(12), 1.0 / math.factorial(13)
    for k in (10, 8, 6, 4, 2):
        even = even * z + 1.0 / math.factorial(k)
        odd = odd * z + 1.0 / math.factorial(k + 1)
    power = 1.0 + (r + z * (even + r * odd))
    half = int(n / 2)  # in two steps, since 2^n itself may be out of range
    return power * math.ldexp(1.0, half) * math.ldexp(1.0, int(n) - half)


def flags_of(tokens: Sequence[str], other: Sequence[str]) -> list[tuple[int, ...]]:
    """The rows of `match` for each token: 0 if the other text has it, also 1 if it is beside the same token there.

    >>> flags_of(["a", "big", "dog"], ["the", "big", "dog"])
    [(), (0, 1), (0, 1)]
    """
    known, two = set(other), set(pairwise(other))
    here = [False, *(each in two for each in pairwise(tokens)), False]  # of the words before and after each place
    return [((0, 1) if here[at] or here[at + 1] else (0,)) if token in known else () for at, token in enumerate(tokens)]


def _array(tensor: Tensor) -> NDArray[np.generic]:
    return np.frombuffer(tensor.data, _DTYPES[tensor.dtype]).reshape(tensor.shape)
