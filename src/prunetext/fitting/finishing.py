"""The end of a run: pack the chosen model, calibrate it, judge it on test, write the result."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from prunetext.data.dataset import Examples
from prunetext.fitting.folder import Run
from prunetext.fitting.frontier import Candidate, frontier_of
from prunetext.fitting.notebook import result_html
from prunetext.fitting.parts import DENSE_MODEL, PRUNED_MODEL, SEARCHED_MODEL
from prunetext.fitting.plan import Plan
from prunetext.fitting.refit import Final
from prunetext.fitting.remarks import Doubts
from prunetext.fitting.speeds import speed_of_result
from prunetext.fitting.stages import Clock, Lessons, with_thresholds
from prunetext.judging.calibrating import Calibrated, Chosen, SplitTexts, calibrated, choose_table
from prunetext.judging.choosing_numbers import AUTO_NUMBERS, ROUNDING_SHARE, NumbersRule, choose_numbers
from prunetext.judging.side_by_side import Judged, side_by_side
from prunetext.models.encoded import SINGLE, Encoded
from prunetext.models.protocol import Trained
from prunetext.peers.baseline import Baseline, likely_seconds
from prunetext.pruning.driver import Solution
from prunetext.runtime.api import load
from prunetext.runtime.classifier import Classifier
from prunetext.statistics.calibration import Calibration
from prunetext.statistics.closeness import Closeness
from prunetext.statistics.evaluation import Score, Verdict
from prunetext.statistics.metrics import Measure

NUMBERS_TIME = 0.95  # share of max_time by which the numbers of parts must be chosen


@dataclass(frozen=True)
class Result:
    """The result of a run; `result.json` has all of it but the paths. In a notebook it shows itself."""

    path: Path  # the packed file
    size: int  # its bytes
    score: Score | Closeness  # of the packed model on test; closeness, if texts have scores
    verdict: Verdict  # packed against dense on test
    reason: str  # why the search ended
    missed: list[str]  # which size, speed or time was not kept, in sentences; the verdict is about the drop
    judged: Judged  # dense, pruned and packed side by side
    removed: dict[str, float]  # share of the dense model's words, bigrams, dimensions, filters, taps, weights and bits
    notes: list[str]  # what was noticed in the data
    calibration: Calibration  # of the packed file, with its effect on test
    frontier: list[Candidate]  # every model that the search has made, the largest first

    @property
    def against_baseline(self) -> Verdict | None:
        """The packed model's verdict against a regression on tf-idf, if there is one. No exit code depends on it."""
        return self.judged.against_baseline

    @cached_property
    def model(self) -> Classifier:
        """The packed model, loaded into memory."""
        return load(self.path.read_bytes())

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict, the models side by side, and a plot of the search."""
        return result_html(self.verdict, self.judged, self.size, self.missed, self.frontier, self.notes)

    @property
    def within_budget(self) -> bool:
        """Whether size, speed and time were kept."""
        return not self.missed


def finish(
    plan: Plan, run: Run, lessons: Lessons, final: Final, solution: Solution, clock: Clock, doubts: Doubts
) -> Result:
    """Pack and calibrate the final model, judge it on test, and write the result.

    doubts: what the dense model misses, with all notes that were made before pruning.
    """
    splits, scratch, measure = plan.splits(), run.path("measured.safetensors"), plan.measure("test")
    dev, test = (SplitTexts(splits[name], lessons.encoded[name]) for name in ("dev", "test"))
    dense, small = with_thresholds_of(final, dev.encoded)
    more = final.recipe(plan)
    with small.model.on_grid():
        run.save(PRUNED_MODEL, small, more)
    held_out = packed_form(plan, final.held_out.pruned, dev, scratch, clock)
    chosen = held_out if final.learnt is None else packed_form(plan, small, dev, scratch, clock, held_out)
    found = calibrated(small, chosen, scratch, dev, test, plan.fitting.precision, held_out)
    files = {"pruned": run.path(PRUNED_MODEL), "packed": scratch}
    of = plan.allowed_drop, chosen.agreement, measure, plan.speed_seconds, baseline_of(plan, clock, final.learnt)
    judged = side_by_side(dense, small, files, found.on_test, test, *of)
    judged = judged._replace(verdict=judged.verdict.doubted(doubts.reason))
    provenance = provenance_of_run({**run.recipe, **more}, run.version, judged, found, measure, solution.reason)
    size = plan.family.pack(found.trained, run.path(plan.family.packed), found.packing._replace(provenance=provenance))
    # Not earlier: where training was interrupted and the run is killed before this, the next one trains on.
    if final.learnt is None:
        run.path(SEARCHED_MODEL).unlink(missing_ok=True)
    else:
        run.save(SEARCHED_MODEL, with_thresholds(final.held_out.dense, dev.encoded))
    run.save(DENSE_MODEL, dense, more)
    judged = judged.with_sizes(run.path(DENSE_MODEL).stat().st_size, size)
    frontier = frontier_of(plan, run, solution, clock)
    notes = [*plan.notes, *doubts.notes, *run.notes, *found.notes, *lessons.notes, *final.notes, *beaten(judged, plan)]
    majority = measure.majority()
    hardly = majority is not None and isinstance(judged.dense.score, Score) and judged.dense.score.low <= majority
    if hardly and not doubts.reason:
        notes.append("The dense model is hardly better than always giving the most frequent label.")
    speed = solution.history[solution.chosen].speed or 0.0
    speed = speed_of_result(plan, run.path(plan.family.packed), speed, chosen.agreement.numbers)
    missed = missed_limits(plan, size, speed, clock)
    run.write_history(outcome._asdict() for outcome in solution.history)
    removed = removed_shares(dense, small)
    result = {
        "reason": solution.reason,
        "within_budget": not missed,
        "missed": missed,
        "removed": removed,
        "notes": notes,
    }
    found_all = {"frontier": [each._asdict() for each in frontier], "calibration": found.calibration.fields(), **result}
    run.finish({**judged.rows(), **found_all})
    kept, score, why = run.own / plan.family.packed, judged.packed.score, solution.reason
    return Result(kept, size, score, judged.verdict, why, missed, judged, removed, notes, found.calibration, frontier)


def packed_form(
    plan: Plan, trained: Trained, dev: SplitTexts, scratch: Path, clock: Clock, held_out: Chosen | None = None
) -> Chosen:
    """The numbers of a model's packed file; held_out: what was chosen before the model learnt dev."""
    measure = plan.measure("dev")
    if plan.family.number_parts is None:
        return choose_table(trained, dev, scratch, measure)
    points, numbers = ROUNDING_SHARE * plan.allowed_drop, plan.recipe.get("numbers", AUTO_NUMBERS)
    rule = NumbersRule(points, numbers, clock.deadline(NUMBERS_TIME))
    return choose_numbers(trained, dev, scratch, measure, rule, None if held_out is None else held_out.agreement)


