"""A small training: what it begins with, what it ends with, and how it is stopped or told what dev says."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from helpers.kills import KilledError
from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Model
from prunetext.models.textcnn.layout import Shape
from prunetext.models.textcnn.model import TextCNN
from prunetext.training.loop import Hooks, Judge, Progress, train_model
from prunetext.training.settings import Settings

SETTINGS = Settings(epochs=3, batch_size=16, learning_rate=1e-2, embedding_rate=3e-2)
PER_EPOCH = 6  # of 90 texts
LONGER = Settings(epochs=20, batch_size=16, learning_rate=2e-2, embedding_rate=5e-2, patience=20)

Sets = tuple[Encoded, Encoded, int]  # train, dev and the number of words, as the fixture `sets` gives them


def new_model(words: int, *, static: int = 0, seed: int = 0) -> TextCNN:
    torch.manual_seed(seed)
    return TextCNN(Shape(words, 8, {1: 4, 2: 3}, classes=3), static=static)


def weights(model: Model) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


def train(sets: Sets, *, rounded: bool = False, **arguments: Any) -> dict[str, Tensor]:
    model = new_model(sets[2])
    hooks = Hooks(start_epoch=(lambda now: now.fit_grid()) if rounded else None)
    with model.on_grid() if rounded else nullcontext():
        train_model(model, sets[0], sets[1], arguments.pop("settings", SETTINGS), hooks=hooks, **arguments)
    return weights(model)


def killed_at(step: int) -> Callable[[Progress], None]:
    def progress(now: Progress) -> None:
        if now.done == step:
            raise KilledError

    return progress


def scripted(scores: list[tuple[float, float]]) -> tuple[Judge, list[dict[str, Tensor]]]:
    """What lets dev say these accuracies and losses, one after each epoch, and the weights that it was asked about."""
    seen: list[dict[str, Tensor]] = []

    def judge(model: Model, *given: object) -> tuple[float, float]:
        seen.append(weights(model))
        return scores[len(seen) - 1]

    return judge, seen
