"""The transformer family: how a model begins, reads texts, and is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch

from prunetext.data.dataset import Examples, Input
from prunetext.errors import InputError, require
from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Beginning, Family, Request
from prunetext.models.tensors import digest_of_tensors
from prunetext.models.times import Timing
from prunetext.models.transformer.floats import FAMILY_NAME, read_encoder, write_encoder
from prunetext.models.transformer.folder import Pretrained, read_pretrained
from prunetext.models.transformer.grouping import DEFAULT_KINDS, FASTER_KINDS, TRANSFORMER_KINDS
from prunetext.models.transformer.mending import mend_encoder
from prunetext.models.transformer.model import TextEncoder
from prunetext.models.transformer.numbers import NUMBER_FORMATS
from prunetext.models.transformer.pacing import RECOVERY, TOKENS_AT_MOST, encoder_pace
from prunetext.models.transformer.packing import pack_encoder, size_of_encoder
from prunetext.models.transformer.reading import TokenReader
from prunetext.models.transformer.scripts import KEPT_TOKENS, wanted_tokens
from prunetext.models.transformer.stopwatch import times_of_encoder
from prunetext.models.transformer.timing import TimeTable
from prunetext.models.transformer.vocabulary import narrowed
from prunetext.options import DenseOptions, VectorOptions, chosen, refuse_broken

OWN_OPTIONS = (
    "model",
    "max_tokens",
    "features",
    "keep_tokens",
    "numbers",
)  # of DenseOptions; the others are a TextCNN's
_CRITERION, _PACKED = "taylor", "model.onnx"
_WORDS = "words/2"  # cuts texts into words where new ones are made of them


def check_encoder(shape: DenseOptions, learnt: VectorOptions, vectors: Any) -> None:
    """Refuse options of a TextCNN, and what is missing, before anything is read."""
    others = [name for name in (*chosen(shape), *chosen(learnt)) if name not in OWN_OPTIONS]
    if vectors is not None:
        others.append("vectors")
    if others:
        raise InputError(f"{others[0]} is given, but model is {shape.model}, a transformer. Leave {others[0]} out.")
    formats = ("auto", *NUMBER_FORMATS)
    refuse_broken(
        [
            ("max_tokens", most := shape.max_tokens, 8 <= most <= TOKENS_AT_MOST, f"from 8 to {TOKENS_AT_MOST}"),
            ("features", pooling := shape.features, pooling in ("mean", "first"), "mean or first"),
            ("keep_tokens", shape.keep_tokens, shape.keep_tokens in KEPT_TOKENS, "seen, scripts or all"),
            ("numbers", shape.numbers, shape.numbers in formats, f"one of {', '.join(formats)}"),
        ]
    )
    for package in ("tokenizers", "onnx", "onnxruntime"):
        require(package, extra="encoders")


def begin_encoder(request: Request) -> Beginning:
    """The encoder, with the tokens of the texts alone, and a head that gives all labels the same logit."""
    shape = request.shape
    if request.data.train.task.has_steps:
        raise InputError(
            f"{request.data.name}: these texts have scores, but a transformer, such as {shape.model}, learns labels "
            "alone. Leave --model out, or give labels with --label."
        )
    place = shape.model if request.like is None else str(request.vectors)  # where it is by now
    found = read_pretrained(place)
    longest = min(found.layout.longest, shape.max_tokens)
    found = with_tokens_of(found, request.texts, longest, shape.keep_tokens)
    layout = dataclasses.replace(found.layout, pooling=shape.features, longest=longest)
    tensors, hidden = dict(found.tensors), found.tensors["layers.0.norm.weight"].shape[0]
    if "positions.weight" in tensors:  # those that no text reaches take room alone
        tensors["positions.weight"] = tensors["positions.weight"][: layout.first_position + layout.longest]
    classes = len(request.labels)
    tensors |= {"head.weight": torch.zeros(classes, hidden), "head.bias": torch.zeros(classes)}
    first = TextEncoder(tensors, layout)
    kinds = 0 if first.token_kinds is None else first.token_kinds.num_embeddings
    reader = TokenReader(found.tokenizer, layout.longest, first.words.num_embeddings, kinds)
    recipe = {"model": FAMILY_NAME, "max_tokens": shape.max_tokens, "features": shape.features}
    recipe |= {"numbers": shape.numbers}
    if shape.keep_tokens != KEPT_TOKENS[0]:
        recipe["keep_tokens"] = shape.keep_tokens
    recipe |= {"tokenizer": shape.tokenizer, "vectors": digest_of_tensors(tensors)}
    return Beginning(reader, lambda: TextEncoder(tensors, layout), first.work, [], recipe)


def with_tokens_of(found: Pretrained, texts: Sequence[str], longest: int, which: str = KEPT_TOKENS[0]) -> Pretrained:
    """The encoder without the tokens that none of these texts has, but for those that unknown words fall back to.

    longest: the tokens of a text that are read. which: of `KEPT_TOKENS`.
    """
    words = found.tensors["words.weight"]
    wanted = wanted_tokens(TokenReader(found.tokenizer, longest, len(words)), texts, which)
    fewer = narrowed(found.tokenizer, wanted)
    if fewer.rows and fewer.rows[-1] >= len(words):
        raise InputError(
            f"{found.path}: its tokenizer has tokens that the model has no vectors of. Give a whole model."
        )
    tensors = {**found.tensors, "words.weight": words[fewer.rows]}
    return found._replace(tensors=tensors, tokenizer=fewer.tokenizer)


def settle_words(shape: DenseOptions, train: Examples) -> DenseOptions:
    """The options with the tokenizer that cuts texts into words where new ones are made of them."""
    return dataclasses.replace(shape, tokenizer=_WORDS)


def encoded_tokens(reader: TokenReader, inputs: Sequence[Input]) -> Encoded:
    """Ids of texts, or of pairs of them."""
    return reader.encode(inputs)


transformer_family = Family(
    FAMILY_NAME,
    TRANSFORMER_KINDS,
    DEFAULT_KINDS,
    _CRITERION,
    FASTER_KINDS,
    check_encoder,
    settle_words,
    begin_encoder,
    encoded_tokens,
    write_encoder,
    read_encoder,
    pack_encoder,
    size_of_encoder,
    None,
    None,
    _PACKED,
    NUMBER_FORMATS,
    encoder_pace,
    RECOVERY,
    mend_encoder,
    taught=False,
    timed=128,
    number_parts=TextEncoder.number_parts,
    timing=Timing(times_of_encoder, TimeTable.of),
)
