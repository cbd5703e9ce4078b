"""From a float TextCNN to the packed file: rounded weights, sorted words, labels and provenance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from prunetext.models.textcnn.costs import UNKNOWN, WORDS
from prunetext.models.textcnn.model import TextCNN, rounded_rows
from prunetext.models.textcnn.pair import PairCNN
from prunetext.models.textcnn.rounding import rounding_of
from prunetext.runtime import format as file_format
from prunetext.runtime._native import TOKENIZER
from prunetext.runtime.coding import Units


def kept_words(model: TextCNN, words: Sequence[str]) -> list[str]:
    """The words that still have a row of their own, in the order of the rows.

    kept_words(small, vocabulary.words)     # words: of the vocabulary that the model's ids come from
    """
    rows = model.remap[WORDS:].numpy()
    kept = np.flatnonzero(rows != UNKNOWN)
    return [words[at] for at in kept[np.argsort(rows[kept])]]


@torch.no_grad()
def packed_tensors(model: TextCNN, words: Sequence[str], table: str) -> dict[str, np.ndarray | Units]:
    """Every tensor of the file, rounded; `words` are those of `kept_words`, `table` is "int8" or "int16"."""
    steps = rounding_of(model, table)
    order = sorted(range(len(words)), key=lambda row: words[row].encode())
    rows = torch.tensor([UNKNOWN, *(WORDS + row for row in order)])
    bits = model.bits[rows]
    multipliers = (steps.multipliers.get(4, 1), steps.multipliers.get(2, 1))
    embedding = Units(
        units(rounded_rows(model.embedding[rows], bits, steps) / steps.embedding), bits.numpy(), multipliers
    )
    tensors: dict[str, np.ndarray | Units] = {
        "embedding": embedding,
        "embedding.scale": np.array([steps.embedding], np.float32),
        "head.weight": model.head.weight.numpy(),
        "head.bias": model.head.bias.numpy(),
        "vocabulary": np.frombuffer(file_format.encode_vocabulary([words[row] for row in order]), np.uint8),
    }
    if isinstance(model, PairCNN):
        tensors["match"] = units(model.match / steps.embedding)
    first = 0
    for width in model.widths:
        conv = model.conv(width)
        own = slice(first, first + len(conv.bias))
        first = own.stop
        tensors[f"conv{width}.weight"] = Units(units(conv.weight / steps.weight[own, None, None]))
        tensors[f"conv{width}.scale"] = steps.weight[own].numpy()
        tensors[f"conv{width}.table_scale"] = steps.table[own].numpy()
        tensors[f"conv{width}.bias"] = conv.bias.numpy()
    return tensors


def units(values: torch.Tensor) -> np.ndarray:
    """Round to int8."""
    return values.round().clamp(-127, 127).to(torch.int8).numpy()


def task_of(texts: int, thresholds: Sequence[float] | None) -> str:
    """What a model does, by the texts of an example and the thresholds of its labels.

    >>> task_of(2, None), task_of(1, [0.5, 0.5])
    ('pairs', 'labels')
    """
    if thresholds is not None:
        return "labels"
    return "classification" if texts == 1 else "pairs"


def pack(
    model: TextCNN,
    words: Sequence[str],
    labels: Sequence[str],
    path: Path,
    *,
    table: str = "int8",
    temperature: float = 1.0,
    reject: float | None = None,
    thresholds: Sequence[float] | None = None,
    provenance: dict[str, Any] | None = None,
) -> int:
    """Write the packed file and return its bytes.

        size = pack(small, vocabulary.words, ["dull", "great"], Path("model.safetensors"))

    `words` are those of the vocabulary that the model's ids come from; removed ones are left out. `temperature` divides
    the logits; texts of a probability below `reject` may be rejected. With `thresholds`, one for each label, a text has
    all labels whose probability is at least theirs.
    """
    metadata = {
        "task": task_of(model.texts, thresholds),
        "labels": json.dumps(list(labels), ensure_ascii=False, separators=(",", ":")),
        "tokenizer": TOKENIZER,
        "pooling": model.pooling,
        "table": table,
        "temperature": repr(temperature),
        "provenance": json.dumps(provenance or {}, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
    }
    if isinstance(model, PairCNN):
        metadata["positive"] = json.dumps(labels[int(model.positive)], ensure_ascii=False)
    if reject is not None:
        metadata["reject"] = repr(reject)
    if thresholds is not None:
        metadata["thresholds"] = json.dumps([float(each) for each in thresholds], separators=(",", ":"))
    return file_format.write(path, packed_tensors(model, kept_words(model, words), table), metadata)
