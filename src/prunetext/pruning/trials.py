"""Judge the candidates of a search: bytes, the drop on dev, the speed, and whether unseen texts agree."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from prunetext.models.encoded import Encoded
from prunetext.models.groups import TIME
from prunetext.models.protocol import Model
from prunetext.pruning.budget import Budget
from prunetext.pruning.problem import Problem, sides_of_dev
from prunetext.pruning.shrinking import in_form, least_kept, shrink
from prunetext.pruning.steps import Outcome
from prunetext.statistics.answers import Answers
from prunetext.statistics.expected import expected_drop
from prunetext.statistics.metrics import Measure
from prunetext.statistics.watch import NOTHING, Watch, watch_of
from prunetext.training.answering import answers

MOST_LEARNT = 2000  # texts of train, of rare classes
UNSEEN = 50.0  # points, over the number of texts: half a changed label that so few texts do not show
MOST_SILENT = 2000  # texts without labels on which harm is measured,
MOST_SILENT_TOKENS, SILENT_WORK = 300_000, 4e11  # the tokens of all of them, and the dense model's multiplications


class Learnt(NamedTuple):
    """Texts of train that have rare classes, and those that the dense model gets right: dev holds few of them."""

    examples: Encoded
    watch: Watch


class Silent(NamedTuple):
    """Texts whose labels are not looked at, and the dense model's answers to them."""

    examples: Encoded
    dense: Answers

    def harm(self, now: Answers) -> float:
        """The points that a model with these answers loses, as far as the dense model knows."""
        rows, believed = np.arange(len(self.examples)), self.dense.probabilities
        return 100 * float(np.mean(believed[rows, self.dense.winners()] - believed[rows, now.winners()]))


class Evaluator(NamedTuple):
    """The judge of candidates: dev, its rows that a search sees, and the dense model's answers to all of it."""

    dev: Encoded
    measure: Measure
    search_rows: np.ndarray
    confirm_rows: np.ndarray
    dense_answers: Answers
    packed_size: Callable[[Model], int]
    speed: Callable[[Model], float] | None
    watch: Watch = NOTHING
    learnt: Learnt | None = None  # if there are rare classes
    silent: Silent | None = None  # if drops are of accuracy

    def answers(self, model: Model) -> Answers:
        """The model's answers to dev; for several labels, by thresholds tuned on the search part, as for any model."""
        return answers(model, self.dev, rows=self.search_rows)

    def drop(self, model: Model, rows: np.ndarray) -> tuple[float, float]:
        """The drop of the metric on these rows from the dense model to the packed one, and its standard error."""
        return self.drop_of(self.packed_answers(model), rows)

    def packed_answers(self, model: Model) -> Answers:
        """The answers of the packed model to dev."""
        with model.on_grid():
            return self.answers(model)

    def drop_of(self, now: Answers, rows: np.ndarray) -> tuple[float, float]:
        """The drop of the metric on these rows to a model's answers, and its standard error."""
        return expected_drop(self.measure.subset(rows), self.dense_answers.subset(rows), now.subset(rows))

    def match(self, model: Model) -> None:
        """Let a candidate give each rare class to as many dev texts as the dense model does; labels are not looked at.

        A recovery moves such a class's bias by chance, up or down: hardly any text of dev tells.
        """
        if self.watch.given:
            offsets = self.watch.offsets(self.packed_answers(model).probabilities)
            model.shift(torch.from_numpy(offsets).float())

    def judged(self, model: Model, budget: Budget, whole: Outcome | None = None) -> Outcome:
        """Bytes, drop and speed, by the search part of dev; whole: the unpruned model's. Nothing is accepted yet."""
        size, (speed, time) = self.packed_size(model), self.timed(model, budget, whole)
        now = self.packed_answers(model)
        drop, error = self.drop_of(now, self.search_rows)
        error = math.hypot(error, UNSEEN / max(1, len(self.search_rows)))
        outcome = Outcome(size / (whole.bytes if whole else size), size, drop, False, error, time, speed)
        return outcome._replace(left=model.counts(), held=self.holds(model, now), harm=self.harm(model))

    def harm(self, model: Model) -> float | None:
        """What the dense model expects the packed one to lose, in points; None if drops are not of accuracy."""
        if self.silent is None:
            return None
        with model.on_grid():
            return round(self.silent.harm(answers(model, self.silent.examples)), 6)

    def holds(self, model: Model, now: Answers) -> bool:
        """Whether a candidate with these answers to dev still has the classes that are watched."""
        if self.learnt is None or not self.watch.holds(now):
            return self.watch.holds(now)
        with model.on_grid():
            return self.learnt.watch.holds(answers(model, self.learnt.examples))

    def timed(self, model: Model, budget: Budget, whole: Outcome | None) -> tuple[float | None, float]:
        """Texts a second and the share of the unpruned model's time, if the budget names a speed."""
        if not budget.min_speed or self.speed is None:
            return None, 1.0
        speed = self.speed(model)
        return speed, whole.speed / speed if whole is not None and whole.speed else 1.0

    def unpruned(self, model: Model, budget: Budget, kinds: tuple[str, ...], key: str) -> Outcome:
        """The first row of a history: the unpruned model, and the least that pruning can leave."""
        formed = in_form(model, kinds)
        groups = formed.groups(kinds)
        floors = least_kept(groups)
        whole = self.judged(model, budget)._replace(accepted=True, keep=1.0, time=1.0, key=key)
        whole = whole._replace(least=self.packed_size(shrink(formed, floors)))
        if not budget.min_speed:
            return whole
        return whole._replace(least_time=min(1.0, self.timed(fastest(formed, kinds), budget, whole)[1]))

    def confirms(self, model: Model, max_drop: float) -> bool | None:
        """Judge the drop on the part of dev that the search never saw; None if it is empty.

        These texts refuse a drop that is a standard error above the allowed one: if they had to prove that it is kept,
        so few texts would refuse nearly every model.
        """
        if not len(self.confirm_rows):
            return None
        drop, error = self.drop(model, self.confirm_rows)
        return drop - error <= max_drop


