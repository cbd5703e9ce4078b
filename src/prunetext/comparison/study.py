"""Methods × sizes × seeds on one data set, with the baselines that any method has to beat."""

from __future__ import annotations

import dataclasses
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from prunetext.comparison.baselines import others, scratch
from prunetext.comparison.machine import cpu
from prunetext.comparison.rows import Row, Rows
from prunetext.data.dataset import Data, Examples
from prunetext.data.splitting import split
from prunetext.errors import InputError, RunError
from prunetext.fitting.checks import check_data, check_shape, read_data, take_options
from prunetext.fitting.folder import STEPS, WORK, Run, changed_since
from prunetext.fitting.stages import DEFAULT_DROP, Job, dense_model, task_of
from prunetext.judging.speed import texts_per_second
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.packing import pack
from prunetext.models.textcnn.starting import new_model, settle, vocabulary_of
from prunetext.options import FitOptions, ModelOptions, ReadOptions, TeachOptions, check_options, parse_widths
from prunetext.peers.made import Made
from prunetext.pruning.budget import Budget, parse_size
from prunetext.pruning.criteria.criterion import CRITERIA
from prunetext.pruning.driver import walk
from prunetext.pruning.methods import Method, load_method
from prunetext.pruning.problem import Task, right
from prunetext.pruning.schedules import SCHEDULES, Outcome
from prunetext.pruning.search import Search
from prunetext.runtime.api import load
from prunetext.statistics.evaluation import verdict
from prunetext.teaching.lessons import find_teaching
from prunetext.training.loop import Progress, threads, threads_for

SIZES = "1/2,1/4,1/10,1/30"
WHOLE = "any"  # the size of a baseline that has its own
# Of fit's options.
UNUSED = {"criterion", "schedule", "groups", "max_size", "min_speed", "max_time", "precision"}
UNUSED |= {"metric", "positive", "class_weights"}

Report = Callable[[str, Progress], None] | None


class Plan(NamedTuple):
    """What a comparison is to answer."""

    methods: tuple[str, ...]  # criterion/schedule or criterion/schedule/groups, groups joined by +
    sizes: tuple[str, ...]  # from the largest down
    baselines: bool
    autotune: int  # seconds of fastText's search for each size


def default_methods() -> tuple[str, ...]:
    """Every criterion on the schedule `local`, and the default criterion on every schedule.

    >>> "taylor/local" in default_methods()
    True
    """
    names = [f"{criterion}/local" for criterion in CRITERIA]
    names += [f"{FitOptions.criterion}/{schedule}" for schedule in SCHEDULES if schedule != "local"]
    return tuple(names)


def full_name(name: str) -> str:
    """A method's name with its schedule, so that one method has one name.

    >>> full_name("taylor")
    'taylor/local'
    """
    return name if "/" in name else f"{name}/local"


def method_of(name: str) -> Method:
    """The method of a name as in a plan; a combination that makes no sense raises `InputError`.

    >>> method_of("taylor/oneshot/filters+vocabulary").kinds
    ('vocabulary', 'filters')
    """
    criterion, _, rest = name.partition("/")
    schedule, _, groups = rest.partition("/")
    return load_method(criterion, schedule or "local", groups.replace("+", ",") or FitOptions.groups)


def share_or_bytes(size: str) -> tuple[float | None, int | None]:
    """A size as people write it: a share of the unpruned packed file, or bytes.

    >>> share_or_bytes("1/4"), share_or_bytes("64kB")
    ((0.25, None), (None, 64000))
    """
    try:
        share = float(Fraction(size))
    except (ValueError, ZeroDivisionError, OverflowError):
        share = 0.0
    if 0 < share <= 1:
        return share, None
    try:
        return None, parse_size(size)
    except InputError:
        raise InputError(f"sizes has {size!r}: give shares of the unpruned file, as 1/4, or bytes, as 64kB.") from None


