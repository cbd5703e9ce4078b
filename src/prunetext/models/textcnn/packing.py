"""From a float TextCNN to the packed file: rounded weights, sorted words, labels and provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from prunetext.data.scores import levels_of, score_name
from prunetext.models.protocol import Packing, Trained
from prunetext.models.provenance import found_out, threshold_text
from prunetext.models.textcnn.bigrams import BigramCNN
from prunetext.models.textcnn.layout import UNKNOWN, WORDS
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.pair import PairCNN
from prunetext.models.textcnn.reading import Reader
from prunetext.models.textcnn.rounding import rounded_rows, rounding_of
from prunetext.runtime import format as file_format
from prunetext.runtime.coding import CodedUnits

PLAIN_PACKING = Packing()


def kept_words(model: TextCNN, words: Sequence[str]) -> list[str]:
    """The words that still have their own row, in the order of the rows.

    kept_words(small, vocabulary.words)     # words: of the vocabulary that the model's ids come from
    """
    rows = model.remap[WORDS:].numpy()
    kept = np.flatnonzero(rows != UNKNOWN)
    return [words[at] for at in kept[np.argsort(rows[kept])]]


@torch.no_grad()
def packed_tensors(model: TextCNN, every: Sequence[str], table: str) -> dict[str, np.ndarray | CodedUnits]:
    """Every tensor of the file, rounded; `every` word of the vocabulary, `table` is "int8" or "int16"."""
    words = kept_words(model, every)
    steps = rounding_of(model, table)
    order = sorted(range(len(words)), key=lambda row: words[row].encode())
    rows = torch.tensor([UNKNOWN, *(WORDS + row for row in order)])
    bits = model.bits[rows]
    multipliers = (steps.multipliers.get(4, 1), steps.multipliers.get(2, 1))
    embedding = CodedUnits(
        units(rounded_rows(model.embedding[rows], bits, steps) / steps.embedding), bits.numpy(), multipliers
    )
    tensors: dict[str, np.ndarray | CodedUnits] = {
        "embedding": embedding,
        "embedding.scale": np.array([steps.embedding], np.float32),
        "head.weight": model.head.weight.numpy(),
        "head.bias": model.head.bias.numpy(),
        "vocabulary": np.frombuffer(file_format.encode_vocabulary([words[row] for row in order]), np.uint8),
    }
    if isinstance(model, BigramCNN) and len(model.listed):
        tensors |= packed_bigrams(model, every)
    if isinstance(model, PairCNN):
        tensors["match"] = units(model.match / steps.embedding)
    first = 0
    for width in model.widths:
        conv = model.conv(width)
        own = slice(first, first + len(conv.bias))
        first = own.stop
        tensors[f"conv{width}.weight"] = CodedUnits(units(conv.weight / steps.weight[own, None, None]))
        tensors[f"conv{width}.scale"] = steps.weight[own].numpy()
        tensors[f"conv{width}.table_scale"] = steps.table[own].numpy()
        tensors[f"conv{width}.bias"] = conv.bias.numpy()
    return tensors


def packed_bigrams(model: BigramCNN, every: Sequence[str]) -> dict[str, np.ndarray]:
    """The bigrams, sorted, and their weights."""
    bigrams = [f"{every[one - WORDS]} {every[other - WORDS]}" for one, other in model.listed.tolist()]
    order = sorted(range(len(bigrams)), key=lambda row: bigrams[row].encode())
    return {
        "bigrams": np.frombuffer(file_format.encode_vocabulary([bigrams[row] for row in order]), np.uint8),
        "bigrams.weight": units(model.bigrams[order] / model.unit()),
        "bigrams.scale": np.array([float(model.unit())], np.float32),
    }


def units(values: torch.Tensor) -> np.ndarray:
    """Round to int8."""
    return values.round().clamp(-127, 127).to(torch.int8).numpy()


def described(trained: Trained, packing: Packing) -> dict[str, str]:
    """The model's entries in the file's header."""
    model = cast(TextCNN, trained.model)
    metadata = {
        "task": trained.task.name,
        "labels": json.dumps(trained.labels, ensure_ascii=False, separators=(",", ":")),
        "tokenizer": cast(Reader, trained.reader).tokenizer,
        "pooling": model.pooling,
        "table": packing.table,
        **found_out(packing),
    }
    if isinstance(model, PairCNN):
        metadata["positive"] = json.dumps(trained.labels[int(model.positive)], ensure_ascii=False)
    if trained.task.has_steps:
        metadata["levels"] = f"[{','.join(map(score_name, levels_of(trained.labels)))}]"
    if trained.thresholds is not None:
        metadata["thresholds"] = f"[{','.join(map(threshold_text, trained.thresholds))}]"
    return metadata


def contents(trained: Trained, packing: Packing) -> tuple[Mapping[str, Any], dict[str, str]]:
    """The tensors and the header entries of the packed file."""
    model = cast(TextCNN, trained.model)
    return packed_tensors(model, trained.reader.words, packing.table), described(trained, packing)


def pack(trained: Trained, path: Path, packing: Packing = PLAIN_PACKING) -> int:
    """Write the packed file and return its bytes.

        size = pack(trained, Path("model.safetensors"), Packing(temperature=1.2))

    The reader's words are those of the vocabulary that the model's ids come from; removed ones are left out. With
    thresholds, one for each label, a text has all labels whose probability is at least theirs.
    """
    return file_format.write(path, *contents(trained, packing))


def size_of_packed(trained: Trained, packing: Packing = PLAIN_PACKING) -> int:
    """The bytes that `pack` would write; nothing is written."""
    return len(file_format.encoded_file(*contents(trained, packing)))
