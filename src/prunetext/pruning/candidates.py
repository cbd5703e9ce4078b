"""Make the candidates of a search: score, cut, and train again."""

from __future__ import annotations

import copy
import dataclasses
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch

from prunetext.models.encoded import Encoded
from prunetext.models.groups import BYTES, TIME, Group
from prunetext.models.protocol import HEAD, Model
from prunetext.pruning.choosing import kept_units, losses_of, observe, rearranged_units, scores_of
from prunetext.pruning.criteria.criterion import Criterion, Groups, State
from prunetext.pruning.cutting import Scored, faster, highest, lighter
from prunetext.pruning.problem import Problem, Told
from prunetext.pruning.regrowth import regrow
from prunetext.pruning.shrinking import flattened, shrink
from prunetext.pruning.steps import MULTIPLICATIONS, Outcome, Step
from prunetext.pruning.store import Store, key_of, weights_digest
from prunetext.pruning.trials import Evaluator
from prunetext.training.loop import Hooks, computing, train_model
from prunetext.training.settings import Settings

GENTLE_EPOCHS, GENTLE_RATE = 0.3, 0.3  # of a recovery: training before units may return, with little but the head
CANDIDATES_VERSION = 5  # of how candidates are made: candidates of another version are not used
OLD_WORDS = {"bits": "precision"}  # of kinds: seeds of candidates are drawn from names that have them
UNTRAINED = "untrained"


