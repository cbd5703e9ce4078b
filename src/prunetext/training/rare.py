"""Classes of few texts in training: which epoch is the best for them, and the biases that let them be found."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Model
from prunetext.statistics.biases import Biases, fit_biases
from prunetext.statistics.metrics import Measure
from prunetext.training.answering import dev_values, logits


def dev_biases(model: Model, dev: Encoded, rare: Sequence[int]) -> Biases:
    """The biases that suit dev best."""
    return fit_biases(logits(model, dev).double().numpy(), dev.targets.numpy(), rare)


def rare_values(
    model: Model,
    dev: Encoded,
    measure: Measure | None = None,
    class_weights: tuple[float, ...] = (),
    *,
    rare: list[int],
) -> tuple[float, float]:
    """The metric on dev, as `dev_values` gives it, and the loss that is left with the best biases of the rare classes.

    Of a few texts, accuracy and F1 are a coin toss, and the plain loss is that of the surest mistakes.
    """
    return dev_values(model, dev, measure, class_weights)[0], dev_biases(model, dev, rare).loss


def take_biases(model: Model, dev: Encoded, rare: Sequence[int]) -> None:
    """Give the model the biases that suit dev best."""
    model.shift(torch.from_numpy(dev_biases(model, dev, rare).offsets).float())
