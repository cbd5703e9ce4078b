"""The end of a run whose dev was taken from train: dense and pruned model learn most of these texts, too."""

from __future__ import annotations

import copy
import dataclasses
import sys
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

from prunetext.data.dataset import Data, Examples
from prunetext.fitting.folder import Run
from prunetext.fitting.parts import STEPS_FOLDER
from prunetext.fitting.plan import Plan
from prunetext.fitting.stages import Clock, Lessons, stage_teller, taught_texts
from prunetext.models.encoded import Encoded, labelled
from prunetext.models.protocol import Model, Trained
from prunetext.pruning.driver import Solution
from prunetext.pruning.problem import Problem, Told, sides_of_dev
from prunetext.pruning.search import begin_search
from prunetext.statistics.answers import LEARNT_DEV
from prunetext.statistics.metrics import Measure
from prunetext.teaching.automatic import teaching_seconds
from prunetext.teaching.lessons import teach, with_more
from prunetext.teaching.teachers import agreed
from prunetext.training.answering import logits
from prunetext.training.loop import train_model
from prunetext.training.losses import loss_of
from prunetext.training.settings import Settings

REFIT_EPOCHS, REFIT_RATE = 0.2, 0.45  # of the dense model's training, in which it learns texts of dev
MOST_FOR_TEACHER = 3_000_000  # tokens of a training without a teacher: some ten seconds of the automatic one
LEAST_JUDGES, MOST_RISE = 30, 2.0  # texts that tell whether it helps, and standard errors by which their loss may rise
ENDS = 0.9  # share of max_time
NO_TIME = "max_time leaves no time to learn the texts of dev, too."
NO_ROOM = "The models that have learnt the texts of dev, too, are too large for max_size: these are without them."
INTERRUPTED_REFIT = "The models have not learnt the texts of dev: that was interrupted."
NO_HELP = "To learn the texts of dev, too, did not help on those that were kept out of it: the models are without them."


class Models(NamedTuple):
    """The dense model and the pruned one."""

    dense: Trained
    pruned: Trained


class Final(NamedTuple):
    """The models that a run ends with.

    held_out: the same before they learnt texts of dev, by which they are calibrated; the same models if they did not.
    learnt: these texts. notes: on them.
    """

    models: Models
    held_out: Models
    learnt: Examples | None = None
    notes: tuple[str, ...] = ()

    def recipe(self, plan: Plan) -> dict[str, Any]:
        """What the recipe in the models' files says beyond that of the run."""
        dev = plan.splits()["dev"]
        return {} if self.learnt is None else {LEARNT_DEV: Data(dev).fingerprint()}


def final_models(
    plan: Plan,
    run: Run,
    lessons: Lessons,
    dense: Trained,
    problem: Problem,
    solution: Solution,
    clock: Clock,
    told: Told = None,
) -> Final:
    """Let both models learn the texts of dev that the search has seen.

    The rest of dev, which has confirmed the pruned model, says whether that helps: if one of them is worse on it beyond
    doubt, none is taken.
    """
    held_out = Models(dense, plan.trained(solution.model))
    as_it_is = Final(held_out, held_out)
    late = clock.deadline(ENDS)
    if not plan.refits or solution.interrupted:
        return as_it_is
    if late is not None and time.monotonic() + reteaching_seconds(plan) > late:
        return as_it_is._replace(notes=(NO_TIME,))
    try:
        search = begin_search(problem, plan.method, plan.budget, run.folder(STEPS_FOLDER), told=told)
        seen, hidden = search.evaluator.search_rows, search.evaluator.confirm_rows
        if not len(hidden):  # nothing says which moment of a recovery is the best
            return as_it_is
        train = train_with(plan, lessons, seen, hidden, told)
        after = taught_more(problem, train, late, told)
        small = None if after is None else search.refitted(solution.model, after, train, late)
    except KeyboardInterrupt:
        return as_it_is._replace(notes=(INTERRUPTED_REFIT,))
    if after is None or small is None:
        return as_it_is._replace(notes=(NO_TIME,))
    unseen = problem.dev.subset(judges(problem.dev.targets.numpy(), seen, hidden))
    if worse(dense.model, after, unseen) or worse(solution.model, small, unseen):
        return as_it_is._replace(notes=(NO_HELP,))
    if (most := plan.budget.max_size) and problem.packed_size(small) > max(most, problem.packed_size(solution.model)):
        return as_it_is._replace(notes=(NO_ROOM,))
    learnt, whole = plan.splits()["dev"].subset(seen.tolist()), len(problem.dev)
    note = f"At the end, all models have learnt {len(learnt):,} of the {whole:,} texts of dev, too."
    return Final(Models(dense._replace(model=after), plan.trained(small)), held_out, learnt, (note,))


