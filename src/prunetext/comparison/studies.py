"""The studies of a comparison, one for each seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from prunetext.comparison.agenda import Agenda, method_of, share_or_bytes
from prunetext.comparison.rows import ComparedRow, ComparedRows
from prunetext.comparison.study import Study, max_drop_of
from prunetext.data.checking import check_data
from prunetext.data.dataset import Data, Examples
from prunetext.data.splitting import split
from prunetext.data.task import refuse_other_tasks
from prunetext.errors import InputError, RunError
from prunetext.fitting.checks import read_data, take_options
from prunetext.fitting.effort import Effort
from prunetext.fitting.folder import Run
from prunetext.fitting.parts import WORK, changed_since
from prunetext.fitting.plan import Plan
from prunetext.fitting.rules import check_options
from prunetext.fitting.stages import begun, lessons_of, train_dense
from prunetext.models.protocol import Request, load_family
from prunetext.models.textcnn.family import USUAL_CRITERION
from prunetext.models.textcnn.starting import settle
from prunetext.options import (
    NONE,
    DenseOptions,
    FitOptions,
    ModelOptions,
    ReadOptions,
    TeachOptions,
    VectorOptions,
)
from prunetext.pruning.budget import Budget
from prunetext.pruning.problem import Told
from prunetext.teaching.lessons import find_teaching
from prunetext.training.loop import threads, threads_for
from prunetext.training.pace import dropout

# Options of fit.
UNUSED = {"criterion", "schedule", "groups", "max_size", "min_speed", "max_time", "precision"}
UNUSED |= {"metric", "positive", "class_weights", "hidden_states"}


def studies(
    data: Data | Examples | str | Path,
    out: Path,
    agenda: Agenda,
    seeds: int,
    options: Mapping[str, Any],
    told: Told,
    effort: Effort,
) -> Iterator[ComparedRow]:
    """The rows of all seeds: existing ones first, then each new one."""
    reading, shape, fitting = take_options("compare", dict(options), ReadOptions, ModelOptions, FitOptions)
    check_options(fitting, shape)
    shape = settle(shape)
    for name in sorted(UNUSED & options.keys()):
        raise InputError(f"compare takes no {name}. Give methods, sizes and seeds.")
    for name in agenda.methods:
        method_of(name, load_family("textcnn"))
    for size in agenda.sizes:
        share_or_bytes(size)
    if seeds < 1:
        raise InputError(f"seeds is {seeds}: it must be at least 1.")
    found = read_data(data, None, None, out, reading)
    rows = ComparedRows(out / "rows.jsonl")
    agenda = agenda._replace(name=found.name, fingerprint=found.fingerprint())
    shown = False
    for seed in range(fitting.seed, fitting.seed + seeds):
        own = dataclasses.replace(fitting, seed=seed)
        texts = split(found, seed=seed)
        check_data(texts, texts.labels)
        refuse_other_tasks("compare", texts.train.task, texts.name)
        plan = plan_of(texts, shape, own, effort)
        start = out / f"seed-{seed}"
        if (changed := changed_since(start / WORK, plan.recipe)) is not None:
            raise RunError(f"{out} holds a comparison that differs in {changed}. Repeat it, or give another --out.")
        with threads(threads_for(plan.work)), Run(start, plan.recipe, overwrite=False) as run:
            if not shown:
                yield from rows
                shown = True
            for row in study_of(plan, run, agenda, told).answered(rows):
                rows.add(row)
                yield row


def plan_of(texts: Data, shape: ModelOptions, fitting: FitOptions, effort: Effort) -> Plan:
    """The plan of one dense model, made before it is trained."""
    family, labels = load_family("textcnn"), texts.labels
    dense = family.settle(DenseOptions(**dataclasses.asdict(shape)), texts.train)
    taught = find_teaching(texts, TeachOptions(teacher=NONE), tokenizer=dense.tokenizer)
    hidden = dropout(taught=False, task=texts.train.task)
    request = Request(texts, labels, taught.texts, dense, VectorOptions(), fitting.seed, hidden)
    recipe = {
        **{each.name: getattr(dense, each.name) for each in dataclasses.fields(ModelOptions)},
        "epochs": fitting.epochs,
        "seed": fitting.seed,
        "data": texts.fingerprint(),
        "max_drop": max_drop_of(fitting),  # verdicts that allow different drops are not counted together
    }
    if dense.tokenizer == "bert/1":  # which comparisons of earlier versions do not name
        del recipe["tokenizer"]
    method = method_of(f"{USUAL_CRITERION}/local", family)
    beginning = family.begin(request)
    return Plan(family, taught, labels, beginning, fitting, Budget(), method, effort, recipe, source={})


def study_of(plan: Plan, run: Run, agenda: Agenda, told: Told) -> Study:
    """Train the dense model, or take that of a stopped comparison."""
    lessons = lessons_of(plan, run, told)
    train = lessons.encoded["train"]
    settings = plan.settings(len(train), train.targets)
    dense = train_dense(plan, run, lessons, settings, begun(plan), told)
    if dense.ended == "interrupted":  # a half-trained model is no reference
        raise KeyboardInterrupt
    return Study(plan, run, lessons, dense.trained, settings, agenda, told)
