"""The packed file of a TextCNN that no run has made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prunetext.data.task import Task
from prunetext.models.protocol import Packing, Trained
from prunetext.models.textcnn import packing
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.reading import Reader


def trained_model(
    model: TextCNN, words: Sequence[str], labels: Sequence[str], thresholds: Sequence[float] | None = None
) -> Trained:
    """The model with its words and labels; with thresholds, a text may have several of them."""
    task = Task(model.texts, "label" if thresholds is None else "labels")
    given = None if thresholds is None else list(thresholds)
    return Trained("textcnn", model, list(labels), task, Reader(list(words)), given)


def pack(
    model: TextCNN,
    words: Sequence[str],
    labels: Sequence[str],
    path: Path,
    *,
    thresholds: Sequence[float] | None = None,
    **said: Any,
) -> int:
    """Write it, with what else `Packing` has it say; its bytes."""
    return packing.pack(trained_model(model, words, labels, thresholds), path, Packing(**said))
