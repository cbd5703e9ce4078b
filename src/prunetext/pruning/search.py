"""What the driver works with: the state of one search, its candidates on disk, and how each is judged."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from prunetext.models.rounding import balance, rotate, rounding_of
from prunetext.models.textcnn import TextCNN
from prunetext.pruning.budget import Budget
from prunetext.pruning.criteria import Criterion
from prunetext.pruning.schedules import Outcome, Step
from prunetext.pruning.scoring import choose, losses_of, scores_of
from prunetext.pruning.shrinking import shrink
from prunetext.training.checkpoint import load_tensors, save_tensors
from prunetext.training.evaluation import accepts
from prunetext.training.examples import Encoded
from prunetext.training.loop import Hooks, Progress, Settings, logits, train_model

SAMPLE = 2000  # texts of train on which criteria score and losses are measured,
SAMPLE_TOKENS = 60_000  # or fewer, if they are long
POLISH = 2.0  # the last recovery, as a multiple of the others
CONFIRM_SHARE = 0.3  # of dev, kept out of the search


@dataclass(frozen=True)
class Task:
    """What the search works on: the trained dense model, its data, and the file size of any model."""

    dense: TextCNN
    train: Encoded
    dev: Encoded  # all of it; the search sees `search_rows` alone
    packed_size: Callable[[TextCNN], int]
    recovery: Settings
    table: str = "int8"


class Solution(NamedTuple):
    """The model that the search ends with, and why it ended."""

    model: TextCNN
    reason: str
    confirmed: bool | None  # did dev texts that the search never saw agree? None where they were not asked
    history: list[Outcome]
    chosen: int  # which row of history the model is


def split_dev(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of dev that the search sees, and rows that only confirm its last candidate; both sorted."""
    order = np.random.default_rng((seed, 3)).permutation(n)
    cut = n - int(n * CONFIRM_SHARE)
    return np.sort(order[:cut]), np.sort(order[cut:])


class Scored(NamedTuple):
    """A good model, rotated, with what its units are worth: scores by the criterion, and losses (nats)."""

    model: TextCNN
    scores: dict[str, np.ndarray]
    losses: dict[str, np.ndarray]


