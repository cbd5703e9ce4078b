"""A small training: what it begins with, what it ends with, and how it is stopped or told what dev says."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.kills import KilledError
from prunetext.models.encoded import Encoded
from prunetext.models.textcnn.layout import Shape
from prunetext.models.textcnn.model import TextCNN
from prunetext.training.loop import Hooks, Progress, train_model
from prunetext.training.settings import Settings

SETTINGS = Settings(epochs=3, batch_size=16, learning_rate=1e-2, embedding_rate=3e-2)
PER_EPOCH = 6  # of 90 texts
LONGER = Settings(epochs=20, batch_size=16, learning_rate=2e-2, embedding_rate=5e-2, patience=20)

Sets = tuple[Encoded, Encoded, int]  # train, dev and the number of words, as the fixture `sets` gives them


def new_model(words: int, *, static: int = 0, seed: int = 0) -> TextCNN:
    torch.manual_seed(seed)
    return TextCNN(Shape(words, 8, {1: 4, 2: 3}, classes=3), static=static)


def weights(model: TextCNN) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


def train(sets: Sets, *, rounded: bool = False, **arguments: Any) -> dict[str, Tensor]:
    model = new_model(sets[2])
    hooks = Hooks(start_epoch=TextCNN.fit_grid if rounded else None)
    with model.on_grid() if rounded else nullcontext():
        train_model(model, sets[0], sets[1], arguments.pop("settings", SETTINGS), hooks=hooks, **arguments)
    return weights(model)


def killed_at(step: int) -> Callable[[Progress], None]:
    def progress(now: Progress) -> None:
        if now.done == step:
            raise KilledError

    return progress


class Scripted(TextCNN):
    """A model that says in prediction what makes dev, texts of the first class, find the next accuracy and loss."""

    def __init__(self, words: int, scores: list[tuple[float, float]]) -> None:
        super().__init__(Shape(words, 8, {1: 4, 2: 3}, classes=3))
        self.scores = scores
        self.seen: list[dict[str, Tensor]] = []  # the weights that were judged

    def forward(self, ids: Tensor) -> Tensor:
        if self.training:
            return super().forward(ids)
        accuracy, loss = self.scores[len(self.seen)]
        self.seen.append(weights(self))
        wrong = round(len(ids) * (1 - accuracy))
        logits = torch.tensor([[99.0, 0.0, 0.0]]).repeat(len(ids), 1)
        logits[:wrong] = torch.tensor([0.0, len(ids) * (loss + 1) / max(wrong, 1), 0.0])
        return logits


def scripted(words: int, scores: list[tuple[float, float]]) -> tuple[Scripted, Encoded]:
    """The model, and 100 texts as dev; losses are one higher, since what is wrong costs something."""
    torch.manual_seed(0)
    dev = Encoded(np.full(100, 2, np.int32), np.arange(101), torch.zeros(100, dtype=torch.int64))
    return Scripted(words, scores), dev
