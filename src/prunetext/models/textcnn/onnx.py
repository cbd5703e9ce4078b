"""A TextCNN as a standard ONNX graph: ids of words in, probabilities out.

Only operators of ONNX itself are used, of a set that has been everywhere for years. Padding needs no mask: its row of
every table is zero, and a window of padding sums to 0, like one beyond either end of a text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
import torch
from onnx import ModelProto, TensorProto, checker, helper

from prunetext.models.graphs import CONTAINER, OPERATORS, PROBABILITIES, SCORE, add_probabilities, add_score
from prunetext.models.textcnn.bigrams import BigramCNN
from prunetext.models.textcnn.layout import UNKNOWN, WORDS
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.onnx_bigrams import OnnxBigrams, words_with
from prunetext.models.textcnn.onnx_graph import IDS, TextGraph
from prunetext.models.textcnn.pair import PairCNN
from prunetext.models.textcnn.reading import Reader
from prunetext.runtime.reference import ReferenceModel

ONNX_FORMAT = "prunetext-onnx/1"
MATCHED = "matched"
SIDES = ("", "_b")  # what names end with that belong to the first and the second text of a pair
TO_THE_END = np.iinfo(np.int64).max
MEANING = (
    "ids (batch, length): 0 is padding, at the end of a text only, 1 an unknown word, i + 2 word i of the vocabulary "
    "in the metadata. probabilities (batch, classes): those of the labels there, in their order."
)
MEANING_OF_SCORES = (
    "Labels are the steps between the levels in the metadata, and a probability is the share of a step that is passed. "
    "score (batch,): the first level and the sum of the steps as far as they are passed."
)
MEANING_OF_PAIRS = (
    "ids_b: those of each pair's second text. matched, matched_b: 1 for a word that the other text has, 3 where it has "
    "it beside the same word as here, before or after it, else 0."
)


class Filters:
    """The filters of one width, and their window sums in one text, of which `axis` is that of the windows."""

    def __init__(
        self, graph: TextGraph, width: int, side: str, sums: str, axis: int, bias: np.ndarray, scale: np.ndarray | None
    ) -> None:
        self.graph, self.width, self.sums, self.axis, self.name = graph, width, sums, axis, f"conv{width}{side}"
        self.bias = graph.constant(f"conv{width}.bias", bias)
        self.scale = None if scale is None else graph.constant(f"conv{width}.table_scale", scale)

    def maxima(self) -> str:
        """ReLU of the largest sum and the bias, (batch, filters)."""
        largest = self.graph.node(f"{self.name}.largest", "ReduceMax", self.sums, axes=[self.axis], keepdims=0)
        shifted = self.graph.node(f"{self.name}.shifted", "Add", self.scaled(largest), self.bias)
        return self.graph.node(f"{self.name}.maxima", "Relu", shifted)

    def means(self, lengths: str) -> str:
        """Mean over the n + k − 1 windows that touch the text, (batch, filters); 0 for an empty text."""
        node, constant = self.graph.node, self.graph.constant
        axes = constant(f"conv{self.width}.along_windows", np.array([self.axis]))
        total = node(f"{self.name}.total", "ReduceSum", self.sums, axes, keepdims=0)
        more = constant(f"conv{self.width}.more", np.float32(self.width - 1))
        least = constant(f"conv{self.width}.least", np.float32(1))
        windows = node(f"{self.name}.windows", "Max", node(f"{self.name}.touching", "Add", lengths, more), least)
        return self.scaled(node(f"{self.name}.means", "Div", total, windows))

    def scaled(self, values: str) -> str:
        """Real values of the sums of a table's integers."""
        return values if self.scale is None else self.graph.node(f"{values}.scaled", "Mul", values, self.scale)


def packed_graph(model: ReferenceModel) -> ModelProto:
    """The graph of a packed file: rows of its folded table are looked up and added.

    packed_graph(ReferenceModel("runs/reviews/model.safetensors"))

    The table's integers and their sums are exact in float32: the rounding is the runtime's own. Only the steps after
    the sums have a lower precision than there.
    """
    graph = TextGraph()
    bigrams = [(one, other) for one, other in model.bigrams]
    words = words_with(list(model.row_of), bigrams)
    others = len(words) - len(model.row_of)
    features = [packed_features(graph, model, side, others) for side in (SIDES if model.pairs else SIDES[:1])]
    weight, bias = model.arrays["head.weight"], model.arrays["head.bias"]
    more = ""
    if bigrams:
        weights = model.arrays["bigrams.weight"].astype(np.float32) * model.arrays["bigrams.scale"].astype(np.float32)
        more = OnnxBigrams(words, bigrams, weights, len(model.labels), model.distance).added(graph)
    decide(graph, seen(graph, features), weight, bias, model.temperature, model.thresholds is not None, more)
    reader, reject = Reader(words, model.tokenizer), model.reject
    limits, levels = (model.thresholds, None) if model.levels is None else (None, model.levels)
    return finished_graph(graph, reader, model.labels, model.temperature, reject, model.positive, limits, levels)


