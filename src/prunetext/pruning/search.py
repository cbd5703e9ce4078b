"""What the driver works with: the state of one search, how each candidate is made, and how it is judged."""

from __future__ import annotations

import copy
import dataclasses
import sys
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from prunetext.models.encoded import Encoded
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.rounding import balance, no_turn, rotation, rounding_of, turn
from prunetext.pruning.budget import Budget
from prunetext.pruning.choosing import choose, losses_of, observe, scores_of
from prunetext.pruning.criteria.criterion import Criterion, Groups, State
from prunetext.pruning.cutting import Scored, faster, highest, lighter, zeros_of
from prunetext.pruning.problem import Report, Task, split_dev
from prunetext.pruning.regrowth import regrow
from prunetext.pruning.schedules import Outcome, Step
from prunetext.pruning.shrinking import shrink
from prunetext.pruning.store import Store, digest, key_of
from prunetext.statistics.bootstrap import paired_drop
from prunetext.statistics.evaluation import accepts
from prunetext.training.loop import Hooks, Settings, answers, logits, train_model
from prunetext.training.losses import blended, softened

SAMPLE_TOKENS = 60_000  # of train, on which criteria score: where texts are short, few texts leave most words out
SAMPLE = 2000  # of these texts, on which losses are measured
POLISH = 1.5  # the last recovery, as a multiple of the others
OWN = 0.5  # the dense model's share of what is taught where it has a teacher itself
GENTLE_EPOCHS, GENTLE_RATE = 0.3, 0.3  # of a recovery: training before units may return, with little but the head
VERSION = 3  # of how candidates are made: those of another version are not used again


