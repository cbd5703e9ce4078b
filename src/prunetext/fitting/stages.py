"""The stages of one run, for fit and prune alike: lessons, the dense model, and the search."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable
from typing import NamedTuple

import torch

from prunetext.errors import DamagedError, InputError
from prunetext.fitting.folder import Run
from prunetext.fitting.parts import BELIEFS, DENSE_MODEL, SEARCHED_MODEL, STEPS_FOLDER, TIMES
from prunetext.fitting.plan import Plan
from prunetext.fitting.speeds import RunTimes, usual_packing
from prunetext.models.encoded import Encoded, labelled
from prunetext.models.protocol import Model, Packing, Trained
from prunetext.models.tensors import fit_into, load_tensors, save_tensors
from prunetext.pruning.driver import Solution, pruned
from prunetext.pruning.problem import Problem, Told
from prunetext.pruning.trials import MOST_SILENT
from prunetext.statistics.answers import LEARNT_DEV
from prunetext.teaching.ensemble import joined_texts, self_taught, sure_rows
from prunetext.teaching.lessons import Taught, made_of, teach
from prunetext.training.answering import dev_values, thresholds_of
from prunetext.training.loop import Progress, train_model
from prunetext.training.rare import rare_values, take_biases
from prunetext.training.settings import Settings

MADE_OF_DEV = 10  # texts at most, of each text of dev
DENSE_TIME, SEARCH_TIME = 0.45, 0.85  # shares of max_time at which these end; the rest is for judging and packing


class Lessons(NamedTuple):
    """The splits as numbers, train with all that is taught beyond its labels, and notes on that.

    `seconds` is how long teaching took, if that does not count for max_time. on_dev: the teacher's probabilities for
    dev, if they choose the best epoch. beyond: texts without labels that recoveries alone learn.
    """

    encoded: dict[str, Encoded]
    notes: tuple[str, ...]
    seconds: float = 0.0
    on_dev: torch.Tensor | None = None
    beyond: Encoded | None = None


class Clock(NamedTuple):
    """The start of a run, on the clock of `time.monotonic`, and its time limit; None is no limit."""

    began: float
    max_time: float | None

    def deadline(self, share: float) -> float | None:
        """The moment when this share of the time is spent."""
        return None if self.max_time is None else self.began + share * self.max_time


class Dense(NamedTuple):
    """The dense model, and why its training ended early, if it did."""

    trained: Trained
    ended: str | None = None


def lessons_of(plan: Plan, run: Run, told: Told) -> Lessons:
    """Turn texts into numbers, and ask the teachers (others, or the model itself) about all of them."""
    family, reader, taught = plan.family, plan.beginning.reader, plan.teaching
    encoded = {
        name: labelled(family.encode(reader, each.inputs), each, plan.labels) for name, each in plan.splits().items()
    }
    notes = taught.unlabelled.lines()
    train, began, on_dev, beyond = encoded["train"], time.monotonic(), None, None
    if taught.teachers:
        lessons = teach(taught, lambda stage: stage_teller(told, stage))
        notes, on_dev = [*notes, *lessons.notes], lessons.on_dev
        train = taught_texts(plan, train, lessons)
    elif taught.teaches_itself and not family.taught:
        beyond = family.encode(reader, taught.unlabelled.texts)
        if plan.method.schedule.recovers:
            notes = [*notes, f"Recoveries learn the dense model's answers to {len(beyond):,} unlabelled texts, too."]
    elif taught.teaches_itself:
        more = family.encode(reader, taught.unlabelled.texts)
        beliefs = beliefs_of(plan, run, encoded, more, told)
        rows = sure_rows(beliefs, train)
        notes = [*notes, f"The model learns from its own answers to {len(rows) - len(train):,} unlabelled texts."]
        train = joined_texts(train, more, beliefs).subset(rows)
    # A teacher that was named may have worked for many runs; the automatic one works for this one.
    free = 0.0 if taught.diet and plan.dense is None else time.monotonic() - began
    believed = None if on_dev is None else torch.from_numpy(on_dev)
    return Lessons({**encoded, "train": train}, tuple(notes), free, believed, beyond)


def taught_texts(plan: Plan, train: Encoded, lessons: Taught) -> Encoded:
    """Train, and the texts beyond it, with the teacher's answers to all of them."""
    beyond = plan.family.encode(plan.beginning.reader, lessons.inputs)
    return joined_texts(train, beyond, torch.from_numpy(lessons.soft))


def beliefs_of(plan: Plan, run: Run, encoded: dict[str, Encoded], more: Encoded, told: Told) -> torch.Tensor:
    """The model's beliefs about unlabelled texts, taken from the run's folder if they are there."""
    path = run.path(BELIEFS)
    if not path.exists():
        train, fitting = encoded["train"], plan.fitting
        settings = Settings(
            seed=fitting.seed,
            soft_share=plan.teaching.options.teacher_share,
            ranking=fitting.ranking,
            class_weights=plan.class_weights(train.targets),
        )
        measure, tell = plan.measure("dev"), stage_teller(told, "teach itself")
        found = self_taught(plan.beginning.untrained, train, more, encoded["dev"], settings, measure, tell)
        save_tensors(path, {"beliefs": found}, {})
    beliefs = load_tensors(path)[0]
    if not fit_into(beliefs, {"beliefs": torch.empty(len(encoded["train"]) + len(more), len(plan.labels))}):
        raise DamagedError(path, "its beliefs are not those about these texts")
    return beliefs["beliefs"]


