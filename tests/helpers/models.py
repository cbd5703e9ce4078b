"""Models as tests hand them on: packed in one call, with their words and labels, or with units masked in a copy."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prunetext.data.task import Task
from prunetext.models.groups import Kept
from prunetext.models.protocol import Packing, Trained
from prunetext.models.textcnn import packing
from prunetext.models.textcnn.model import TextCNN
from prunetext.pruning.shrinking import removed


def trained(
    model: TextCNN,
    words: Sequence[str],
    labels: Sequence[str],
    thresholds: Sequence[float] | None = None,
    epochs: float = 1.0,
) -> Trained:
    """A TextCNN with what it needs to label texts."""
    task = Task(model.texts, "label" if thresholds is None else "labels")
    listed = None if thresholds is None else list(thresholds)
    return Trained("textcnn", model, list(labels), task, list(words), listed, epochs)


def pack(
    model: TextCNN,
    words: Sequence[str],
    labels: Sequence[str],
    path: Path,
    *,
    thresholds: Sequence[float] | None = None,
    **how: Any,
) -> int:
    """Write the packed file of a model; `how` are fields of `Packing`."""
    return packing.pack(trained(model, words, labels, thresholds), path, Packing(**how))


def mask(model: TextCNN, kept: Kept) -> TextCNN:
    """A copy of the same sizes without what is not kept."""
    masked = copy.deepcopy(model)
    masked.load_state_dict({name: each for name, each in removed(model, kept).items() if name != "static"})
    return masked
