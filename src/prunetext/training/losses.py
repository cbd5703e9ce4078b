"""What a student learns from: labels, the probabilities of a teacher, or a mix of both."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from prunetext.models.encoded import UNLABELLED


def shares(targets: Tensor, soft: Tensor, share: float) -> Tensor:
    """The teacher's part of each text's loss, shape (n,): all of it where there is no label, none where it is silent.

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

    Of several labels each has a probability of its own, as in the second example.
    """
    part = shares(targets, soft, share)[:, None]
    labels = targets.clamp(min=0)
    truth = functional.one_hot(labels, soft.shape[1]) if targets.dim() == 1 else labels
    return part * soft + (1 - part) * truth


def distribution(targets: Tensor, soft: Tensor | None, share: float, classes: int) -> Tensor:
    """One distribution for each text, (n, classes), with a teacher or without.

    >>> distribution(torch.tensor([1]), None, 0.5, 2).tolist()
    [[0.0, 1.0]]
    """
    return functional.one_hot(targets, classes).float() if soft is None else blended(targets, soft, share)


def text_losses(logits: Tensor, targets: Tensor, several: bool = False) -> Tensor:
    """The loss of each text (nats), shape (n,): cross-entropy, or that of each of its labels alone, added up.

    >>> text_losses(torch.zeros(1, 4), torch.tensor([2])).tolist()
    [1.3862943649291992]
    >>> text_losses(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), several=True).tolist()
    [1.3862943649291992]

    targets are classes (n,), or probabilities (n, classes): of `several` labels, one for each by itself.
    """
    if several:
        return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(1)
    return functional.cross_entropy(logits, targets, reduction="none")


def mean_loss(logits: Tensor, targets: Tensor, several: bool = False) -> Tensor:
    """The mean of `text_losses`."""
    if several:
        return text_losses(logits, targets, several).mean()
    return functional.cross_entropy(logits, targets)  # which rounds otherwise than a mean of its parts


def distillation_loss(
    logits: Tensor,
    targets: Tensor,
    soft: Tensor | None,
    share: float,
    temperature: float,
    class_weights: tuple[float, ...] = (),
    several: bool = False,
) -> Tensor:
    """Mean loss (nats) of logits (n, classes): share · T² · H(soft, softmax(logits / T)) + (1 − share) · H(label).

    >>> logits, label = torch.tensor([[0.0, 0.0]]), torch.tensor([0])
    >>> float(distillation_loss(logits, label, None, 0.5, 1.0))
    0.6931471824645996

    targets (n,) are classes, or `UNLABELLED`, or probabilities (n, classes) that stand for both; soft (n, classes) is
    the teacher's softmax at the temperature T, or zeros where it said nothing. Of `several` labels each is learnt by
    itself, and softmax is the logistic function. class_weights (classes,) multiply what
    is learnt of labels, by the label; what a teacher says is learnt as it is.
    Source: Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network".
    """
    if soft is None and not class_weights:
        return mean_loss(logits, targets, several)
    if soft is not None and temperature == 1 and not class_weights:
        return mean_loss(logits, blended(targets, soft, share), several)
    labels = targets.clamp(min=0)
    of_label = text_losses(logits, labels, several)
    if class_weights:
        of_label = of_label * torch.tensor(class_weights)[labels]
    if soft is None:
        return of_label.mean()
    part = shares(targets, soft, share)
    of_soft = text_losses(logits / temperature, soft, several) * temperature**2
    return (part * of_soft + (1 - part) * of_label).mean()


def balanced(targets: Tensor, classes: int) -> tuple[float, ...]:
    """A weight for each class, the inverse of how often it occurs; the mean over labelled texts is 1.

    >>> balanced(torch.tensor([0, 0, 0, 1, -1]), 2)
    (0.6666666666666666, 2.0)
    """
    counts = torch.bincount(targets[targets != UNLABELLED], minlength=classes).double()
    weights = counts.sum() / (counts.count_nonzero() * counts.clamp(min=1))
    return tuple(weights.tolist())


def softened(logits: Tensor, temperature: float, several: bool = False) -> Tensor:
    """Probabilities (n, classes) at a temperature; of `several` labels, each by itself.

    >>> softened(torch.tensor([[2.0, 0.0]]), 1e6).round(decimals=3).tolist()
    [[0.5, 0.5]]
    """
    return torch.sigmoid(logits / temperature) if several else torch.softmax(logits / temperature, dim=1)