def packed_features(graph: TextGraph, model: ReferenceModel, side: str, others: int = 0) -> str:
    """The features of one text, from rows of the table and, in pairs, of those for its flags.

    others: words behind those of the table, which it does not know.
    """
    ids = graph.padded(f"padded{side}", IDS + side, model.widths[-1])
    flags = graph.padded(f"flags{side}", MATCHED + side, model.widths[-1]) if model.pairs else ""
    pools = []
    for width in model.widths:
        table = model.tables[width]  # (rows, width, filters)
        table = np.concatenate([np.zeros_like(table[:1]), table, np.repeat(table[:1], others, axis=0)])
        stored = {"": (ids, small(table))}
        if model.pairs:
            stored[".flags"] = flags, small(by_flags(model.matches[width]))
        sums = ""
        for tap in range(width):
            bounds = [
                graph.constant(f"conv{width}.tap{tap}.{key}", np.array([value]))
                for key, value in (("first", tap), ("end", tap + 1 - width or TO_THE_END), ("axis", 1))
            ]
            for kind, (indices, table) in stored.items():
                name = f"conv{width}.tap{tap}{kind}"
                own = graph.node(f"{name}.ids{side}", "Slice", indices, *bounds)
                rows = graph.node(f"{name}.rows{side}", "Gather", graph.constant(f"{name}.table", table[:, tap]), own)
                real = graph.node(f"{name}.real{side}", "Cast", rows, to=TensorProto.FLOAT)  # (batch, windows, filters)
                sums = graph.node(f"{name}.sums{side}", "Add", sums, real) if sums else real
        bias, scale = (model.arrays[f"conv{width}.{name}"] for name in ("bias", "table_scale"))
        pools.append(Filters(graph, width, side, sums, 1, bias, scale))
    return joined_features(graph, pools, model.mean, side)


def by_flags(rows: np.ndarray) -> np.ndarray:
    """From what is added for matched words, and for those beside their like, what is added for flags of 0 to 3.

    >>> by_flags(np.array([[1], [5]])).tolist()
    [[0], [1], [5], [6]]
    """
    matched, beside = rows
    return np.stack([0 * matched, matched, beside, matched + beside])


def small(table: np.ndarray) -> np.ndarray:
    """The integers of a table in as few bytes as they need."""
    return table.astype(np.int8 if np.abs(table).max() <= 127 else np.int16)


@torch.no_grad()
def float_graph(
    model: TextCNN,
    reader: Reader,
    labels: Sequence[str],
    thresholds: Sequence[float] | None = None,
    levels: Sequence[float] | None = None,
) -> ModelProto:
    """The graph of a float model: word vectors are looked up and convolved; `reader` has the words of its ids.

    float_graph(model, reader, labels)    # as of load_float(Path("runs/reviews/dense.safetensors"))

    With `thresholds`, a text can have several labels; with `levels`, it has a score. Removed words are left out: they
    are unknown words.
    """
    graph = TextGraph()
    kept = np.flatnonzero(model.remap[WORDS:].numpy() != UNKNOWN)
    words, bigrams = [reader.words[at] for at in kept.tolist()], []
    if isinstance(model, BigramCNN):
        bigrams = [(reader.words[one - WORDS], reader.words[other - WORDS]) for one, other in model.listed.tolist()]
        words = words_with(words, bigrams)
    rows = model.remap[[0, UNKNOWN, *(WORDS + kept), *[UNKNOWN] * (len(words) - len(kept))]]
    features = [float_features(graph, model, rows, side) for side in SIDES[: model.texts]]
    several, more = thresholds is not None or levels is not None, ""
    if bigrams and isinstance(model, BigramCNN):
        weights = model.bigrams.numpy()
        more = OnnxBigrams(words, bigrams, weights, len(labels), int(model.distance)).added(graph)
    decide(graph, seen(graph, features), model.head.weight.numpy(), model.head.bias.numpy(), 1.0, several, more)
    positive = labels[int(model.positive)] if isinstance(model, PairCNN) else None
    own = reader._replace(words=words)
    return finished_graph(graph, own, labels, 1.0, None, positive, thresholds, levels)