def teacher_learns(plan: Plan) -> bool:
    """Whether the teacher learns these texts, too: the automatic one does, where it takes seconds.

    Not if texts have scores: with more of them, their levels would be others than the model's.
    """
    diet = plan.teaching.diet
    return diet is not None and diet.alone <= MOST_FOR_TEACHER and not plan.task.has_steps


def reteaching_seconds(plan: Plan) -> float:
    """How long the teacher takes to learn once more, as a careful guess."""
    train, tokenizer = plan.data.train, plan.teaching.tokenizer
    return teaching_seconds(train, len(plan.labels), tokenizer) if teacher_learns(plan) else 0.0


def train_with(plan: Plan, lessons: Lessons, seen: np.ndarray, hidden: np.ndarray, told: Told) -> Encoded:
    """Train with these texts of dev, and all that is taught about both."""
    taught, dev = plan.teaching, plan.splits()["dev"]
    more = dev.subset(seen.tolist())
    if teacher_learns(plan):
        taught = with_more(taught, more, dev.subset(hidden.tolist()))
        both = taught.data.train
        own = labelled(plan.family.encode(plan.beginning.reader, both.inputs), both, plan.labels)
        return taught_texts(plan, own, teach(taught, lambda stage: stage_teller(told, stage)))
    train, added = lessons.encoded["train"], lessons.encoded["dev"].subset(seen)
    if train.soft is None:
        return train.joined(added)
    soft = torch.zeros(len(added), len(plan.labels))
    if taught.teachers:
        answers = [each.answer(more.inputs, stage_teller(told, each.name)) for each in taught.teachers]
        soft = torch.from_numpy(agreed(answers, taught.options.teacher_temperature, plan.task)).to(train.soft.dtype)
    return train.joined(dataclasses.replace(added, soft=soft))


def taught_more(problem: Problem, train: Encoded, deadline: float | None, told: Told) -> Model | None:
    """The dense model, trained gently on these texts; None if the time ran out."""
    first, recovery = problem.first, problem.recovery
    settings: Settings = dataclasses.replace(
        first,
        epochs=max(recovery.epochs, first.epochs * REFIT_EPOCHS),
        learning_rate=first.learning_rate * REFIT_RATE,
        embedding_rate=first.embedding_rate * REFIT_RATE,
        patience=sys.maxsize,
    )
    model = copy.deepcopy(problem.dense)
    tell = None if told is None else lambda now: told("refit", now)
    done = train_model(model, train, None, settings, deadline=deadline, progress=tell)
    return None if done.ended == "time" else model


def judges(targets: np.ndarray, seen: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """The hidden rows that may judge what was learnt from those seen: texts of other classes are not to become better.

    >>> judges(np.array([0, 0, 1, 2, 1]), np.array([0, 2]), np.array([1, 3, 4])).tolist()
    [1, 4]
    """
    return hidden if targets.ndim > 1 else hidden[np.isin(targets[hidden], targets[seen])]


def unlearnt_rows(recipe: Mapping[str, Any], measure: Measure) -> np.ndarray:
    """The rows of dev that a model with this recipe has not learnt; measure: of dev, by the run's metric.

    >>> from prunetext.statistics.gold import Gold
    >>> dev = Measure("accuracy", Gold(np.zeros(100, int)))
    >>> len(unlearnt_rows({"seed": 0}, dev)), len(unlearnt_rows({"seed": 0, "learnt_dev": "ab12"}, dev))
    (100, 30)

    If it has learnt dev at the end of its run, they are those that were kept out of its search.
    """
    if LEARNT_DEV not in recipe:
        return np.arange(len(measure.gold.targets))
    return sides_of_dev(measure, recipe["seed"])[1]


def worse(before: Model, after: Model, examples: Encoded) -> bool:
    """Whether the loss on texts that neither has learnt has risen beyond doubt; a few texts do not tell."""
    if len(examples) < LEAST_JUDGES:
        return False
    loss = loss_of(examples.task)
    was, now = (loss.texts(logits(each, examples), examples.targets).double() for each in (before, after))
    rise = (now - was).numpy()
    return bool(rise.mean() > MOST_RISE * rise.std() / np.sqrt(len(rise)))
