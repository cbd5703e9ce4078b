"""Making a ladder of a finished run: for each factor, a model made of the one before it, packed and judged."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from prunetext.errors import InputError, RunError
from prunetext.fitting.carrying import TURN, Notice, carried_out, told_of
from prunetext.fitting.earlier import plan_again, read_earlier
from prunetext.fitting.effort import Effort
from prunetext.fitting.folder import Run
from prunetext.fitting.laddering.rungs import LADDER_FILE, Ladder, LadderState, Rung, read_ladder, rung_folder
from prunetext.fitting.parts import (
    DENSE_MODEL,
    PRUNED_MODEL,
    RESULT,
    SCRATCH,
    STEPS_FOLDER,
    TIMES,
    delete,
    is_made,
    packed_path,
    read_json,
    refuse_link,
    remove,
)
from prunetext.fitting.plan import Plan
from prunetext.fitting.speeds import RunTimes, timed_inputs, usual_packing
from prunetext.judging.speed import texts_per_second
from prunetext.judging.unpruned import labelled_by
from prunetext.modelfiles.trained import read_trained
from prunetext.models.protocol import Model, Packing
from prunetext.pruning.budget import parse_speed
from prunetext.pruning.climbing import climbed
from prunetext.pruning.driver import Solution
from prunetext.pruning.problem import Problem, Told
from prunetext.pruning.steps import OVERSHOOT
from prunetext.pruning.trials import fastest
from prunetext.runtime.api import load
from prunetext.runtime.writing import partial_of, private_folder
from prunetext.statistics.answers import Answers
from prunetext.statistics.evaluation import Verdict

SCRATCH_BESIDE = "compared.safetensors"  # a second packed file, to be timed beside the first one
TURNS = 5  # in which a model and the unpruned one are timed, one after the other
MOST_RECOVERY = 100
NOISE = 0.05  # share by which two measurements of one speed differ


class Climb(NamedTuple):
    """A ladder on its way: its folder, what is known of it, the plan that its models share, and the clock."""

    out: Path
    state: LadderState
    plan: Plan
    clock: RunTimes
    epochs: float  # of each recovery, as a multiple of the usual one

    def rung_plan(self, factor: float) -> Plan:
        """The plan of one model: the shared one, with a speed, and with the steps of the model before it."""
        wanted = f"{factor * self.state.base:.3f}"
        way = [each for each in self.state.factors if each <= factor]
        before = [self.out / rung_folder(each) / STEPS_FOLDER for each in way[:-1]]
        there = [each for each in before if each.is_dir()]
        plan = self.plan
        return replace(
            plan,
            fitting=replace(plan.fitting, min_speed=wanted),
            budget=plan.budget._replace(min_speed=parse_speed(wanted)),
            recipe={**plan.recipe, "min_speed": wanted, "ladder": [*way, self.state.base]},
            steps=there[-1] if there else plan.steps,
        )

    def shares(self, factor: float) -> list[float]:
        """The way to a factor, in shares of the time of the unpruned packed model."""
        whole = self.state.whole / self.state.base  # times as fast as the unpruned float model
        return [OVERSHOOT * whole / each for each in self.state.factors if whole < each <= factor]


def made_ladder(
    run: Path,
    out: Path,
    factors: tuple[float, ...],
    options: Mapping[str, Any],
    recovery: float,
    data: Any,
    told: Told,
    notice: Notice,
    effort: Effort,
    *,
    overwrite: bool,
) -> Ladder:
    """Make a ladder; the arguments are those of `prunetext.ladder`."""
    if not 0 <= recovery <= MOST_RECOVERY:
        raise InputError(f"recovery is {recovery:g}: it must be from 0 to {MOST_RECOVERY}.")
    given = {**options, "refit": False, "schedule": f"oneshot:recovery={recovery:g}"}
    earlier = read_earlier(run, given)
    earlier = replace(earlier, fitting=replace(earlier.fitting, max_size=None, max_time=None, min_speed="1"))
    with TURN, torch.random.fork_rng(devices=[]):
        plan = plan_again(earlier, data, out, effort)
        climb = begun_climb(plan, out, factors, recovery, overwrite=overwrite)
        for factor in factors:
            if not climb.state.knows(factor):
                climb = climb._replace(state=one_further(climb, factor, told, notice))
                climb.state.write(out)
    delete([out / SCRATCH, out / SCRATCH_BESIDE])
    return concluded_ladder(climb)


def begun_climb(plan: Plan, out: Path, factors: tuple[float, ...], recovery: float, *, overwrite: bool) -> Climb:
    """A ladder of which nothing is made yet, or that was stopped; what is in the way is refused."""
    open_ladder(out)
    recipe = json.loads(json.dumps({**plan.recipe, "min_speed": None, "recovery": recovery}))
    before = None if overwrite and is_over(out) else read_ladder(out)
    if before is not None and (before.recipe != recipe or before.factors != factors):
        if not overwrite:
            raise RunError(f"{out} holds a ladder of another kind. Give another --out, or --overwrite to replace it.")
        before = None
    if before is not None and before.is_whole:
        raise RunError(f"{out} holds a finished ladder. Give another --out, or --overwrite to replace it.")
    if before is None:
        delete([out / TIMES])
        remove_former(out, factors)
    clock = RunTimes(plan, out / TIMES, [])
    assert plan.dense is not None
    if before is None:
        whole = copy.deepcopy(plan.dense.model)
        whole.normalise()
        speed, least = clock.speed(whole), clock.speed(fastest(whole, plan.method.kinds))
        before = LadderState(recipe, factors, base_speed(plan, out, whole, speed), speed, least)
        before.write(out)
    shared = replace(plan.effort, speed=clock.speed, times=clock.times(plan.dense.model))
    return Climb(out, before, replace(plan, effort=shared), clock, recovery)


def remove_former(out: Path, factors: tuple[float, ...]) -> None:
    """Delete the models of the ladder that is replaced, where the new one will have none."""
    try:
        former = read_ladder(out)
    except RunError:
        return
    for factor in () if former is None else former.factors:
        folder = out / rung_folder(factor)
        if factor not in factors and folder.is_dir() and not folder.is_symlink():
            remove(folder)


def is_over(out: Path) -> bool:
    """Whether a folder's ladder is whole, or so damaged that it can only be replaced."""
    try:
        found = read_ladder(out)
    except RunError:
        return True
    return found is not None and found.is_whole


