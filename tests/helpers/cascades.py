"""Cascades of models that no run has made, and small runs to make one of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import torch

import prunetext
from helpers.encoders import encoder_folder
from helpers.runs import fit
from prunetext.data.dataset import Examples
from prunetext.data.task import Task
from prunetext.fitting.cascading.folder import write_cascade
from prunetext.fitting.effort import Effort
from prunetext.models.protocol import Packing, Trained
from prunetext.models.transformer.folder import read_pretrained
from prunetext.models.transformer.model import TextEncoder
from prunetext.models.transformer.packing import pack_encoder
from prunetext.models.transformer.reading import TokenReader
from prunetext.runtime.classifier import CASCADE_FILE
from prunetext.runtime.states import read_state, write_state

GOOD, BAD = ("great", "funny", "liked", "best"), ("dull", "waste", "bad", "slow")
QUICK_ENCODER = Effort(schedules={"local": "first=2"}, speed_seconds=0.0)
LABELS_OF_THREE = ["label 0", "label 1", "label 2"]  # as the random models of tests/runtime have them


def packed_encoder_file(path: Path, task: Task, thresholds: list[float] | None = None, **said: Any) -> Path:
    """A tiny BERT with a random head of three labels, packed."""
    encoder_folder(path.parent / "bert")
    found = read_pretrained(path.parent / "bert")
    torch.manual_seed(0)
    head = {"head.weight": torch.randn(3, 32), "head.bias": torch.randn(3)}
    model = TextEncoder({**found.tensors, **head}, found.layout)
    reader = TokenReader(found.tokenizer, 24, model.words.num_embeddings, 2)
    packing = Packing("float32", **said)  # with int8, an answer depends on the batch
    pack_encoder(Trained("transformer", model, LABELS_OF_THREE, task, reader, thresholds), path, packing)
    return path


def cascade_of(out: Path, first: Path, second: Path, threshold: float, **changes: Any) -> Path:
    """The folder of a cascade of these two files."""
    task = prunetext.load(first).task
    said = {"format": "prunetext-cascade/1", "task": task, "labels": LABELS_OF_THREE, "threshold": threshold}
    said |= {"confidence": "margin" if task == "labels" else "top", "provenance": {}, **changes}
    write_cascade(out, said, {"first": first, "second": second}, {}, [])
    return out


def change_cascade(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change a cascade's description as if it had been written so; NaN included."""
    values = json.loads(json.dumps(read_state(folder / CASCADE_FILE)))
    write_state(folder / CASCADE_FILE, change(values) or values)


def noisy_reviews(count: int, seed: int = 0) -> Examples:
    """Short texts whose label two words tell, for nine in ten."""
    random, texts, labels = Random(seed), [], []
    for at in range(count):
        words = GOOD if at % 2 else BAD
        texts.append(" ".join(random.sample(["a", "film", "story", "the", "of", "it"], 4) + random.sample(words, 2)))
        labels.append("pos" if (at % 2 == 1) != (random.random() < 0.1) else "neg")
    return Examples(texts, labels)


def run_of_textcnn(data: Any, out: Path, **options: Any) -> Path:
    """A small run of a TextCNN; its folder."""
    shape = {"dimensions": 8, "filters": 4, "widths": "1,2", "epochs": 3.0, "max_drop": 3.0}
    return fit(data, out=out, **{**shape, **options}).path.parent


def run_of_encoder(data: Any, out: Path, folder: Path, **options: Any) -> Path:
    """A small run of a tiny BERT, which is made in this folder if it is not there; the run's folder."""
    if not folder.exists():
        encoder_folder(folder)
    given = {
        "model": str(folder),
        "epochs": 8,
        "schedule": "oneshot:units=0.3",
        "max_tokens": 24,
        "numbers": "float32",
        **options,
    }
    return prunetext.fit(data, out=out, effort=QUICK_ENCODER, **given).path.parent