def fastest(model: Model, kinds: tuple[str, ...]) -> Model:
    """The model without any unit that takes time and can go."""
    groups = [group for group in model.groups(kinds) if TIME in group.costs and group.cut]
    return shrink(model, least_kept(groups))


def evaluator_of(problem: Problem) -> Evaluator:
    """Make the judge of a problem's candidates; the dense model answers dev."""
    measure = problem.measure
    seen, unseen = sides_of_dev(measure, problem.recovery.seed)
    said = answers(problem.dense, problem.dev, rows=seen)
    watch = watch_of(measure, said, problem.counts, seen)
    learnt = learnt_of(problem, list(watch.given)) if watch.given else None
    size, speed, silent = problem.packed_size, problem.speed, silent_of(problem, measure)
    return Evaluator(problem.dev, measure, seen, unseen, said, size, speed, watch, learnt, silent)


def silent_of(problem: Problem, measure: Measure) -> Silent | None:
    """Texts on which harm is measured, which no model has learnt: the problem's own, else all of dev."""
    if not measure.is_plain:
        return None
    examples = problem.dev if problem.unseen is None or not len(problem.unseen) else problem.unseen
    count = len(examples)
    tokens = min(MOST_SILENT_TOKENS, SILENT_WORK / max(problem.dense.work, 1))
    most = max(1, min(count, MOST_SILENT, int(tokens / max(1.0, examples.tokens().mean()))))
    part = examples.subset(np.linspace(0, count - 1, most).astype(np.int64))
    part = dataclasses.replace(part, targets=torch.zeros_like(part.targets), soft=None)
    return Silent(part, answers(problem.dense, part))


def learnt_of(problem: Problem, rare: Sequence[int]) -> Learnt:
    """The texts of rare classes in train that the dense model has learnt."""
    targets = problem.train.targets.numpy()
    rows = np.flatnonzero(np.isin(targets, rare))
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_LEARNT)).astype(np.int64)]
    examples = problem.train.subset(rows)
    right = answers(problem.dense, examples).chosen
    return Learnt(examples, Watch({each: right[:, each] & (targets[rows] == each) for each in rare}, {}))