def open_ladder(out: Path) -> None:
    """Make the folder of a ladder, or refuse one that holds anything else."""
    refuse_link(out)
    if out.is_dir() and not (out / LADDER_FILE).exists():
        own = {TIMES, SCRATCH, SCRATCH_BESIDE}
        own |= {partial_of(out / name).name for name in (LADDER_FILE, *own)}
        if any(each.name not in own for each in out.iterdir()):
            raise RunError(f"{out} holds files but no ladder. Give an empty or a new folder as --out.")
    private_folder(out)


def base_speed(plan: Plan, out: Path, whole: Model, speed: float) -> float:
    """Texts a second of the unpruned model with the largest numbers of its packed file: float32 for a transformer.

    whole, speed: the same model as it is packed, and its texts a second; both files are timed in turn.
    """
    if plan.effort.speed is not None:
        return plan.effort.speed(whole)
    packed = out / SCRATCH_BESIDE
    plan.family.pack(plan.trained(whole, plan.task.even_thresholds(len(plan.labels))), packed, usual_packing(plan))
    times, _ = beside_base(plan, out, packed)
    return speed / times


def beside_base(plan: Plan, out: Path, packed: Path) -> tuple[float, float]:
    """How many times as fast as the unpruned float model a packed file is, both in turn, and its texts a second."""
    inputs, scratch = timed_inputs(plan), out / SCRATCH
    assert plan.dense is not None
    trained = plan.dense._replace(thresholds=plan.task.even_thresholds(len(plan.labels)))
    plan.family.pack(trained, scratch, base_packing(plan))
    answering = [partial(load(path).predict, inputs, threads=1) for path in (scratch, packed)]
    found = np.array(
        [[texts_per_second(each, len(inputs), plan.speed_seconds) for each in answering] for _ in range(TURNS)]
    )
    return float(np.median(found[:, 1] / found[:, 0])), float(np.median(found[:, 1]))