class Search:
    """The state of one search: its candidates lie in the folder under names that say how they came about.

    `name` is the criterion's, with its parameters; it tells candidates of one criterion from another's.
    """

    def __init__(
        self, task: Task, criterion: Criterion, budget: Budget, folder: Path, name: str = "", report: Report = None
    ) -> None:
        self.task, self.criterion, self.budget, self.report = task, criterion, budget, report
        self.deadline: float | None = None
        self.store = Store(folder, task.dense.dropout)
        self.measure = task.measure
        queries = self.measure.gold.queries if self.measure.metric.ranks else None
        self.search_rows, self.confirm_rows = split_dev(len(task.dev), task.recovery.seed, queries)
        self.dense_answers = self.answers(task.dense)
        rows = np.random.default_rng((task.recovery.seed, 5)).permutation(len(task.train))
        few = int(np.searchsorted(np.cumsum(task.train.tokens()[rows]), SAMPLE_TOKENS)) + 1
        self.watched, self.sample = self.task_of(rows[:few]), self.task_of(rows[: min(few, SAMPLE)])
        self.saved = 0.0  # seconds that took what was there already
        self.scored: dict[str, Scored] = {}
        self.whole: Outcome | None = None  # the unpruned model
        ways: list[Any] = [digest(task.dense), name, task.kinds, task.table, dataclasses.asdict(task.recovery)]
        if self.measure.name != "accuracy":  # what is known of a candidate are its drop and error in this metric
            ways += [self.measure.name, self.measure.gold.positive]
        self.root = key_of(VERSION, *ways)

    def task_of(self, rows: np.ndarray) -> Encoded:
        """Some texts of train with one target each: the label, or its mix with what the teacher says."""
        part = self.task.train.subset(rows)
        if part.soft is None:
            return part
        return dataclasses.replace(part, targets=blended(part.targets, part.soft, self.task.first.soft_share))

    @cached_property
    def lessons(self) -> Encoded:
        """Train, with the dense model as the teacher of smaller ones, and its own teacher beside it."""
        train = self.task.train
        opinions = softened(logits(self.task.dense, train), self.task.recovery.temperature, train.several)
        if train.soft is not None:
            both = OWN * opinions + (1 - OWN) * train.soft
            opinions = torch.where(train.soft.sum(1, keepdim=True) > 0, both, opinions)
        return dataclasses.replace(train, soft=opinions)

    def start(self) -> Outcome:
        """The unpruned model with rounded weights: what the search falls back to."""
        model = copy.deepcopy(self.task.dense)
        balance(model)
        self.round_again(model)
        self.store.models[self.root] = model
        floors = {group.name: np.arange(group.size) < group.floor for group in model.groups(self.task.kinds)}
        bare = shrink(model, floors)
        self.whole = self.judge(model)._replace(accepted=True, keep=1.0, time=1.0, key=self.root)
        self.whole = self.whole._replace(least=self.task.packed_size(bare), least_time=self.bare_time(model))
        return self.whole

    def step(self, history: Sequence[Outcome], step: Step) -> Outcome:
        """Make the candidate that the schedule asks for (the best of several draws), and judge it."""
        good = [outcome for outcome in history if outcome.accepted][-1]
        parent = {"best": good.key, "last": history[-1].key, "untrained": "untrained"}[step.start]
        number = len(history)
        drawn = [self.candidate(parent, step, draw, f"step {number}") for draw in range(self.criterion.draws)]
        best = min(drawn, key=lambda outcome: outcome.drop)
        return best._replace(accepted=self.accepts(best))

    def candidate(self, parent: str, step: Step, draw: int, stage: str) -> Outcome:
        """Cut, train and judge; or take what an earlier search found on the same way."""
        key, began = key_of(self.root, parent, step._asdict(), draw), time.perf_counter()
        for known in (key, f"{key}-cut"):
            if known in self.store and (known == key or self.deadline is not None):
                self.saved += self.store.seconds(known)
                return self.recalled(known)
        seed = int(key[:8], 16)
        small = self.smaller(parent, step, draw, key, stage)
        settings = self.settings(step, seed)
        if step.rewind:
            self.store.save(f"{key}-start", copy.deepcopy(small))
        examples = self.lessons if step.training == "recovery" else self.task.train
        small, late = self.train(key, small, examples, settings, stage)
        if late:  # another search may have the time to let it recover
            key = f"{key}-cut"
        outcome = self.judge(small)._replace(key=key)
        seconds = time.perf_counter() - began
        self.store.save(key, small, outcome, parent=parent, step=step._asdict(), seconds=seconds)
        return outcome

    def recalled(self, key: str) -> Outcome:
        """What was found out about a candidate, with its speed if this budget names one: another may not have."""
        outcome = self.store.outcome(key)
        if bool(self.budget.min_speed) == (outcome.speed is not None):
            return outcome
        speed, time = self.timed(self.load(key))
        return outcome._replace(speed=speed, time=time)

    def settings(self, step: Step, seed: int) -> Settings:
        """How long and how fast to train after this step."""
        base = self.task.recovery if step.training == "recovery" else self.task.first
        settings = dataclasses.replace(
            base,
            epochs=base.epochs * step.epochs,
            learning_rate=base.learning_rate * step.rate,
            embedding_rate=base.embedding_rate * step.rate,
            best_by="loss",
            patience=sys.maxsize,
            seed=seed,
        )
        # A part of one training: its schedule lets the rate fall.
        if step.training == "first" and step.start != "best":
            settings = dataclasses.replace(settings, final_rate=1.0, judge_start=False, judgements=1)
        # An average of weights has no exact zeros, which are what a penalty is for.
        return dataclasses.replace(settings, averaging=0.0) if self.criterion.after_step else settings

    def train(
        self,
        key: str,
        model: TextCNN,
        examples: Encoded,
        settings: Settings,
        stage: str,
        *,
        hooks: Hooks | None = None,
        rounded: bool = True,
    ) -> tuple[TextCNN, bool]:
        """Train with the packed file's rounding; the model, and whether the time was over before its end."""
        hooks, criterion = hooks or Hooks(), self.criterion
        groups = model.groups(self.task.kinds)
        zeros = zeros_of(model) if "weights" in self.task.kinds else {}

        def after_step(current: TextCNN, rate: float) -> None:
            if criterion.after_step is not None:
                criterion.after_step(current, groups, rate)
            with torch.no_grad():
                for name, places in zeros.items():
                    current.get_parameter(name).masked_fill_(places, 0)

        acts = criterion.after_step is not None or bool(zeros)
        if rounded:
            self.round_again(model)
        trained = train_model(
            model,
            examples,
            self.task.dev.subset(self.search_rows),
            settings,
            measure=self.measure.subset(self.search_rows),
            checkpoint=self.store.checkpoint(key),
            hooks=hooks._replace(
                after_step=after_step if acts else None, start_epoch=self.round_again if rounded else None
            ),
            progress=None if self.report is None else lambda now: self.report(stage, now),  # type: ignore[misc]
            deadline=self.deadline,
        )
        if trained.ended == "interrupted":  # half recovered, it says nothing about what would have come of it
            raise KeyboardInterrupt
        if rounded:
            self.round_again(model)
        return model, trained.ended == "time"

    def round_again(self, model: TextCNN) -> None:
        """Give the model the rounding that its weights now ask for."""
        model.rounding = rounding_of(model, self.task.table)

    def smaller(self, parent: str, step: Step, draw: int, key: str, stage: str) -> TextCNN:
        """A model cut to the wanted size; the estimate is corrected by the size that it really has."""
        if step.keep >= 1 and not step.units:
            return copy.deepcopy(self.load(parent))
        scored = self.score(parent, draw, stage)
        model, groups, target = scored.model, scored.groups, 0.0
        assert self.whole is not None
        if step.units:
            kept = {group.name: highest(group, scored.scores[group.name], step.units) for group in groups}
        elif step.measure == "time":
            assert self.whole.speed is not None
            kept = faster(self.task, scored, step.keep / self.whole.speed)
        else:
            kept = lighter(self.task, scored, step.keep * self.whole.bytes, self.bytes_of(parent))
            if step.regrow:
                size = model.units().packed_bytes
                target = size(kept)
                deeper = target - step.regrow / (1 - step.regrow) * (size({}) - target)
                kept = choose(groups, scored.losses, scored.scores, max(deeper, target / 4), size)
        if self.criterion.remove is not None:
            model = copy.deepcopy(model)
            self.criterion.remove(scored.state, model, model.groups(self.task.kinds), kept)
        if step.rewind:
            model = copy.deepcopy(self.early(parent, stage))
            turn(model, scored.basis)
        small = shrink(model, kept)
        if target:
            settings = self.settings(step._replace(epochs=GENTLE_EPOCHS, rate=GENTLE_RATE), int(key[:8], 16))
            hooks = Hooks(frozen=lambda name: not name.startswith("head"))
            small, _ = self.train(f"{key}-gentle", small, self.lessons, settings, stage, hooks=hooks, rounded=False)
            small = regrow(
                small, model, model.groups(self.task.kinds), kept, target, model.units().packed_bytes, self.sample
            )
        balance(small)
        return small

    def bytes_of(self, key: str) -> float:
        """Bytes of a candidate's packed file."""
        if key in self.store and not key.endswith("-early"):
            return float(self.store.outcome(key).bytes)
        return float(self.task.packed_size(self.load(key)))

    def score(self, parent: str, draw: int, stage: str) -> Scored:
        """What the units of a model are worth; kept, since a step that failed is tried again from the same model."""
        name, criterion, kinds = key_of(self.root, parent, draw), self.criterion, self.task.kinds
        if name in self.scored:
            return self.scored[name]
        model = copy.deepcopy(self.task.dense if parent == self.root else self.load(parent))
        model.rounding = None
        weights = model.occurrences(self.task.train.ids)
        # A turned basis would fill the zeros of single weights.
        basis = no_turn(model) if "weights" in kinds and zeros_of(model) else rotation(model, weights)
        turn(model, basis)
        groups = model.groups(kinds)
        state = criterion.init(model, groups, int(name[:8], 16))
        if criterion.trains and (parent == self.root or criterion.after_backward is not None):
            self.tune(f"{name}-tuned", model, groups, state, stage)
        else:
            observe(model, criterion, groups, state, self.watched)
        scores = scores_of(model, criterion, groups, state)
        losses = losses_of(model, groups, scores, self.sample)
        self.scored = {name: Scored(model, basis, groups, state, scores, losses)}
        return self.scored[name]

    def tune(self, name: str, model: TextCNN, groups: Groups, state: State, stage: str) -> None:
        """Train a model on as the criterion asks: under its penalty, or while it watches."""
        settings = self.settings(Step(1.0), int(name[:8], 16))
        settings = dataclasses.replace(settings, judge_start=False)  # its start has not felt the penalty
        after_backward = self.criterion.after_backward
        watch = None if after_backward is None else lambda now: after_backward(state, now, groups)
        # Who watches is to see what the task asks of the weights: the model's own opinions ask nothing of them.
        examples = self.lessons if watch is None else self.task.train
        self.train(name, model, examples, settings, f"{stage} tuning", hooks=Hooks(watch, noted=state), rounded=False)

    def early(self, parent: str, stage: str) -> TextCNN:
        """The weights that a model had after its first epoch."""
        if parent != self.root:
            return self.load(f"{parent.removesuffix('-cut')}-start")
        key = f"{self.root}-early"
        if key in self.store:
            return self.load(key)
        assert self.task.untrained is not None
        settings = dataclasses.replace(self.task.first, stop_after=1.0)
        model = self.task.untrained()
        _, late = self.train(key, model, self.task.train, settings, f"{stage} early weights", rounded=False)
        if not late:
            self.store.save(key, model)
        return model

    def polish(self, chosen: Outcome) -> TextCNN:
        """Let the chosen model recover longer; it stays as it was if that does not help on the search part of dev.

        Nor may its file become too large by it: other weights can have fewer zeros, which take hardly any bytes.
        """
        before, key = self.load(chosen.key), f"{chosen.key}-final"
        if key in self.store:
            after, final = self.load(key), self.store.outcome(key)
        else:
            step = Step(1.0, epochs=POLISH)
            settings = self.settings(step, int(key[:8], 16))
            after, late = self.train(key, copy.deepcopy(before), self.lessons, settings, "final")
            final = self.judge(after)
            if not late:
                self.store.save(key, after, final, parent=chosen.key, step=step._asdict())
        fits = not self.budget.max_size or final.bytes <= max(self.budget.max_size, chosen.bytes)
        return after if fits and final.drop <= chosen.drop else before

    def judge(self, model: TextCNN) -> Outcome:
        """Bytes, drop and the search rule, on the search part of dev alone."""
        size, (speed, time), whole = self.task.packed_size(model), self.timed(model), self.whole
        drop, error = self.drop(model, self.search_rows)
        outcome = Outcome(size / (whole.bytes if whole else size), size, drop, False, error, time, speed)
        return outcome._replace(accepted=self.accepts(outcome), left=model.counts())

    def answers(self, model: TextCNN) -> np.ndarray:
        """What it says of dev; of several labels by thresholds that the search part gives, as for any model."""
        return answers(model, self.task.dev, rows=self.search_rows)

    def drop(self, model: TextCNN, rows: np.ndarray) -> tuple[float, float]:
        """How far the metric falls on these rows of dev from the dense model to this one, and the standard error."""
        now = self.answers(model)
        return paired_drop(self.measure.subset(rows), self.dense_answers[rows], now[rows])

    def bare_time(self, model: TextCNN) -> float:
        """The share of the model's time that is left with as few filters as can be, if the budget names a speed."""
        if not self.budget.min_speed:
            return 0.0
        kinds = [group for group in model.groups(self.task.kinds) if group.work is not None]
        floors = {group.name: np.arange(group.size) < group.floor for group in kinds if group.cut}
        return min(1.0, self.timed(shrink(model, floors))[1])

    def timed(self, model: TextCNN) -> tuple[float | None, float]:
        """Texts a second and the share of the unpruned model's time, if the budget names a speed."""
        if not self.budget.min_speed or self.task.speed is None:
            return None, 1.0
        speed, whole = self.task.speed(model), self.whole
        return speed, whole.speed / speed if whole is not None and whole.speed else 1.0

    def accepts(self, outcome: Outcome) -> bool:
        """Tell whether the budget's search rule takes a candidate."""
        return self.budget.max_drop is None or accepts(outcome.drop, outcome.error, self.budget.max_drop)

    def confirms(self, model: TextCNN) -> bool | None:
        """Ask the part of dev that the search never saw whether the drop may be kept; None where it is empty.

        They refuse a drop of more than is allowed and half a standard error: so few texts would refuse nearly every
        model if they had to prove it.
        """
        if not len(self.confirm_rows):
            return None
        assert self.budget.max_drop is not None
        drop, error = self.drop(model, self.confirm_rows)
        return drop - error / 2 <= self.budget.max_drop

    def load(self, key: str) -> TextCNN:
        """A model of this search, ready to predict as the packed file will."""
        if key == "untrained" and key not in self.store.models:
            assert self.task.untrained is not None
            self.store.models[key] = self.task.untrained()
            balance(self.store.models[key])
        model = self.store.load(key)
        if model.rounding is None:
            self.round_again(model)
        return model
