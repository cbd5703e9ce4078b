"""Judge the candidates of a search: bytes, the drop on dev, the speed, and whether unseen texts agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from prunetext.models.encoded import Encoded
from prunetext.models.groups import TIME
from prunetext.models.protocol import Model
from prunetext.pruning.budget import Budget
from prunetext.pruning.problem import Problem, split_dev
from prunetext.pruning.shrinking import least_kept, shrink
from prunetext.pruning.steps import Outcome
from prunetext.statistics.answers import Answers
from prunetext.statistics.bootstrap import paired_drop
from prunetext.statistics.evaluation import accepts
from prunetext.statistics.metrics import Measure
from prunetext.statistics.watch import NOTHING, Watch, watch_of
from prunetext.training.answering import answers

MOST_LEARNT = 2000  # texts of train, of rare classes


class Learnt(NamedTuple):
    """Texts of train that have rare classes, and those that the dense model gets right: dev holds few of them."""

    examples: Encoded
    watch: Watch


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
        return paired_drop(self.measure.subset(rows), self.dense_answers.subset(rows), now.subset(rows))

    def match(self, model: Model) -> None:
        """Let a candidate give each rare class to as many dev texts as the dense model does; labels are not looked at.

        A recovery moves such a class's bias by chance, up or down: hardly any text of dev tells.
        """
        if self.watch.given:
            offsets = self.watch.offsets(self.packed_answers(model).probabilities)
            model.shift(torch.from_numpy(offsets).float())

    def judged(self, model: Model, budget: Budget, whole: Outcome | None = None) -> Outcome:
        """Bytes, drop and the search rule, only on the search part of dev; whole: the unpruned model's."""
        size, (speed, time) = self.packed_size(model), self.timed(model, budget, whole)
        now = self.packed_answers(model)
        drop, error = self.drop_of(now, self.search_rows)
        outcome = Outcome(size / (whole.bytes if whole else size), size, drop, False, error, time, speed)
        outcome = outcome._replace(left=model.counts(), held=self.holds(model, now))
        return outcome._replace(accepted=accepted(outcome, budget))

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
        groups = model.groups(kinds)
        floors = least_kept(groups)
        whole = self.judged(model, budget)._replace(accepted=True, keep=1.0, time=1.0, key=key)
        whole = whole._replace(least=self.packed_size(shrink(model, floors)))
        if not budget.min_speed:
            return whole
        faster = {group.name: floors[group.name] for group in groups if TIME in group.costs and group.cut}
        return whole._replace(least_time=min(1.0, self.timed(shrink(model, faster), budget, whole)[1]))

    def confirms(self, model: Model, max_drop: float) -> bool | None:
        """Judge the drop on the part of dev that the search never saw; None if it is empty.

        These texts refuse a drop of more than the allowed one plus half a standard error: if they had to prove that it
        is kept, so few texts would refuse nearly every model.
        """
        if not len(self.confirm_rows):
            return None
        drop, error = self.drop(model, self.confirm_rows)
        return drop - error / 2 <= max_drop


def evaluator_of(problem: Problem) -> Evaluator:
    """Make the judge of a problem's candidates; the dense model answers dev."""
    measure = problem.measure
    queries = measure.gold.queries if measure.metric.ranks else None
    seen, unseen = split_dev(len(problem.dev), problem.recovery.seed, queries)
    said = answers(problem.dense, problem.dev, rows=seen)
    watch = watch_of(measure, said, problem.counts, seen)
    learnt = learnt_of(problem, list(watch.given)) if watch.given else None
    return Evaluator(problem.dev, measure, seen, unseen, said, problem.packed_size, problem.speed, watch, learnt)


def learnt_of(problem: Problem, rare: Sequence[int]) -> Learnt:
    """The texts of rare classes in train that the dense model has learnt."""
    targets = problem.train.targets.numpy()
    rows = np.flatnonzero(np.isin(targets, rare))
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_LEARNT)).astype(np.int64)]
    examples = problem.train.subset(rows)
    right = answers(problem.dense, examples).chosen
    return Learnt(examples, Watch({each: right[:, each] & (targets[rows] == each) for each in rare}, {}))


def accepted(outcome: Outcome, budget: Budget) -> bool:
    """Tell whether the budget's search rule accepts a candidate."""
    if budget.max_drop is None:
        return True
    return outcome.held and accepts(outcome.drop, outcome.error, budget.max_drop)