class Study:
    """One dense model, and everything that is compared on it."""

    def __init__(
        self, job: Job, dense: TextCNN, epochs: float, fitting: FitOptions, plan: Plan, rows: Rows, data: Data
    ) -> None:
        self.job, self.dense, self.epochs, self.fitting, self.plan, self.rows = job, dense, epochs, fitting, plan, rows
        self.settings = job.settings(fitting)
        self.gold = {name: np.array(job.texts[name].labels) for name in ("dev", "test")}
        self.dense_right = {name: right(dense, job.encoded[name]) for name in ("dev", "test")}
        self.name, self.fingerprint = data.name, data.fingerprint()
        self.whole: Outcome | None = None

    def task(self, kinds: tuple[str, ...]) -> Task:
        """What the search of a method works on."""
        return task_of(self.job, self.dense, self.epochs, kinds, self.settings)

    def search(self, name: str, budget: Budget) -> tuple[Search, list[Outcome]]:
        """A search by this method, at its beginning."""
        method = method_of(name)
        found = Search(
            self.task(method.kinds),
            method.criterion,
            budget,
            self.job.run.folder(STEPS),
            method.name,
            self.job.progress,
        )
        history = [found.start()]
        self.whole = history[0]
        return found, history

    def bytes_of(self, size: str) -> int:
        """A size in bytes."""
        share, absolute = share_or_bytes(size)
        assert self.whole is not None
        return absolute if share is None else int(share * self.whole.bytes)  # type: ignore[return-value]

    def run(self) -> Iterator[Row]:
        """Everything that there is no row of yet, a row at a time."""
        for name in self.plan.methods:
            yield from self.trajectory(name)
        if self.plan.baselines:
            yield from self.baselines()

    def missing(self, method: str, size: str) -> bool:
        """Whether there is no row of this yet."""
        return (self.fingerprint, method, size, self.fitting.seed) not in self.rows

    def trajectory(self, name: str) -> Iterator[Row]:
        """A method at all sizes, on one way down where its schedule goes on from size to size."""
        if not any(self.missing(name, size) for size in self.plan.sizes):
            return
        method = method_of(name)
        search, history = self.search(name, Budget())
        began = time.perf_counter()
        for size in self.plan.sizes:
            if not method.schedule.continues:
                history, began, search.saved = history[:1], time.perf_counter(), 0.0
            search.budget = Budget(max_size=self.bytes_of(size))
            walk(search, method.schedule, history)
            seconds = time.perf_counter() - began + search.saved
            if self.missing(name, size):
                yield self.row_of(name, size, search.load(history[-1].key), seconds)

    def baselines(self) -> Iterator[Row]:
        """The unpruned model, small ones that were not pruned, and models of other kinds."""
        search, history = self.search(f"{FitOptions.criterion}/local", Budget())
        if self.missing("int8 alone", WHOLE):
            yield self.row_of("int8 alone", WHOLE, search.load(history[0].key), 0.0, history[0].bytes)
        for size in (WHOLE, *self.plan.sizes):
            budget = None if size == WHOLE else self.bytes_of(size)
            if budget is not None:
                search.budget = Budget(max_size=budget)
                walk(search, method_of(f"{FitOptions.criterion}/local").schedule, history)
                like = search.load(history[-1].key)
                for name, teacher in (("small from scratch", False), ("small student", True)):
                    if self.missing(name, size):
                        model, seconds = scratch(self.job, search, like, budget, teacher=teacher)
                        yield self.row_of(name, size, model, seconds)
            for name, make in others(sized=budget is not None, autotune=self.plan.autotune).items():
                if self.missing(name, size) and (found := make(self.job, budget)) is not None:
                    yield self.row_of_other(found, size, budget or found.bytes)

    def row_of(self, method: str, size: str, model: TextCNN, seconds: float, budget: int | None = None) -> Row:
        """Pack a model and ask test."""
        path = self.job.run.path("compared.safetensors")
        pack(model, self.job.words, self.job.labels, path)
        classifier = load(path)
        made = Made(method, classifier.size, lambda texts: classifier.predict(texts, threads=1), seconds)
        return self.row_of_other(made, size, budget or self.bytes_of(size))

    def row_of_other(self, made: Made, size: str, budget: int) -> Row:
        """Ask test: each model once."""
        correct = {name: np.array(made.predict(self.job.texts[name].texts)) == gold for name, gold in self.gold.items()}
        found = verdict(self.dense_right["test"], correct["test"], max_drop_of(self.fitting))
        texts = self.job.texts["test"].texts
        return Row(
            self.name,
            self.fingerprint,
            made.name,
            size,
            self.fitting.seed,
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
            round(texts_per_second(lambda: made.predict(texts), len(texts))),
            machine(),
        )