def stage_teller(told: Told, stage: str) -> Callable[[int, int], None] | None:
    """A callback for the progress of a stage other than training."""
    return None if told is None else lambda done, total: told(stage, Progress(done, total, None))


def train_dense(plan: Plan, run: Run, lessons: Lessons, settings: Settings, clock: Clock, told: Told) -> Dense:
    """Train the dense model, or take it from an earlier run, or from this run before it was killed."""
    if plan.dense is not None:
        return Dense(plan.dense)
    saved = run.load(SEARCHED_MODEL) or run.load(DENSE_MODEL, but=LEARNT_DEV)
    if saved is not None:
        return Dense(saved)
    model, checkpoint = plan.beginning.untrained(), run.path("dense.checkpoint")
    train, dev = lessons.encoded["train"], lessons.encoded["dev"]
    rare = plan.evened(train.targets)
    chooses = dev  # the best epoch
    if lessons.on_dev is not None and not settings.class_weights:
        chooses = dataclasses.replace(dev, targets=lessons.on_dev)
    done = train_model(
        model,
        train,
        chooses,
        settings,
        checkpoint=checkpoint,
        measure=plan.measure("dev"),
        deadline=clock.deadline(DENSE_TIME),
        progress=None if told is None else lambda now: told("train", now),
        judge=functools.partial(rare_values, rare=rare) if rare else dev_values,
    )
    if rare:
        take_biases(model, dev, rare)
    trained = plan.trained(model, epochs=done.epochs)
    if done.ended != "interrupted":  # else a resumed run trains on
        run.save(DENSE_MODEL, with_thresholds(trained, dev))
        checkpoint.unlink(missing_ok=True)
    return Dense(trained, done.ended)


def with_thresholds(trained: Trained, dev: Encoded) -> Trained:
    """The model, with thresholds tuned on dev if texts can have several labels."""
    found = thresholds_of(trained.model, dev)
    return trained._replace(thresholds=None if found is None else found.tolist())


def size_when_packed(plan: Plan, model: Model, packing: Packing) -> int:
    """Bytes of the model's packed file; all thresholds, if any, take equally many."""
    return plan.family.size(plan.trained(model, plan.task.even_thresholds(len(plan.labels))), packing)


def problem_of(
    plan: Plan, run: Run, lessons: Lessons, dense: Trained, settings: Settings, packing: Packing | None = None
) -> Problem:
    """The problem that a search works on; candidates are trained as the dense model was, for a recovery's time.

    packing: the settings with which candidates are packed, to know their size; the usual ones if not given.
    """
    first = dataclasses.replace(settings, epochs=max(dense.epochs, 1.0))
    kinds, train, beyond = plan.method.kinds, lessons.encoded["train"], lessons.beyond
    if not dense.model.groups(kinds) and not dense.model.formed_kinds & {*kinds}:
        raise InputError(f"groups is {','.join(kinds)}, but the model has none. Choose others, such as filters.")
    asked = plan.fitting.hidden_states
    own = {**plan.family.recovery, **({} if asked is None else {"states": asked})}
    recovery = dataclasses.replace(plan.effort.recovery, **own)
    recovering = recovery.settings(first, taught=bool(plan.teaching.teachers))
    if beyond is not None:  # a recovery takes no longer by them
        recovering = dataclasses.replace(recovering, epochs=recovering.epochs / (1 + len(beyond) / len(train)))
    watch = RunTimes(plan, run.path(TIMES), run.notes)
    return Problem(
        dense.model,
        train,
        lessons.encoded["dev"],
        lambda model: size_when_packed(plan, model, packing or usual_packing(plan)),
        recovering,
        first,
        kinds,
        untrained=plan.beginning.untrained,
        speed=watch.speed,
        metric=plan.measure("dev"),
        unseen=unseen_texts(plan),
        beyond=beyond,
        mend=plan.family.mend,
        times=watch.times,
    )


def unseen_texts(plan: Plan) -> Encoded | None:
    """Texts made from those of dev, on which a search measures harm: what recoveries learn changes less than others."""
    if not plan.measure("dev").is_plain:
        return None
    inputs = plan.splits()["dev"].inputs
    made = made_of(inputs, min(MADE_OF_DEV * len(inputs), MOST_SILENT), plan.teaching.tokenizer)
    return plan.family.encode(plan.beginning.reader, made)


def search(plan: Plan, run: Run, problem: Problem, clock: Clock, told: Told, ended: str | None = None) -> Solution:
    """Prune the dense model; an interrupt before the first smaller model leaves the dense one."""
    budget, steps = plan.budget._replace(metric=problem.measure.title), run.folder(STEPS_FOLDER)
    if ended != "interrupted":
        try:
            return pruned(
                problem,
                plan.method,
                budget,
                steps,
                deadline=clock.deadline(SEARCH_TIME),
                told=told,
                record=lambda rows: run.write_history(row._asdict() for row in rows),
            )
        except KeyboardInterrupt:
            pass
    solution = pruned(problem, plan.method, budget, steps, deadline=0.0)
    return solution._replace(reason="interrupted; this is the dense model at that time")


def begun(plan: Plan, began: float | None = None, free: float = 0.0) -> Clock:
    """The clock of a run that began at that moment, by default now.

    free: seconds that do not count: a teacher's work is done once for many runs.
    """
    return Clock((time.monotonic() if began is None else began) + free, plan.budget.max_time)