def base_packing(plan: Plan) -> Packing:
    """The settings of the unpruned packed model that others are compared with."""
    return usual_packing(plan)._replace(table=plan.family.tables[-1])


def one_further(climb: Climb, factor: float, told: Told, notice: Notice) -> LadderState:
    """What is known of the ladder once the model of this factor is made, or found to be out of reach."""
    state, plan = climb.state, climb.rung_plan(factor)
    if state.least < factor * state.base * (1 - NOISE):
        return state._replace(out_of_reach=(*state.out_of_reach, factor))
    folder = climb.out / rung_folder(factor)
    if not is_made(folder, plan.recipe):
        tell = told_of(told, folder.name)
        shares = climb.shares(factor)

        def solve(plan: Plan, run: Run, problem: Problem, told: Told) -> Solution:
            steps, speed = run.folder(STEPS_FOLDER), plan.budget.min_speed
            assert speed is not None
            return climbed(problem, plan.method, speed, shares, climb.epochs, steps, told)

        with Run(folder, plan.recipe, overwrite=True) as run:
            carried_out(plan, run, tell, notice, time.monotonic(), solve)
    return state._replace(rungs=(*state.rungs, rung_in(climb, factor, plan)))


def rung_in(climb: Climb, factor: float, plan: Plan) -> Rung:
    """A finished run as a rung: its result, and how fast its file is beside the unpruned model."""
    folder = climb.out / rung_folder(factor)
    result = read_json(folder, RESULT)
    packed = packed_path(folder)
    measured, speed = speed_beside(climb, folder, packed, plan)
    slow = measured < factor if result["missed"] else measured < factor * (1 - NOISE)
    missed = [f"speeds was missed: it is {measured:.2f} times as fast as the unpruned model."] * slow
    row = result["packed"]
    return Rung(
        factor,
        folder.name,
        measured,
        speed,
        packed.stat().st_size,
        value_on_dev(plan, packed),
        row["value"],
        Verdict(**result["verdict"]),
        tuple(missed),
    )


def speed_beside(climb: Climb, folder: Path, packed: Path, plan: Plan) -> tuple[float, float]:
    """How many times as fast as the unpruned model a packed file is, both in turn, and its texts a second."""
    given = climb.clock.plan.effort.speed
    if given is not None:
        speed = given(read_trained(folder / PRUNED_MODEL).model)
        return speed / climb.state.base, speed
    return beside_base(plan, climb.out, packed)


def value_on_dev(plan: Plan, path: Path) -> float:
    """The accuracy, or other metric, of a model's file on all of dev, as a share."""
    labels, probabilities, chosen = labelled_by(path, plan.splits()["dev"])
    order = [labels.index(label) for label in plan.labels]
    return plan.measure("dev").value(Answers(probabilities[:, order], chosen[:, order]))


def concluded_ladder(climb: Climb) -> Ladder:
    """The ladder as it is told."""
    state, plan = climb.state, climb.plan
    missed = [f"{rung_folder(rung.factor)}: {each}" for rung in state.rungs for each in rung.missed]
    kinds = plan.method.kinds
    missed += [
        f"{rung_folder(factor)} is out of reach: without all {' and '.join(kinds)} that can go, the packed file labels "
        f"{state.least:,.0f} texts a second, {state.least / state.base:.1f} times as many as the unpruned float model."
        for factor in state.out_of_reach
    ]
    if not state.rungs:
        return Ladder(climb.out, state.base, plan.measure("dev").name, 0.0, 0.0, [], missed, climb.clock.notes)
    last = climb.out / state.rungs[-1].folder
    result = read_json(last, RESULT)
    dev = value_on_dev(plan, last / DENSE_MODEL)
    test, metric = result["dense"]["value"], result["metric"]
    return Ladder(climb.out, state.base, metric, dev, test, list(state.rungs), missed, climb.clock.notes)
