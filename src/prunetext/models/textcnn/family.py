"""The TextCNN family: how a model begins, reads texts, and is written."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import torch

from prunetext.data.dataset import Input
from prunetext.data.positive import positive_of
from prunetext.data.scores import levels_of
from prunetext.errors import InputError
from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Beginning, Family, Request, Trained
from prunetext.models.textcnn.bigrams import (
    FEWEST_BIGRAMS,
    LARGEST_LIST,
    LEAST_LISTED,
    LEAST_OF_LABEL,
    MOST_BIGRAM_WEIGHTS,
    BigramCNN,
    telling_bigrams,
    weights_each,
)
from prunetext.models.textcnn.floats import read_float, write_float
from prunetext.models.textcnn.grouping import FASTER, STRUCTURE, TEXTCNN_KINDS
from prunetext.models.textcnn.kinds import kind_like, kind_of
from prunetext.models.textcnn.layout import Shape, parse_widths
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.packing import kept_words, pack, size_of_packed
from prunetext.models.textcnn.reading import Reader, encode_inputs
from prunetext.models.textcnn.starting import new_model, shares_of, vectors_digest, vocabulary_of
from prunetext.models.textcnn.tokenizing import AUTO, known_tokenizer, rare_note, settle_tokenizer
from prunetext.models.textcnn.vectors import beginnings, check_vectors
from prunetext.options import DenseOptions, VectorOptions, chosen
from prunetext.runtime.format import LANES
from prunetext.runtime.tokenizers import BERT, PIECES_3, check_tokenizer, distance_of

USUAL_CRITERION = "magnitude"
_PACKED = "model.safetensors"
_TABLES = ("int8", "int16")  # of the runtime
OF_OTHERS = ("max_tokens", "features", "keep_tokens", "numbers")  # options of transformers
NOT_IN_RECIPES = ("model", *OF_OTHERS)  # of a TextCNN


def check(shape: DenseOptions, learnt: VectorOptions, vectors: Any) -> None:
    """Refuse impossible options before anything is read."""
    if others := [name for name in chosen(shape) if name in OF_OTHERS]:
        raise InputError(f"{others[0]} is given, but model is textcnn. Leave {others[0]} out, or give a transformer.")
    check_vectors(vectors, learnt.train_vectors, shape)
    parse_widths(shape.widths)
    check_tokenizer(shape.tokenizer, AUTO)


def begin(request: Request) -> Beginning:
    """The vocabulary of the texts, and an untrained model of the wanted sizes."""
    data, like = request.data, request.like
    if like is None:
        tokenizer = known_tokenizer(request.shape)
        reader = Reader(vocabulary_of(request.texts, request.shape, tokenizer), tokenizer)
    else:
        reader = like.reader
    known, shape, notes, whole = beginnings(
        request.vectors,
        request.learnt.train_vectors,
        reader,
        data.train.all_texts,
        request.shape,
        request.seed,
        request.texts,
        request.deadline,
    )
    shares = shares_of(data.train, request.labels)
    positive = matching_class(request.labels, request.positive)
    if data.train.task.has_steps:  # texts match that have passed half of all steps
        positive = len(request.labels) // 2
    if like is None:
        kind = listing_kind(request, reader) or kind_of(data.train.task.texts, positive)
    else:
        kind = kind_like(cast(TextCNN, like.model))
    widths, classes = parse_widths(shape.widths), len(request.labels)

    def untrained() -> TextCNN:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(request.seed)
            return new_model(reader.words, classes, shape, widths, known, request.dropout, kind, shares)

    first = untrained()
    check_shape(first.shape)
    recipe = {name: value for each in (shape, request.learnt) for name, value in dataclasses.asdict(each).items()}
    recipe = {name: value for name, value in recipe.items() if name not in NOT_IN_RECIPES}
    recipe |= {"tokenizer": reader.tokenizer}
    if reader.tokenizer == BERT:  # which recipes of earlier versions do not name
        del recipe["tokenizer"]
    # Vectors whose training was cut short differ from attempt to attempt of the same run.
    recipe["vectors"] = None if known is None else vectors_digest(first.embedding)
    recipe["vectors"] = recipe["vectors"] if whole else "cut short"
    notes = [*notes, *rare_note(data.train.all_texts, reader.tokenizer)]
    return Beginning(reader, untrained, first.work, notes, recipe)


def encoded_inputs(reader: Reader, inputs: Sequence[Input]) -> Encoded:
    """Ids of texts, or of pairs of them, by the words that the model knows."""
    return encode_inputs(reader.vocabulary(), inputs)


def graph(trained: Trained) -> Any:
    """The model as ONNX."""
    from prunetext.models.textcnn.onnx import float_graph

    levels = levels_of(trained.labels) if trained.task.has_steps else None
    return float_graph(cast(TextCNN, trained.model), trained.reader, trained.labels, trained.thresholds, levels)


def words_of(trained: Trained) -> tuple[list[str], str]:
    """The words that were not removed, and the tokenizer that finds them."""
    reader = cast(Reader, trained.reader)
    return kept_words(cast(TextCNN, trained.model), reader.words), reader.tokenizer


def matching_class(labels: list[str], named: str | None = None) -> int:
    """The class of matching pairs; the last one if none is named and no label has a usual name.

    >>> matching_class(["equivalent", "not_equivalent"]), matching_class(["a", "b"])
    (0, 1)
    """
    positive = named or positive_of(labels)
    return len(labels) - 1 if positive is None else labels.index(positive)


def listing_kind(request: Request, reader: Reader) -> Callable[..., TextCNN] | None:
    """The maker of a model with bigrams of the texts; None where there are none, or no model has any."""
    train, most = request.data.train, request.shape.bigrams
    columns = weights_each(len(request.labels), several=train.task.of_many)
    without = "pairs of texts" if train.task.texts > 1 else PIECES_3 if reader.tokenizer == PIECES_3 else None
    if most and without:
        raise InputError(f"bigrams is {most}, but a model of {without} has none. Leave it out.")
    if most is None:
        most = min(max(len(train), FEWEST_BIGRAMS), MOST_BIGRAM_WEIGHTS // columns)
        rarest = min(Counter(label for each in train.label_lists for label in each).values(), default=0)
        rarest = rarest if train.scores is None else len(train) // len(request.labels)  # texts of a step
        most = most if most >= LEAST_LISTED and rarest >= LEAST_OF_LABEL else 0
    if most * columns > LARGEST_LIST:
        raise InputError(f"bigrams is {most}: with {columns} labels, the limit is {LARGEST_LIST // columns:,}.")
    if without or most == 0:
        return None
    listed = telling_bigrams(train, request.labels, reader, most)
    if not len(listed):
        return None
    return partial(BigramCNN, listed=listed, columns=columns, distance=distance_of(reader.tokenizer))


def check_shape(shape: Shape) -> None:
    """Refuse a model whose packed file no runtime would load, before it is trained."""
    taps = sum(width * -(-count // LANES) * LANES for width, count in shape.filters.items())
    largest = {
        "dimensions": (shape.dimensions, 4096),
        "words × taps of all filters": (2 * (shape.words + 2) * taps, 256 << 20),
        "dimensions × taps of all filters": (shape.dimensions * taps, 1 << 26),
        "words × dimensions × taps of all filters": ((shape.words + 1) * shape.dimensions * taps, 1 << 36),
    }
    for name, (size, limit) in largest.items():
        if size > limit:
            raise InputError(
                f"The model is too large for a packed file: {name} is {size:,}, the limit is {limit:,}. "
                "Reduce --max-words, --dimensions, --filters or --widths."
            )


family = Family(
    "textcnn",
    TEXTCNN_KINDS,
    STRUCTURE,
    USUAL_CRITERION,
    FASTER,
    check,
    settle_tokenizer,
    begin,
    encoded_inputs,
    write_float,
    read_float,
    pack,
    size_of_packed,
    graph,
    words_of,
    _PACKED,
    _TABLES,
    lambda texts: {},
    {},
    None,
    taught=True,
    timed=1000,
)