def with_thresholds_of(final: Final, dev: Encoded) -> tuple[Trained, Trained]:
    """Dense and pruned model, with thresholds tuned on answers to dev that neither had learnt; pruned, on its grid."""
    dense, small = final.models
    before = final.held_out.pruned
    with before.model.on_grid():
        of_small = with_thresholds(before, dev).thresholds
    of_dense = with_thresholds(final.held_out.dense, dev).thresholds
    return dense._replace(thresholds=of_dense), small._replace(thresholds=of_small)


def provenance_of_run(
    recipe: Mapping[str, Any], version: str, judged: Judged, found: Calibrated, measure: Measure, reason: str
) -> dict[str, Any]:
    """The packed file's record of where it comes from."""
    calibration = found.calibration
    return {
        "recipe": recipe,
        "test": told_score(judged.packed.score),
        "dense_test": told_score(judged.dense.score),
        **({} if measure.name == "accuracy" else {"metric": judged.values()}),
        **({} if judged.baseline is None else {"baseline": round(judged.baseline.value, 4)}),
        "verdict": {name: value for name, value in judged.verdict._asdict().items() if value != ""},
        "calibration": {"before": round(calibration.before, 4), "after": round(calibration.after, 4)},
        "reason": reason,
        "versions": {"prunetext": version, "torch": torch.__version__.partition("+")[0]},
    }


def told_score(score: Score | Closeness) -> dict[str, Any]:
    """A score in the record of a packed file; of closeness, as many digits as matter."""
    fields = score._asdict()
    return fields if isinstance(score, Score) else {name: round(value, 4) for name, value in fields.items()}


def baseline_of(plan: Plan, clock: Clock, more: Examples | None = None) -> Baseline | None:
    """The regression on tf-idf, on the labelled texts that the model had; None if max_time has no room for it.

    more: texts of dev that the final model has learnt, too.
    """
    data, late = plan.data, clock.deadline(1)
    assert data.dev is not None
    assert data.test is not None
    new = more is not None or not plan.teaching.baselines.fitted
    if late is not None and new and time.monotonic() + likely_seconds(data.train, data.test, len(plan.labels)) > late:
        return None
    try:
        return plan.teaching.baselines.best(plan.measure("dev").value, more)
    except MemoryError:  # the model is done, and is worth more
        return None


def beaten(judged: Judged, plan: Plan) -> list[str]:
    """A note if the regression is better than the packed model, with what would help."""
    row = judged.baseline
    if row is None or row.value <= judged.packed.value:
        return []
    points, of = 100 * (row.value - judged.packed.value), "" if judged.metric == "accuracy" else f" of {judged.title}"
    regression = "ridge" if judged.scored else "logistic"
    can = (
        plan.family.taught
        and not plan.teaching.teachers
        and plan.task == SINGLE
        and plan.fitting.class_weights == "none"
    )
    remedy = "--teacher auto, or with more texts," if can else "more texts"
    seen = f"A {regression} regression on tf-idf is {points:.2f} points{of} better on test."
    return [f"{seen} A fit with {remedy} may do better."]


def missed_limits(plan: Plan, size: int, speed: float, clock: Clock) -> list[str]:
    """The limits of the budget besides the drop that were not kept, each in a sentence; speed: texts a second."""
    budget, now, late = plan.budget, time.monotonic(), clock.deadline(1)
    found = []
    if budget.max_size and size > budget.max_size:
        found.append(f"max_size was missed: the packed file has {size:,} bytes, and {budget.max_size:,} were allowed.")
    if budget.min_speed and speed < budget.min_speed:
        wanted = f"{budget.min_speed:,.0f} were wanted"
        found.append(f"min_speed was missed: the packed file labels {speed:,.0f} texts a second, and {wanted}.")
    if late and now > late:
        allowed = f"{budget.max_time:,g} were allowed"
        found.append(f"max_time was missed: the run took {now - clock.began:,.1f} seconds, and {allowed}.")
    return found


def removed_shares(dense: Trained, small: Trained) -> dict[str, float]:
    """The share of the dense model's units of each kind that are gone."""
    left, whole = small.model.counts(), dense.model.counts()
    return {kind: 1 - left[kind] / whole[kind] for kind in dense.model.kinds if whole[kind]}
