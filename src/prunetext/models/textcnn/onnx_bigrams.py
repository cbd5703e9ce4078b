"""The weights of listed bigrams in ONNX, which cannot look a key up: buckets of them are compared whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from prunetext.models.textcnn.layout import WORDS
from prunetext.models.textcnn.onnx_graph import IDS, TextGraph

NO_KEY, DIVISORS = -1, 32


def words_with(words: Sequence[str], bigrams: Sequence[tuple[str, str]]) -> list[str]:
    """The words, and behind them those that stand in bigrams alone.

    >>> words_with(["film", "good"], [("not", "good"), ("not", "film")])
    ['film', 'good', 'not']
    """
    return list(dict.fromkeys([*words, *(word for both in bigrams for word in both)]))


def in_buckets(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keys by their remainder, (buckets, keys of the fullest one), and where each of them stood; their number for none.

    >>> in_buckets(np.array([4, 9]))[0].tolist()
    [[-1], [-1], [9], [-1], [4], [-1], [-1]]

    Of some divisors, the one whose fullest bucket holds fewest is taken: keys are products, and can have one in common.
    """
    least = 2 * len(keys) + 1
    buckets = min(range(least, least + 2 * DIVISORS, 2), key=lambda each: int(np.bincount(keys % each).max()))
    order = np.argsort(keys % buckets, kind="stable")
    bucket = (keys % buckets)[order]
    within = np.arange(len(keys)) - np.searchsorted(bucket, bucket)
    sorted_keys = np.full((buckets, int(within.max()) + 1), NO_KEY, np.int64)
    places = np.full(sorted_keys.shape, len(keys), np.int64)
    sorted_keys[bucket, within], places[bucket, within] = keys[order], order
    return sorted_keys, places


class OnnxBigrams:
    """What the bigrams of a text add to its logits, each once, divided by the root of the number of tokens.

    OnnxBigrams(["film", "good"], [("good", "film")], weights, classes=2, distance=1).added(graph)

    words: in the order of their ids. weights: (bigrams, classes), or (bigrams, 1) of the second of two classes.
    """

    def __init__(
        self,
        words: Sequence[str],
        bigrams: Sequence[tuple[str, str]],
        weights: np.ndarray,
        classes: int,
        distance: int,
    ) -> None:
        place = {word: at for at, word in enumerate(words, start=WORDS)}
        self.size, self.distance = len(words) + WORDS, distance
        self.keys = np.array([place[one] * self.size + place[other] for one, other in bigrams])
        own = weights if weights.shape[1] == classes else np.concatenate([-weights, weights], axis=1)
        self.weights = np.concatenate([own, np.zeros_like(own[:1])]).astype(np.float32)  # the last row is of none

    def added(self, graph: TextGraph) -> str:
        """Add the nodes; the name of what is added to the logits, (batch, classes)."""
        node, constant = graph.node, graph.constant
        hits = node("bigrams.hits", "ScatterElements", self.nothing(graph), *self.found(graph), axis=1)
        sums = node("bigrams.sums", "MatMul", hits, constant("bigrams.weight", self.weights))
        words = node("bigrams.known", "Greater", IDS, constant("bigrams.padding", np.array(0)))
        counted = node("bigrams.counted", "Cast", words, to=TensorProto.FLOAT)
        tokens = node("bigrams.tokens", "ReduceSum", counted, constant("bigrams.along", np.array([1])), keepdims=1)
        most = node("bigrams.most", "Max", tokens, constant("bigrams.least", np.float32(1)))
        return node("bigrams", "Div", sums, node("bigrams.root", "Sqrt", most))

    def found(self, graph: TextGraph) -> tuple[str, str]:
        """The bigram that begins at each token, (batch, length), or their number for none; and ones."""
        node, constant = graph.node, graph.constant
        padding = constant("bigrams.paddings", np.array([0, self.distance, 0, self.distance]))
        padded = node("bigrams.padded", "Pad", IDS, padding)
        bounds = {"one": (0, -self.distance), "other": (self.distance, np.iinfo(np.int64).max)}
        both = {
            name: node(
                f"bigrams.{name}",
                "Slice",
                padded,
                *(
                    constant(f"bigrams.{name}.{key}", np.array([value]))
                    for key, value in (("first", first), ("end", end), ("axis", 1))
                ),
            )
            for name, (first, end) in bounds.items()
        }
        first = node("bigrams.first", "Mul", both["one"], constant("bigrams.size", np.array(self.size)))
        keys = node("bigrams.keys", "Add", first, both["other"])
        stored, places = in_buckets(self.keys)
        bucket = node("bigrams.bucket", "Mod", keys, constant("bigrams.buckets", np.array(len(stored))))
        last = constant("bigrams.last", np.array([2]))
        there = node("bigrams.stored", "Gather", constant("bigrams.stored_keys", stored), bucket)
        same = node("bigrams.same", "Equal", there, node("bigrams.each", "Unsqueeze", keys, last))
        rows = node("bigrams.rows", "Gather", constant("bigrams.places", places), bucket)
        own = node("bigrams.own", "Where", same, rows, constant("bigrams.none", np.array(len(self.keys))))
        numbers = node("bigrams.numbers", "ReduceMin", own, axes=[2], keepdims=0)
        ones = node(
            "bigrams.ones",
            "Expand",
            constant("bigrams.one_each", np.float32(1)),
            node("bigrams.shape", "Shape", numbers),
        )
        return numbers, ones

    def nothing(self, graph: TextGraph) -> str:
        """Zeros for each text and bigram, and for none."""
        node, constant = graph.node, graph.constant
        texts = node("bigrams.texts", "Shape", IDS, start=0, end=1)
        size = node("bigrams.sizes", "Concat", texts, constant("bigrams.count", np.array([len(self.weights)])), axis=0)
        return node("bigrams.nothing", "Expand", constant("bigrams.zero", np.float32(0)), size)