def max_drop_of(options: FitOptions) -> float:
    """What verdicts allow; 0 is a limit, too."""
    return DEFAULT_DROP if options.max_drop is None else options.max_drop


def machine() -> dict[str, Any]:
    """What a number depends on besides the data: processor, threads, versions."""
    return {
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "prunetext": version("prunetext"),
        "torch": torch.__version__.partition("+")[0],
    }


def studies(
    data: Data | Examples | str | Path,
    out: Path,
    plan: Plan,
    seeds: int,
    options: Mapping[str, Any],
    progress: Report,
) -> Iterator[Row]:
    """The rows of all seeds: those that are there, then each as it is made."""
    reading, shape, fitting = take_options("compare", dict(options), ReadOptions, ModelOptions, FitOptions)
    check_options(fitting, shape)
    shape = settle(shape)
    for name in sorted(UNUSED & options.keys()):
        raise InputError(f"compare takes no {name}: give methods, sizes and seeds.")
    for name in plan.methods:
        method_of(name)
    for size in plan.sizes:
        share_or_bytes(size)
    if seeds < 1:
        raise InputError(f"seeds is {seeds}: it must be at least 1.")
    if plan.autotune < 0:
        raise InputError(f"autotune is {plan.autotune}: it must be zero or more seconds.")
    found = read_data(data, None, None, out, reading)
    rows = Rows(out / "rows.jsonl")
    told = False
    for seed in range(fitting.seed, fitting.seed + seeds):
        own = dataclasses.replace(fitting, seed=seed)
        texts = split(found, seed=seed)
        check_data(texts, texts.labels)
        if texts.train.task != "classification":
            what = "texts have several labels" if texts.train.task == "labels" else "rows are pairs of texts"
            raise InputError(f"{texts.name}: its {what}, which compare and its baselines do not know. Use fit.")
        words = vocabulary_of(texts.train.texts, shape)

        def untrained(words: list[str] = words, texts: Data = texts, seed: int = seed) -> TextCNN:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                return new_model(words, len(texts.labels), shape, parse_widths(shape.widths), None)

        start = untrained()
        check_shape(start.shape)
        recipe = {**dataclasses.asdict(shape), "epochs": own.epochs, "seed": seed, "data": texts.fingerprint()}
        recipe["max_drop"] = max_drop_of(own)  # verdicts that allow different drops are not counted together
        if (changed := changed_since(out / f"seed-{seed}" / WORK, recipe)) is not None:
            raise RunError(f"{out} holds a comparison whose {changed} was different: repeat it, or give another --out.")
        with threads(threads_for(start)), Run(out / f"seed-{seed}", recipe, overwrite=False) as run:
            if not told:
                yield from rows
                told = True
            taught = find_teaching(texts, TeachOptions())
            job = Job(run, taught, words, texts.labels, Budget(), untrained, progress, findings=0)  # as in peers' files
            dense, epochs, ended = dense_model(job, start, job.settings(own))
            if ended == "interrupted":  # half trained, it is nothing to compare with
                raise KeyboardInterrupt
            dense.rounding = None
            study = Study(job, dense, epochs, own, plan, rows, found)
            for row in study.run():
                rows.add(row)
                yield row
