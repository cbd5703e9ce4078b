"""Any model file as something that answers."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunetext.data.task import Task
from prunetext.errors import require
from prunetext.modelfiles.header import is_float, read_header
from prunetext.modelfiles.inspection import provenance_of
from prunetext.runtime.api import load
from prunetext.runtime.classifier import Classifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunetext.data.dataset import Input
    from prunetext.statistics.metrics import Array


class Answering:
    """A model of either kind, as far as it labels texts."""

    labels: list[str]

    def __init__(self, model: str | os.PathLike[str] | Classifier) -> None:
        self.name = repr(model) if isinstance(model, Classifier) else os.fspath(model)
        self.classifier: Classifier | None = None
        self.path: Path | None = None
        if isinstance(model, Classifier):
            self.classifier = model
        elif is_float(model):
            require("torch", extra="train")
            self.path = Path(model)
        else:
            self.classifier = load(model)
        if self.classifier is not None:
            self.labels = self.classifier.labels
        else:
            from prunetext.modelfiles.trained import read_trained

            assert self.path is not None
            self.trained = read_trained(self.path)
            self.labels = self.trained.labels

    @property
    def task(self) -> Task:
        """What it is asked."""
        return self.trained.task if self.classifier is None else Task.named(self.classifier.task)

    @property
    def recipe(self) -> dict[str, Any]:
        """How the model was made, as far as it says so."""
        if self.classifier is not None:
            recipe = provenance_of(self.classifier.metadata).get("recipe")
        else:
            assert self.path is not None
            recipe = json.loads(read_header(self.path).metadata.get("recipe", "null"))
        return recipe if isinstance(recipe, dict) else {}

    def scores(self, inputs: Sequence[Input]) -> Array:
        """Probabilities (n, classes) of each text, or pair of texts; or which of several labels each is given."""
        if self.classifier is not None:
            from prunetext.statistics.metrics import packed_answers

            return packed_answers(self.classifier, inputs)
        import numpy as np

        from prunetext.models.protocol import load_family
        from prunetext.training.answering import answers

        found = self.trained
        encoded = load_family(found.family).encode(found.reader, inputs)
        thresholds = None if found.thresholds is None else np.array(found.thresholds)
        return answers(found.model, dataclasses.replace(encoded, task=found.task), thresholds)
