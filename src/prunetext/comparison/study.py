"""One dense model, and everything that is compared on it."""

from __future__ import annotations

import dataclasses
import os
import platform
import time
from collections.abc import Iterator
from functools import cached_property, partial
from importlib.metadata import version
from typing import Any, cast

import numpy as np
import torch

from prunetext.comparison.agenda import Agenda, method_of, share_or_bytes
from prunetext.comparison.baselines import BARE_PACKING, scratch
from prunetext.comparison.rows import ComparedRow, ComparedRows
from prunetext.fitting.folder import Run
from prunetext.fitting.parts import STEPS_FOLDER
from prunetext.fitting.plan import Plan
from prunetext.fitting.stages import Lessons, problem_of
from prunetext.judging.machine import cpu
from prunetext.judging.speed import texts_per_second
from prunetext.modelfiles.opening import of_packed
from prunetext.models.protocol import Model, Trained
from prunetext.models.textcnn.family import USUAL_CRITERION
from prunetext.models.textcnn.model import TextCNN
from prunetext.options import FitOptions
from prunetext.peers.made import Given, Made
from prunetext.peers.makers import others
from prunetext.pruning.budget import DEFAULT_DROP, Budget
from prunetext.pruning.driver import walked
from prunetext.pruning.problem import Told, right
from prunetext.pruning.search import Search, begin_search
from prunetext.pruning.steps import Outcome
from prunetext.runtime.api import load
from prunetext.statistics.evaluation import verdict
from prunetext.training.settings import Settings

WHOLE = "any"  # for a baseline with a size of its own


class Study:
    """One dense model, and everything that is compared on it."""

    def __init__(
        self, plan: Plan, run: Run, lessons: Lessons, dense: Trained, settings: Settings, agenda: Agenda, told: Told
    ) -> None:
        self.plan, self.run, self.lessons, self.dense, self.settings = plan, run, lessons, dense, settings
        self.agenda, self.told, self.splits = agenda, told, plan.splits()

    @cached_property
    def dense_right(self) -> dict[str, np.ndarray]:
        """Which texts of dev and test the dense model labels correctly."""
        return {name: right(self.dense.model, self.lessons.encoded[name]) for name in ("dev", "test")}

    def search(self, name: str) -> tuple[Search, list[Outcome]]:
        """A search by this method, at its beginning."""
        method = method_of(name, self.plan.family)
        plan = dataclasses.replace(self.plan, method=method)
        problem = problem_of(plan, self.run, self.lessons, self.dense, self.settings, packing=BARE_PACKING)
        found = begin_search(problem, method, Budget(), self.run.folder(STEPS_FOLDER), told=self.told)
        return found, [found.whole]

    def answered(self, rows: ComparedRows) -> Iterator[ComparedRow]:
        """The missing rows, one at a time."""
        for name in self.agenda.methods:
            yield from self.trajectory(name, rows)
        if self.agenda.baselines:
            yield from self.baselines(rows)

    def missing(self, rows: ComparedRows, method: str, size: str) -> bool:
        """Whether this has no row yet."""
        return (self.agenda.fingerprint, method, size, self.plan.fitting.seed) not in rows

    def trajectory(self, name: str, rows: ComparedRows) -> Iterator[ComparedRow]:
        """A method at all sizes; if its schedule continues from size to size, one search visits them all."""
        if not any(self.missing(rows, name, size) for size in self.agenda.sizes):
            return
        schedule = method_of(name, self.plan.family).schedule
        search, history = self.search(name)
        began, saved = time.perf_counter(), 0.0
        for size in self.agenda.sizes:
            if not schedule.continues:
                history, began, saved = history[:1], time.perf_counter(), 0.0
            budget = size_in_bytes(size, search.whole)
            saved += walked(search.within(Budget(max_size=budget)), schedule, history).saved
            seconds = time.perf_counter() - began + saved
            if self.missing(rows, name, size):
                yield self.row_of(name, size, search.load(history[-1].key), seconds, budget)

    def baselines(self, rows: ComparedRows) -> Iterator[ComparedRow]:
        """The unpruned model, small ones that were not pruned, and models of other kinds."""
        default = f"{USUAL_CRITERION}/local"
        search, history = self.search(default)
        if self.missing(rows, "int8 alone", WHOLE):
            yield self.row_of("int8 alone", WHOLE, search.load(history[0].key), 0.0, history[0].bytes)
        given = Given(self.plan.labels, self.splits)
        for size in (WHOLE, *self.agenda.sizes):
            budget = None if size == WHOLE else size_in_bytes(size, search.whole)
            if budget is not None:
                limited = search.within(Budget(max_size=budget))
                walked(limited, method_of(default, self.plan.family).schedule, history)
                like = cast(TextCNN, search.load(history[-1].key))
                for name, teacher in (("small from scratch", False), ("small student", True)):
                    if self.missing(rows, name, size):
                        model, seconds = scratch(self.plan, limited, like, budget, teacher=teacher)
                        yield self.row_of(name, size, model, seconds, budget)
            for name, make in others(sized=budget is not None, autotune=self.agenda.autotune).items():
                if self.missing(rows, name, size) and (found := make(given, budget)) is not None:
                    yield self.row_of_other(found, size, budget or found.bytes)

    def row_of(self, method: str, size: str, model: Model, seconds: float, budget: int) -> ComparedRow:
        """Pack a model and judge it on test."""
        path = self.run.path("compared.safetensors")
        self.plan.family.pack(self.plan.trained(model), path, BARE_PACKING)
        classifier = load(path)
        timed = partial(classifier.predict, threads=1)
        return self.row_of_other(Made(of_packed(classifier, method), classifier.size, timed, seconds), size, budget)

    def row_of_other(self, made: Made, size: str, budget: int) -> ComparedRow:
        """Judge a model on test, each only once."""
        correct = {}
        for name in ("dev", "test"):
            own = self.splits[name]
            said = made.model.answers(own.inputs).named(made.model.labels, several=False)
            correct[name] = np.array(said) == np.array(own.labels)
        found = verdict(self.dense_right["test"], correct["test"], max_drop_of(self.plan.fitting))
        texts = self.splits["test"].texts
        return ComparedRow(
            self.agenda.name,
            self.agenda.fingerprint,
            made.model.name,
            size,
            self.plan.fitting.seed,
            budget,
            made.bytes,
            round(100 * float(correct["dev"].mean()), 3),
            round(100 * float(correct["test"].mean()), 3),
            round(100 * float(self.dense_right["test"].mean()), 3),
            round(found.drop, 3),
            round(found.low, 3),
            round(found.high, 3),
            found.name,
            round(made.seconds, 2),
            round(texts_per_second(lambda: made.predict(texts), len(texts), self.plan.effort.speed_seconds)),
            machine(),
        )


def size_in_bytes(size: str, whole: Outcome) -> int:
    """A size in bytes; whole: the unpruned model's."""
    share, absolute = share_or_bytes(size)
    if share is None:
        assert absolute is not None
        return absolute
    return int(share * whole.bytes)


def max_drop_of(options: FitOptions) -> float:
    """The drop that verdicts allow; 0 is a limit, too."""
    return DEFAULT_DROP if options.max_drop is None else options.max_drop


def machine() -> dict[str, Any]:
    """The processor, threads and versions, on which numbers depend besides the data."""
    return {
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "prunetext": version("prunetext"),
        "torch": torch.__version__.partition("+")[0],
    }