class Search:
    """The state of one search: its candidates lie in the folder, numbered as the rows of history."""

    def __init__(self, task: Task, criterion: Criterion, budget: Budget, folder: Path) -> None:
        self.task, self.criterion, self.budget, self.folder = task, criterion, budget, folder
        self.seed = task.recovery.seed
        self.search_rows, self.confirm_rows = split_dev(len(task.dev), self.seed)
        self.dense_right = right(task.dense, task.dev)
        rows = np.random.default_rng((self.seed, 5)).permutation(len(task.train))[:SAMPLE]
        few = int(np.searchsorted(np.cumsum(np.diff(task.train.offsets)[rows]), SAMPLE_TOKENS)) + 1
        self.sample = task.train.subset(rows[:few])
        self.frequency = torch.from_numpy(np.bincount(task.train.ids, minlength=len(task.dense.remap)) + 1.0)
        self.scored: dict[int, Scored] = {}
        # An average of weights has no exact zeros, which are what a penalty is for.
        averaging = 0.0 if criterion.after_step else task.recovery.averaging
        self.settings = dataclasses.replace(task.recovery, averaging=averaging)
        self.models: dict[str, TextCNN] = {}
        self.whole = 0  # packed bytes of the unpruned model

    @cached_property
    def lessons(self) -> Encoded:
        """Train, with the dense model as the teacher of smaller ones: half of each target is its opinion."""
        opinions = logits(self.task.dense, self.task.train).softmax(1)
        truth = torch.nn.functional.one_hot(self.task.train.targets, opinions.shape[1])
        return dataclasses.replace(self.task.train, targets=(truth + opinions) / 2)

    def start(self) -> Outcome:
        """The unpruned model with rounded weights: what the search falls back to."""
        model = TextCNN.from_tensors(
            {**self.task.dense.state_dict()}, pooling=self.task.dense.pooling, static=self.task.dense.static
        )
        model.dropout = self.task.dense.dropout
        balance(model)
        model.rounding = rounding_of(model, self.task.table)
        self.models["step-00"] = model
        outcome = self.judge(model)
        return outcome._replace(accepted=True)

    def step(
        self,
        history: list[Outcome],
        step: Step,
        deadline: float | None,
        progress: Callable[[str, Progress], None] | None,
    ) -> Outcome:
        """Prune the last good model, recover, judge; or read what an earlier run found."""
        number = len(history)
        name = f"step-{number:02}"
        recorded = self.recorded(name)
        if recorded is not None:
            return recorded
        good = max(at for at, outcome in enumerate(history) if outcome.accepted)
        small = self.smaller(good, step.keep * history[0].bytes / history[0].keep, deadline, progress)
        balance(small)
        settings = dataclasses.replace(self.settings, seed=self.seed + number)
        outcome = self.recover(name, small, settings, deadline, progress)
        self.models[name] = small
        return outcome

    def recover(
        self,
        name: str,
        model: TextCNN,
        settings: Settings,
        deadline: float | None,
        progress: Callable[[str, Progress], None] | None,
    ) -> Outcome:
        """Train with the packed file's rounding, judge, and keep weights and outcome in the folder."""
        checkpoint = self.folder / f"{name}.checkpoint"

        def round_again(current: TextCNN) -> None:
            current.rounding = rounding_of(current, self.task.table)

        round_again(model)
        trained = train_model(
            model,
            self.lessons,
            self.task.dev.subset(self.search_rows),
            settings,
            checkpoint=checkpoint,
            hooks=Hooks(after_step=self.criterion.after_step, start_epoch=round_again),
            progress=None if progress is None else lambda now: progress(stage(name), now),
            deadline=deadline,
        )
        if trained.ended == "interrupted":  # half recovered, it says nothing about what would have come of it
            raise KeyboardInterrupt
        round_again(model)
        outcome = self.judge(model)
        self.record(name, model, outcome, checkpoint)
        return outcome

    def polish(
        self, chosen: int, drop: float, deadline: float | None, progress: Callable[[str, Progress], None] | None
    ) -> TextCNN:
        """Let the chosen model recover longer; it stays as it was if that does not help on the search part of dev."""
        before, name = self.candidate(chosen), f"final-{chosen:02}"
        outcome = self.recorded(name)
        if outcome is None:
            after = copy.deepcopy(before)
            settings = dataclasses.replace(self.settings, epochs=POLISH * self.settings.epochs, seed=self.seed + 97)
            outcome = self.recover(name, after, settings, deadline, progress)
            self.models[name] = after
        return self.load(name) if outcome.drop <= drop else before

    def smaller(
        self,
        good: int,
        target: float,
        deadline: float | None = None,
        progress: Callable[[str, Progress], None] | None = None,
    ) -> TextCNN:
        """The good model cut to `target` bytes; the estimate is corrected by the file size that it really has."""
        if good not in self.scored:  # a step that failed is tried again from the same model
            model = copy.deepcopy(self.candidate(good))
            model.rounding = None
            weights = torch.zeros(len(model.embedding)).index_add_(0, model.remap, self.frequency.float())
            rotate(model, weights)
            if self.criterion.after_step is not None and good == 0:
                self.penalise(model, deadline, progress)
            scores = scores_of(model, self.criterion, self.sample, self.seed)
            losses = scores if self.criterion.unit == "loss" else losses_of(model, scores, self.sample)
            self.scored[good] = Scored(model, scores, losses)
        model, scores, losses = self.scored[good]
        real, estimated = self.task.packed_size(model), model.packed_bytes()
        return shrink(model, choose(model, losses, scores, target * estimated / real, model.packed_bytes))

    def penalise(
        self, model: TextCNN, deadline: float | None, progress: Callable[[str, Progress], None] | None
    ) -> None:
        """Train the dense model on with the criterion's own penalty, so that its scores mean something."""
        trained = train_model(
            model,
            self.lessons,
            self.task.dev.subset(self.search_rows),
            dataclasses.replace(self.settings, judge_start=False),  # its start has not felt the penalty
            checkpoint=self.folder / "penalty.checkpoint",
            hooks=Hooks(after_step=self.criterion.after_step),
            progress=None if progress is None else lambda now: progress("penalty", now),
            deadline=deadline,
        )
        if trained.ended == "interrupted":
            raise KeyboardInterrupt

    def judge(self, model: TextCNN) -> Outcome:
        """Bytes, drop and the search rule, on the search part of dev alone."""
        now = right(model, self.task.dev)[self.search_rows]
        dense = self.dense_right[self.search_rows]
        size = self.task.packed_size(model)
        drop = 100 * float(dense.mean() - now.mean())
        max_drop = self.budget.max_drop
        accepted = max_drop is None or bool(accepts(dense, now, max_drop))
        self.whole = self.whole or size  # the unpruned model is judged first
        return Outcome(size / self.whole, size, drop, accepted)

    def confirms(self, model: TextCNN) -> bool | None:
        """Ask the part of dev that the search never saw whether the drop is kept; None where it is empty.

        It is the drop itself: with a margin for their own noise, so few texts would refuse nearly everything.
        """
        if not len(self.confirm_rows):
            return None
        now = right(model, self.task.dev)[self.confirm_rows]
        dense = self.dense_right[self.confirm_rows]
        assert self.budget.max_drop is not None
        return 100 * float(dense.mean() - now.mean()) <= self.budget.max_drop

    def candidate(self, number: int) -> TextCNN:
        """The model of one row of history, ready to predict as the packed file will."""
        return self.load(f"step-{number:02}")

    def load(self, name: str) -> TextCNN:
        """A model of this search, from memory or from the folder."""
        if name not in self.models:
            dense = self.task.dense
            tensors, _ = load_tensors(self.folder / f"{name}.safetensors")
            model = TextCNN.from_tensors(
                tensors, pooling=dense.pooling, static=int(tensors["static"]), dropout=dense.dropout
            )
            model.rounding = rounding_of(model, self.task.table)
            self.models[name] = model
        return self.models[name]

    def record(self, name: str, model: TextCNN, outcome: Outcome, checkpoint: Path) -> None:
        """Weights and outcome in one file, so that neither exists without the other."""
        save_tensors(
            self.folder / f"{name}.safetensors",
            {**model.state_dict(), "static": torch.tensor(model.static)},
            {"outcome": json.dumps(outcome._asdict())},
        )
        checkpoint.unlink(missing_ok=True)

    def recorded(self, name: str) -> Outcome | None:
        """What an earlier, killed run of the same recipe found at this step."""
        path = self.folder / f"{name}.safetensors"
        return Outcome(**json.loads(load_tensors(path)[1]["outcome"])) if path.exists() else None


def right(model: TextCNN, examples: Encoded) -> np.ndarray:
    """Which texts the model labels rightly, shape (n,)."""
    return (logits(model, examples).argmax(1) == examples.targets).numpy()


def stage(name: str) -> str:
    """What progress calls a candidate.

    >>> stage("step-03"), stage("final-02")
    ('step 3', 'final')
    """
    kind, _, number = name.partition("-")
    return f"{kind} {int(number)}" if kind == "step" else kind