def float_features(graph: TextGraph, model: TextCNN, rows: torch.Tensor, side: str) -> str:
    """The features of one text, from the vectors of words, which are these rows, and in pairs from those of flags."""
    embedding = graph.constant("embedding", model.embedding[rows].numpy())
    padded = graph.padded(f"padded{side}", IDS + side, model.widths[-1])
    vectors = graph.node(f"vectors{side}", "Gather", embedding, padded)
    if isinstance(model, PairCNN):
        flags = graph.padded(f"flags{side}", MATCHED + side, model.widths[-1])
        match = graph.constant("match", by_flags(model.match.numpy()))
        vectors = graph.node(f"flagged{side}", "Add", vectors, graph.node(f"matches{side}", "Gather", match, flags))
    channels = graph.node(f"channels{side}", "Transpose", vectors, perm=[0, 2, 1])  # (batch, dimensions, length)
    pools = []
    for width in model.widths:
        conv = model.conv(width)
        weight = graph.constant(f"conv{width}.weight", conv.weight.permute(0, 2, 1).numpy())
        sums = graph.node(f"conv{width}{side}.sums", "Conv", channels, weight, kernel_shape=[width])
        pools.append(Filters(graph, width, side, sums, 2, conv.bias.numpy(), None))
    return joined_features(graph, pools, model.pooling == "max+mean", side)


def joined_features(graph: TextGraph, pools: Sequence[Filters], mean: bool, side: str) -> str:
    """Pooled features of one text."""
    features = [each.maxima() for each in pools]
    if mean:
        lengths = graph.lengths(side)
        features += [each.means(lengths) for each in pools]
    return graph.node(f"features{side}", "Concat", *features, axis=1)


def seen(graph: TextGraph, features: Sequence[str]) -> str:
    """The head's input: u for a text; u, v, |u - v| and u · v for a pair."""
    if len(features) == 1:
        return features[0]
    apart = graph.node("apart", "Abs", graph.node("difference", "Sub", *features))
    return graph.node("compared", "Concat", *features, apart, graph.node("product", "Mul", *features), axis=1)


def decide(
    graph: TextGraph,
    inputs: str,
    weight: np.ndarray,
    bias: np.ndarray,
    temperature: float,
    several: bool,
    more: str = "",
) -> None:
    """Logits of the head's input, and their softmax at the temperature or, for several labels, each one's logistic.

    more: what is added to the logits.
    """
    head = [graph.constant("head.weight", weight), graph.constant("head.bias", bias)]
    logits = graph.node("logits", "Gemm", inputs, *head, transB=1)
    if more:
        logits = graph.node("all_logits", "Add", logits, more)
    add_probabilities(graph, logits, temperature, several=several)


def finished_graph(
    graph: TextGraph,
    reader: Reader,
    labels: Sequence[str],
    temperature: float,
    reject: float | None = None,
    positive: str | None = None,
    thresholds: Sequence[float] | None = None,
    levels: Sequence[float] | None = None,
) -> ModelProto:
    """The whole model, with all that is needed to feed it, each entry of the metadata as JSON."""
    pairs = positive is not None
    given = [
        helper.make_tensor_value_info(name + side, TensorProto.INT64, ["batch", f"length{side}"])
        for side in (SIDES if pairs else SIDES[:1])
        for name in ((IDS, MATCHED) if pairs else (IDS,))
    ]
    given_back = [helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, ["batch", len(labels)])]
    meaning, task = f"{MEANING} {MEANING_OF_PAIRS}" if pairs else MEANING, "pairs"
    if levels is not None:
        add_score(graph, levels)
        given_back.append(helper.make_tensor_value_info(SCORE, TensorProto.FLOAT, ["batch"]))
        meaning, task = f"{meaning} {MEANING_OF_SCORES}", "score of pairs"
    proto = helper.make_model(
        helper.make_graph(graph.nodes, "textcnn", given, given_back, graph.constants, meaning),
        opset_imports=[helper.make_opsetid("", OPERATORS)],
        ir_version=CONTAINER,
        producer_name="prunetext",
        producer_version=version("prunetext"),
    )
    metadata = {
        "format": ONNX_FORMAT,
        "labels": list(labels),
        "temperature": temperature,
        "tokenizer": reader.tokenizer,
        "vocabulary": list(reader.words),
        **({} if reject is None else {"reject": reject}),
        **({"task": task, "positive": positive} if pairs else {}),
        **({} if levels is None else {"levels": list(levels)}),
        **({} if thresholds is None else {"thresholds": list(thresholds)}),
    }
    helper.set_model_props(proto, {key: json.dumps(value, ensure_ascii=False) for key, value in metadata.items()})
    checker.check_model(proto, full_check=True)
    return proto
