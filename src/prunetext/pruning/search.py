"""One search: make candidates, or take them from an earlier search with the same steps, and judge them by a budget."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Model
from prunetext.pruning.budget import DEFAULT_DROP, Budget
from prunetext.pruning.candidates import UNTRAINED, CandidateMaker
from prunetext.pruning.methods import Method
from prunetext.pruning.problem import Problem, Told
from prunetext.pruning.steps import Outcome, Step, smallest
from prunetext.pruning.store import key_of, weights_digest
from prunetext.pruning.trials import Evaluator, evaluator_of

POLISH, REFIT = 1.5, 3.0  # the last recovery, as a multiple of the others, and that of a refit


class Found(NamedTuple):
    """A candidate, and the seconds saved if an earlier search had made it."""

    outcome: Outcome
    saved: float = 0.0


@dataclass(frozen=True)
class Search:
    """Everything that a walk of a schedule needs; `whole` is the unpruned model, the first row of any history.

        search = begin_search(problem, method, Budget(max_drop=0.5), folder)
        search.step([search.whole], Step(0.5)).outcome.bytes

    `deadline` is a `time.monotonic()`.
    """

    maker: CandidateMaker
    evaluator: Evaluator
    budget: Budget
    whole: Outcome
    deadline: float | None = None
    polishing: float = POLISH  # epochs of the last recovery, as a multiple of a usual one's

    def within(self, budget: Budget) -> Search:
        """The same search with another budget."""
        return replace(self, budget=budget)

    def careful(self) -> Search:
        """The same search, which may lose no more than the usual drop."""
        return self.within(self.budget._replace(max_drop=DEFAULT_DROP))

    def hurried(self) -> Search:
        """The same search with no time left."""
        return replace(self, deadline=0.0)

    @property
    def is_hurried(self) -> bool:
        """Whether no time was left from the start, or somebody has taken it away."""
        return self.deadline == 0.0

    def out_of_time(self, seconds: float) -> bool:
        """Whether something that takes so long would end after the deadline."""
        return self.deadline is not None and time.monotonic() + seconds > self.deadline

    def load(self, key: str) -> Model:
        """A model of this search, by its name."""
        return self.maker.load(key)

    def step(self, history: Sequence[Outcome], step: Step) -> Found:
        """Make the candidate that the schedule asks for (the best of several draws), and measure it."""
        parent = {"best": smallest(history).key, "last": history[-1].key, "untrained": UNTRAINED}[step.start]
        stage, draws = f"step {len(history)}", range(self.maker.criterion.draws)
        drawn = [self.candidate(parent, step, draw, stage) for draw in draws]
        best = min((found.outcome for found in drawn), key=lambda outcome: outcome.drop)
        return Found(best, sum(found.saved for found in drawn))

    def candidate(self, parent: str, step: Step, draw: int, stage: str) -> Found:
        """Cut, train and judge; or take the candidate of an earlier search with the same steps."""
        maker, store = self.maker, self.maker.store
        key, began = store_key(maker, parent, step, draw), time.perf_counter()
        for known in (key, f"{key}-cut"):
            if known in store and (known == key or self.deadline is not None):
                return Found(self.recalled(known), store.seconds(known))
        small = maker.smaller(parent, step, draw, key, stage, self.whole, self.deadline)
        settings = maker.settings(step, int(key[:8], 16))
        if step.rewind:
            store.save(f"{key}-start", copy.deepcopy(small))
        late = False
        if step.epochs:
            examples = maker.problem.lessons_for(settings) if step.training == "recovery" else maker.problem.train
            late = maker.train(key, small, examples, settings, stage, deadline=self.deadline)
        else:
            small.fit_grid()
        self.evaluator.match(small)
        if late:  # another search may have the time to let it recover
            key = f"{key}-cut"
        outcome = self.evaluator.judged(small, self.budget, self.whole)._replace(key=key)
        seconds = time.perf_counter() - began
        store.save(key, small, outcome, parent=parent, step=step._asdict(), seconds=seconds)
        return Found(outcome)

    def recalled(self, key: str) -> Outcome:
        """The stored outcome of a candidate, with its speed if this budget names one: an earlier one may lack it."""
        outcome = self.maker.store.outcome(key)
        if bool(self.budget.min_speed) == (outcome.speed is not None):
            return outcome
        speed, share = self.evaluator.timed(self.load(key), self.budget, self.whole)
        return outcome._replace(speed=speed, time=share)

    def polish(self, chosen: Outcome) -> Model:
        """Let the chosen model recover longer; it stays as it was if that does not help on the search part of dev.

        Its file must not become too large, either: other weights can have fewer zeros, which take hardly any bytes.
        Where recoveries are shorter than usual, so is this one.
        """
        maker, store = self.maker, self.maker.store
        if not self.polishing:
            return self.load(chosen.key)
        before, key = self.load(chosen.key), f"{chosen.key}-final"
        if key in store:
            after, final = self.load(key), store.outcome(key)
        else:
            step, after = Step(1.0, epochs=self.polishing), copy.deepcopy(before)
            settings = maker.settings(step, int(key[:8], 16))
            late = maker.train(
                key, after, maker.problem.lessons_for(settings), settings, "final", deadline=self.deadline
            )
            self.evaluator.match(after)
            final = self.evaluator.judged(after, self.budget, self.whole)
            if not late:
                store.save(key, after, final, parent=chosen.key, step=step._asdict())
        fits = not self.budget.max_size or final.bytes <= max(self.budget.max_size, chosen.bytes)
        return after if fits and final.held >= chosen.held and final.drop <= chosen.drop else before

    def refitted(self, model: Model, dense: Model, train: Encoded, deadline: float | None = None) -> Model | None:
        """The model after one more recovery, for the end of a run, on texts that dense has learnt; None if it is late.

        They hold those of dev that this search has seen: the others say which moment of the recovery is the best. It is
        long, as many answers of the dense model are new.
        """
        evaluator, hidden = self.evaluator, self.evaluator.confirm_rows
        dev, measure = self.maker.problem.dev.subset(hidden), evaluator.measure.subset(hidden)
        problem = replace(self.maker.problem, dense=dense, train=train, dev=dev, metric=measure)
        rows = np.arange(len(hidden))
        maker = self.maker.of(problem, evaluator._replace(dev=dev, measure=measure, search_rows=rows))
        key, small = key_of(maker.root, weights_digest(model)), copy.deepcopy(model)
        settings = replace(maker.settings(Step(1.0, epochs=REFIT), int(key[:8], 16)), judge_start=False)
        if maker.train(key, small, problem.lessons_for(settings), settings, "refit recovery", deadline=deadline):
            return None
        maker.store.checkpoint(key).unlink(missing_ok=True)
        small.snap()
        return small


def store_key(maker: CandidateMaker, parent: str, step: Step, draw: int) -> str:
    """The name of a candidate, from its model of origin and its step."""
    return key_of(maker.root, parent, step._asdict(), draw)


def begin_search(
    problem: Problem,
    method: Method,
    budget: Budget,
    folder: Path,
    *,
    deadline: float | None = None,
    told: Told = None,
) -> Search:
    """A new search, in which the dense model has answered dev and the unpruned one is judged."""
    evaluator = evaluator_of(problem)
    maker = CandidateMaker(problem, method.criterion, method.name, evaluator, folder, told)
    whole = evaluator.unpruned(maker.unpruned(), budget, problem.kinds, maker.root)
    return Search(maker, evaluator, budget, whole, deadline, POLISH * min(1.0, method.schedule.recovery))
