"""The targets and losses of a student: labels, a teacher's probabilities, or a mix of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from prunetext.data.task import Task
from prunetext.models.encoded import UNLABELLED
from prunetext.statistics.thresholds import Numbers, tuned

OWN_SHARE = 0.5  # a model's share of the teaching if it has a teacher itself


def shares(targets: Tensor, soft: Tensor, share: float) -> Tensor:
    """The teacher's share of each text's loss, shape (n,): all without a label, none without the teacher's answer.

    >>> shares(torch.tensor([0, -1, 0]), torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.0, 0.0]]), 0.75).tolist()
    [0.75, 1.0, 0.0]
    """
    unlabelled = (targets if targets.dim() == 1 else targets[:, 0]) == UNLABELLED
    part = torch.where(unlabelled, 1.0, share)
    return torch.where(soft.sum(1) > 0, part, 0.0)


def blended(targets: Tensor, soft: Tensor, share: float) -> Tensor:
    """One distribution for each text, (n, classes): the teacher's and the label's, mixed.

    >>> blended(torch.tensor([1]), torch.tensor([[0.5, 0.5]]), 0.5).tolist()
    [[0.25, 0.75]]
    >>> blended(torch.tensor([[1.0, 1.0]]), torch.tensor([[0.5, 0.0]]), 0.5).tolist()
    [[0.75, 0.5]]

    With several labels, each has a probability of its own, as in the second example.
    """
    part = shares(targets, soft, share)[:, None]
    labels = targets.clamp(min=0)
    truth = functional.one_hot(labels, soft.shape[1]) if targets.dim() == 1 else labels
    return part * soft + (1 - part) * truth


def joint(opinions: Tensor, soft: Tensor | None) -> Tensor:
    """Probabilities (n, classes) by a model and by its own teacher, which has said nothing where it has zeros.

    >>> joint(torch.tensor([[0.5, 0.5], [0.5, 0.5]]), torch.tensor([[0.0, 1.0], [0.0, 0.0]])).tolist()
    [[0.25, 0.75], [0.5, 0.5]]
    """
    if soft is None:
        return opinions
    both = OWN_SHARE * opinions + (1 - OWN_SHARE) * soft
    return torch.where(soft.sum(1, keepdim=True) > 0, both, opinions)


def distribution(targets: Tensor, soft: Tensor | None, share: float, classes: int) -> Tensor:
    """One distribution for each text, (n, classes), with a teacher or without.

    >>> distribution(torch.tensor([1]), None, 0.5, 2).tolist()
    [[0.0, 1.0]]
    """
    if soft is not None:
        return blended(targets, soft, share)
    return functional.one_hot(targets, classes).float() if targets.dim() == 1 else targets


def class_counts(targets: Tensor, classes: int) -> list[int]:
    """How many texts have each class, if a text has one; none if it can have several.

    >>> class_counts(torch.tensor([0, 0, 1, -1]), 3), class_counts(torch.tensor([[1.0, 0.0]]), 2)
    ([2, 1, 0], [])
    """
    return torch.bincount(targets[targets != UNLABELLED], minlength=classes).tolist() if targets.dim() == 1 else []


def balanced(targets: Tensor, classes: int) -> tuple[float, ...]:
    """A weight for each class, the inverse of how often it occurs; the mean over labelled texts is 1.

    >>> balanced(torch.tensor([0, 0, 0, 1, -1]), 2)
    (0.6666666666666666, 2.0)
    """
    counts = torch.bincount(targets[targets != UNLABELLED], minlength=classes).double()
    weights = counts.sum() / (counts.count_nonzero() * counts.clamp(min=1))
    return tuple(weights.tolist())


class Loss(NamedTuple):
    """Losses of logits (n, classes), by the task's kind of answer.

    >>> label = loss_of(Task())
    >>> label.texts(torch.zeros(1, 4), torch.tensor([2])).tolist()
    [1.3862943649291992]
    >>> loss_of(Task(answer="labels")).texts(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])).tolist()
    [1.3862943649291992]
    >>> label.softened(torch.tensor([[2.0, 0.0]]), 1e6).round(decimals=3).tolist()
    [[0.5, 0.5]]
    >>> label.smoothed(torch.tensor([1]), 2, 0.5).tolist()
    [[0.25, 0.75]]

    texts: the loss of each text (nats), shape (n,), of targets that are classes (n,), or probabilities (n, classes).
    mean: its mean. softened: probabilities (n, classes) at a temperature. inverse: logits of probabilities, none of
    which is taken to be smaller than the second argument. smoothed: targets of so many classes that give away a share
    of their certainty; those of several labels are left as they are. tuned: the thresholds that suit some probabilities
    and targets, where each label has a probability by itself; None where the largest one decides.
    """

    texts: Callable[[Tensor, Tensor], Tensor]
    mean: Callable[[Tensor, Tensor], Tensor]
    softened: Callable[[Tensor, float], Tensor]
    inverse: Callable[[Tensor, float], Tensor]
    smoothed: Callable[[Tensor, int, float], Tensor]
    tuned: Callable[[Numbers, Numbers], Numbers] | None = None

    def distilled(
        self,
        logits: Tensor,
        targets: Tensor,
        soft: Tensor | None,
        share: float,
        temperature: float,
        class_weights: tuple[float, ...] = (),
        weights: Tensor | None = None,
    ) -> Tensor:
        """Mean loss (nats) of logits (n, classes): share · T² · H(soft, softmax(logits / T)) + (1 − share) · H(label).

        >>> float(loss_of(Task()).distilled(torch.zeros(1, 2), torch.tensor([0]), None, 0.5, 1.0))
        0.6931471824645996

        targets (n,) are classes, or `UNLABELLED`, or probabilities (n, classes) that stand for both; soft (n, classes)
        is the teacher's softmax at the temperature T, or zeros without an answer. With several labels, each is learnt
        by itself, and softmax is the logistic function. class_weights (classes,) multiply the loss of labels, by label;
        the teacher's part has no weights. weights (n,) multiply each text's whole loss:

        >>> targets, said = torch.tensor([0, 1]), torch.tensor([[2.0, 0.0], [2.0, 0.0]])
        >>> loss_of(Task()).distilled(said, targets, None, 0.5, 1.0, weights=torch.tensor([2.0, 0.0])).round(decimals=4)
        tensor(0.1269)

        Source: Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network".
        """
        plain = not class_weights and weights is None
        if soft is None and plain:
            return self.mean(logits, targets)
        if soft is not None and temperature == 1 and plain:
            return self.mean(logits, blended(targets, soft, share))
        each = self.weighed(logits, targets, soft, share, temperature, class_weights)
        return each.mean() if weights is None else (each * weights).mean()

    def weighed(
        self,
        logits: Tensor,
        targets: Tensor,
        soft: Tensor | None,
        share: float,
        temperature: float,
        class_weights: tuple[float, ...],
    ) -> Tensor:
        """The loss of each text, (n,), whose mean `distilled` gives."""
        labels = targets.clamp(min=0)
        of_label = self.texts(logits, labels)
        if class_weights:
            of_label = of_label * torch.tensor(class_weights, device=labels.device)[labels]
        if soft is None:
            return of_label
        part = shares(targets, soft, share)
        of_soft = self.texts(logits / temperature, soft) * temperature**2
        return part * of_soft + (1 - part) * of_label


def loss_of(task: Task) -> Loss:
    """The loss of a task's answers: of one label, of several, or of a score's steps."""
    return LOSSES[task.answer]


def half(probabilities: Numbers, targets: Numbers) -> Numbers:
    """The thresholds of steps of scores: a step counts as passed from one half on, whatever the targets are."""
    return np.full(probabilities.shape[1], 0.5)


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(logits, targets, reduction="none")


def _mean_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(logits, targets)  # it rounds otherwise than a mean of its parts


def _logistic(logits: Tensor, targets: Tensor) -> Tensor:
    """The sum of each label's loss."""
    return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(1)


LOSSES: dict[str, Loss] = {
    "label": Loss(
        _cross_entropy,
        _mean_cross_entropy,
        lambda logits, heat: torch.softmax(logits if heat == 1 else logits / heat, dim=1),
        inverse=lambda probabilities, least: probabilities.clamp(min=least).log(),
        smoothed=lambda targets, classes, share: functional.one_hot(targets, classes) * (1 - share) + share / classes,
    ),
    "labels": Loss(
        _logistic,
        lambda logits, targets: _logistic(logits, targets).mean(),
        lambda logits, heat: torch.sigmoid(logits / heat),
        inverse=lambda probabilities, least: probabilities.logit(least),
        smoothed=lambda targets, classes, share: targets,
        tuned=tuned,
    ),
}
LOSSES["score"] = LOSSES["labels"]._replace(tuned=half)  # each step by itself, with the share of it that is passed
