"""A problem whose models note the beginning of each of their trainings."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from torch import optim

from prunetext.models.protocol import Model, Rates
from prunetext.models.textcnn.model import TextCNN
from prunetext.pruning.problem import Problem


class Start(NamedTuple):
    """The model as a training found it, how fast it is trained, and the model itself, which goes on changing."""

    before: TextCNN
    rates: Rates
    model: TextCNN


def noting(problem: Problem) -> tuple[Problem, list[Start]]:
    """The same problem, and the trainings that a search of it has begun so far."""
    found: list[Start] = []

    class Noting(TextCNN):
        def optimizers(self, rates: Rates, frozen: Callable[[str], bool] | None = None) -> list[optim.Optimizer]:
            before = copy.deepcopy(self)
            before.rounds = False  # it is trained on the packed file's grid
            found.append(Start(before, rates, self))
            return super().optimizers(rates, frozen)

    def like(model: Model) -> Noting:
        assert isinstance(model, TextCNN)
        same = Noting(model.shape, static=model.static, dropout=model.dropout)
        same.load_state_dict(model.state_dict())
        return same

    begin = problem.untrained
    assert begin is not None
    return replace(problem, dense=like(problem.dense), untrained=lambda: like(begin())), found
