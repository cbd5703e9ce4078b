"""The answers of a float model: logits, probabilities, and which of several labels each text gets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Model
from prunetext.statistics.answers import Answers, Array
from prunetext.statistics.gold import Gold
from prunetext.statistics.metrics import Measure
from prunetext.training.batches import evaluation_batches
from prunetext.training.losses import loss_of

Rows = npt.NDArray[np.int64]


@torch.no_grad()
def logits(model: Model, examples: Encoded) -> Tensor:
    """Logits (n, classes) of all texts, in their order, none cropped."""
    model.eval()
    place = next(model.parameters()).device
    out = torch.empty(len(examples), model.classes)
    for rows in evaluation_batches(examples, model.work):
        out[torch.from_numpy(rows)] = model(examples.take(rows).to(place)).float().cpu()
    return out


def probabilities(model: Model, examples: Encoded) -> Array:
    """Probabilities (n, classes) of all texts."""
    return loss_of(examples.task).softened(logits(model, examples).double(), 1.0).numpy()


def thresholds_of(model: Model, dev: Encoded) -> Array | None:
    """The probabilities from which a text has each label, tuned on dev; None if each text has one label, or a score."""
    return None if dev.task.has_steps else tuned_on(dev, lambda: probabilities(model, dev))


def tuned_on(examples: Encoded, found: Callable[[], Array], rows: Rows | None = None) -> Array | None:
    """The thresholds that suit the probabilities of some examples best; None if each has one label."""
    tuned = loss_of(examples.task).tuned
    if tuned is None:
        return None
    seen = slice(None) if rows is None else rows
    return tuned(found()[seen], examples.targets.numpy()[seen])


def answers(model: Model, examples: Encoded, thresholds: Array | None = None, rows: Rows | None = None) -> Answers:
    """The model's answers to all texts.

    Several labels are given by these thresholds, or by those that suit the examples (or `rows` of them) best.
    """
    return answered(probabilities(model, examples), examples, thresholds, rows)


def answered(found: Array, examples: Encoded, thresholds: Array | None = None, rows: Rows | None = None) -> Answers:
    """The probabilities with the labels chosen by them, as for `answers`."""
    return Answers.of(found, tuned_on(examples, lambda: found, rows) if thresholds is None else thresholds)


def dev_values(
    model: Model, dev: Encoded, measure: Measure | None = None, class_weights: tuple[float, ...] = ()
) -> tuple[float, float]:
    """Accuracy, or the value of another metric (a share), and the cross-entropy (nats) on dev."""
    loss, scores = loss_of(dev.task), logits(model, dev)
    measure = measure or Measure("accuracy", Gold(dev.targets.numpy()))
    value = measure.value(answered(loss.softened(scores.double(), 1.0).numpy(), dev))
    return value, float(loss.distilled(scores, dev.targets, None, 0.0, 1.0, class_weights))