class CandidateMaker:
    """Makes candidates of a problem; they are stored under names that say how they were made.

    name: the criterion's, with its parameters; it tells candidates of one criterion from another's.
    """

    def __init__(
        self, problem: Problem, criterion: Criterion, name: str, evaluator: Evaluator, folder: Path, told: Told = None
    ) -> None:
        self.problem, self.criterion, self.evaluator, self.told = problem, criterion, evaluator, told
        self.name, self.folder = name, folder
        self.store = Store(folder, problem.dense)
        makes_up = criterion.remove is not None
        self.root = root_of(problem, name, matched=bool(evaluator.watch.given), makes_up=makes_up)
        self._scored: dict[str, Scored] = {}

    def of(self, problem: Problem, evaluator: Evaluator) -> CandidateMaker:
        """A maker of another problem's candidates, in the same folder and by the same criterion."""
        return CandidateMaker(problem, self.criterion, self.name, evaluator, self.folder, self.told)

    def unpruned(self) -> Model:
        """The dense model in packed form: the search falls back to it."""
        if not self.store.held(self.root):
            model = copy.deepcopy(self.problem.dense)
            model.normalise()
            model.fit_grid()
            self.store.hold(self.root, model)
        return self.store.load(self.root)

    def load(self, key: str) -> Model:
        """A model of this search, by name."""
        if key == self.root:
            return self.unpruned()
        if key == UNTRAINED and not self.store.held(key):
            assert self.problem.untrained is not None
            model = self.problem.untrained()
            model.normalise()
            self.store.hold(key, model)
        return self.store.load(key)

    def settings(self, step: Step, seed: int) -> Settings:
        """How long and how fast to train after this step."""
        base = self.problem.recovery if step.training == "recovery" else self.problem.first
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
        # An average of weights has no exact zeros, and a penalty is for exact zeros.
        return dataclasses.replace(settings, averaging=0.0) if self.criterion.after_step else settings

    def train(
        self,
        key: str,
        model: Model,
        examples: Encoded,
        settings: Settings,
        stage: str,
        *,
        hooks: Hooks | None = None,
        rounded: bool = True,
        deadline: float | None = None,
    ) -> bool:
        """Train in place, on the packed file's grid if `rounded`; return whether the time ran out before the end."""
        if rounded:
            model.fit_grid()
        dev, measure, told = self.problem.believed, self.evaluator.measure, self.told
        if settings.class_weights:  # what a rare class needs, only labels tell
            rows = self.evaluator.search_rows
            dev, measure = self.problem.dev.subset(rows), measure.subset(rows)
        with model.on_grid() if rounded else nullcontext():
            done = train_model(
                model,
                examples,
                dev,
                settings,
                measure=measure,
                checkpoint=self.store.checkpoint(key),
                hooks=self._hooks(model, hooks or Hooks(), rounded=rounded),
                progress=None if told is None else lambda now: told(stage, now),
                deadline=deadline,
                guide=self.problem.guide if settings.states else None,
            )
        if done.ended == "interrupted":  # a half-recovered model tells nothing about the recovered one
            raise KeyboardInterrupt
        if rounded:
            model.fit_grid()
        return done.ended == "time"

    def _hooks(self, model: Model, hooks: Hooks, *, rounded: bool) -> Hooks:
        """The hooks, with the criterion's work after a step, and with removed single weights held at zero."""
        criterion, groups = self.criterion, model.groups(self.problem.kinds)
        zeros = zeros_of(model, groups)

        def after_step(current: Model, rate: float) -> None:
            if criterion.after_step is not None:
                criterion.after_step(current, groups, rate)
            with torch.no_grad():
                for name, places in zeros.items():
                    current.get_parameter(name).masked_fill_(places, 0)

        acts = criterion.after_step is not None or bool(zeros)
        start = (lambda now: now.fit_grid()) if rounded else None
        return hooks._replace(after_step=after_step if acts else None, start_epoch=start)

    def smaller(
        self, parent: str, step: Step, draw: int, key: str, stage: str, whole: Outcome, deadline: float | None = None
    ) -> Model:
        """A model cut to the wanted size; its real size corrects the estimate."""
        if step.keep >= 1 and not step.units:
            return copy.deepcopy(self.load(parent))
        scored = self.score(parent, draw, stage, deadline)
        model, kinds = scored.model, self.problem.kinds
        kept, target = self._kept(scored, step, parent, whole)
        kept = rearranged_units(self.criterion, scored.state, scored.groups, kept)
        if self.criterion.remove is not None:
            model = copy.deepcopy(model)
            self.criterion.remove(scored.state, model, model.groups(kinds), kept)
        if step.rewind:
            model = scored.form(copy.deepcopy(self.early(parent, stage, deadline)))
        small = shrink(model, kept)
        if self.problem.mend is not None and not step.rewind:
            self.problem.mend(small, scored.model, self.problem.batches)  # not one whose units make up for others
        if target:
            settings = self.settings(step._replace(epochs=GENTLE_EPOCHS, rate=GENTLE_RATE), int(key[:8], 16))
            parts = small.parts()
            hooks = Hooks(frozen=lambda name: parts[name] != HEAD)
            lessons = self.problem.lessons_for(settings)
            self.train(f"{key}-gentle", small, lessons, settings, stage, hooks=hooks, rounded=False, deadline=deadline)
            small = regrow(small, model, model.groups(kinds), kept, target, model.costs()[BYTES], self.problem.sample)
        small.normalise()
        return small

    def _kept(self, scored: Scored, step: Step, parent: str, whole: Outcome) -> tuple[dict[str, np.ndarray], float]:
        """The units that a step keeps, and the bytes up to which others may return, or 0."""
        groups = scored.groups
        if step.units:
            return {group.name: highest(group, scored.scores[group.name], step.units) for group in groups}, 0.0
        if step.measure == MULTIPLICATIONS:
            cost = scored.model.costs()[TIME]
            return kept_units(groups, scored.losses, scored.scores, step.keep * cost({}), cost, TIME), 0.0
        if step.measure == "time":
            assert whole.speed is not None
            return faster(self.problem, scored, step.keep / whole.speed), 0.0
        kept = lighter(self.problem, scored, step.keep * whole.bytes, self.bytes_of(parent))
        if not step.regrow:
            return kept, 0.0
        size = scored.model.costs()[BYTES]
        target = size(kept)
        deeper = target - step.regrow / (1 - step.regrow) * (size({}) - target)
        return kept_units(groups, scored.losses, scored.scores, max(deeper, target / 4), size), target

    def bytes_of(self, key: str) -> float:
        """Bytes of a candidate's packed file."""
        if key in self.store and not key.endswith("-early"):
            return float(self.store.outcome(key).bytes)
        return float(self.problem.packed_size(self.load(key)))

    def score(self, parent: str, draw: int, stage: str, deadline: float | None = None) -> Scored:
        """The scores of a model's units; kept, for a step that failed is tried again from the same model."""
        name, criterion, kinds = key_of(self.root, parent, draw), self.criterion, self.problem.kinds
        if name in self._scored:
            return self._scored[name]
        model = copy.deepcopy(self.problem.dense if parent == self.root else self.load(parent))
        form = model.canonical(self.problem.train, kinds)
        model = form(model)
        groups = model.groups(kinds)
        state = criterion.init(model, groups, int(name[:8], 16))
        if criterion.trains and (parent == self.root or criterion.after_backward is not None):
            self.tune(f"{name}-tuned", model, groups, state, stage, deadline)
        else:
            observe(model, criterion, groups, state, self.problem.watched)
        scores = scores_of(model, criterion, groups, state)
        with computing(self.problem.recovery):
            losses = losses_of(model, groups, scores, self.problem.sample)
        self._scored = {name: Scored(model, form, groups, state, scores, losses)}
        return self._scored[name]

    def tune(
        self, name: str, model: Model, groups: Groups, state: State, stage: str, deadline: float | None = None
    ) -> None:
        """Train a model further as the criterion asks: under its penalty, or while it watches."""
        settings = self.settings(Step(1.0), int(name[:8], 16))
        settings = dataclasses.replace(settings, judge_start=False)  # its start has not felt the penalty
        after_backward = self.criterion.after_backward
        watch = None if after_backward is None else lambda now: after_backward(state, now, groups)
        if watch is None:
            examples = self.problem.lessons_for(settings)
        else:  # it must see the task's gradients: the model's own answers give none
            examples, settings = self.problem.train, self.problem.by_labels(settings)
        hooks = Hooks(watch, noted=state)
        self.train(name, model, examples, settings, f"{stage} tuning", hooks=hooks, rounded=False, deadline=deadline)

    def early(self, parent: str, stage: str, deadline: float | None = None) -> Model:
        """The weights of a model after its first epoch."""
        if parent != self.root:
            return self.load(f"{parent.removesuffix('-cut')}-start")
        key = f"{self.root}-early"
        if key in self.store:
            return self.load(key)
        assert self.problem.untrained is not None
        settings = dataclasses.replace(self.problem.first, stop_after=1.0)
        model, train = self.problem.untrained(), self.problem.train
        late = self.train(key, model, train, settings, f"{stage} early weights", rounded=False, deadline=deadline)
        if not late:
            self.store.save(key, model)
        return model


def root_of(problem: Problem, name: str, *, matched: bool = False, makes_up: bool = False) -> str:
    """The name of a search's unpruned model, from which all candidates' names and seeds follow.

    makes_up: whether the criterion itself lets the units that stay make up for those that go.
    """
    kinds = tuple(OLD_WORDS.get(kind, kind) for kind in problem.kinds)
    ways: list[Any] = [weights_digest(problem.dense), name, kinds, "int8", problem.recovery.recorded()]
    measure = problem.measure
    if measure.name != "accuracy":  # a candidate's drop and error are in this metric
        ways += [measure.name, measure.gold.positive]
    if matched:  # candidates without the offsets of rare classes are others
        ways.append("matched")
    if makes_up and problem.mend is not None:
        ways.append("mended once")
    return key_of(CANDIDATES_VERSION, *ways)


def zeros_of(model: Model, groups: Sequence[Group]) -> dict[str, torch.Tensor]:
    """Where single weights were removed, by parameter, if any were."""
    found = {}
    for group in groups:
        if group.sparse:
            (piece,) = group.slices
            places = model.get_parameter(piece.parameter).detach() == 0
            flattened(places, piece)[: piece.offset] = False
            if bool(places.any()):
                found[piece.parameter] = places
    return found
