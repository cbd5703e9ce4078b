"""The end of a run: the chosen model is packed, calibrated and judged on test, and the result written."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from prunetext.fitting.stages import DEFAULT_DROP, Job
from prunetext.judging.side_by_side import Judged, calibrate, calibrate_several, choose_table, judge
from prunetext.models.groups import KINDS
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.packing import pack
from prunetext.pruning.driver import Solution
from prunetext.statistics.calibration import Calibration
from prunetext.statistics.evaluation import Score, Verdict


@dataclass(frozen=True)
class Result:
    """What a run ended with; everything but the paths also stands in `result.json`."""

    path: Path  # the packed file
    size: int  # its bytes
    score: Score  # of the packed model on test
    verdict: Verdict  # packed against dense on test
    reason: str  # why the search ended
    within_budget: bool  # whether size, speed and time were kept; the drop is what the verdict is about
    judged: Judged  # dense, pruned and packed side by side
    removed: dict[str, float]  # share of the dense model's words, dimensions, filters, taps, weights and bits
    notes: list[str]  # what was noticed in the data
    calibration: Calibration  # of the packed file, with what it does on test


def finish(
    job: Job, dense: TextCNN, epochs: float, solution: Solution, notes: list[str], precision: float | None
) -> Result:
    """Pack the chosen model, calibrated, look at test, and write the result."""
    run, model, words, labels = job.run, solution.model, job.words, job.labels
    job.save("pruned.safetensors", model, 0)
    scratch, path = run.path("measured.safetensors"), run.path("model.safetensors")
    dev, test = job.texts["dev"], job.texts["test"]
    table, agreement = choose_table(model, words, labels, job.encoded["dev"], dev.inputs, scratch, job.measures["dev"])
    write = functools.partial(pack, model, words, labels, table=table)
    if job.several:
        numbers = job.encoded
        calibration, thresholds = calibrate_several(write, scratch, (dev, numbers["dev"]), (test, numbers["test"]))
        write = functools.partial(write, thresholds=thresholds)
    else:
        calibration, more = calibrate(write, scratch, dev, test, precision)
        notes = [*notes, *more]
    max_drop = DEFAULT_DROP if job.budget.max_drop is None else job.budget.max_drop
    measure = job.measures["test"]
    tests = (job.encoded["test"], test)
    judged = judge(dense, model, scratch, *tests, labels, max_drop, agreement, measure, job.encoded["dev"])
    provenance = {
        "recipe": run.recipe,
        "test": judged.packed.score._asdict(),
        "dense_test": judged.dense.score._asdict(),
        **({} if measure.name == "accuracy" else {"metric": judged.values()}),
        "verdict": judged.verdict._asdict(),
        "calibration": {"before": round(calibration.before, 4), "after": round(calibration.after, 4)},
        "reason": solution.reason,
        "versions": {"prunetext": run.version, "torch": torch.__version__.partition("+")[0]},
    }
    notes = [*notes, *job.notes]
    majority = max(test.labels.count(label) for label in labels) / len(test)
    if not job.several and judged.dense.score.low <= majority:
        notes = [*notes, "The dense model itself is hardly better than always giving the most frequent label."]
    reject = calibration.rejection and calibration.rejection.threshold
    size = write(path, temperature=calibration.temperature, reject=reject, provenance=provenance)
    judged = judged.with_size(size)
    job.save("dense.safetensors", dense, epochs)
    left, whole = model.counts(), dense.counts()
    removed = {kind: 1 - left[kind] / whole[kind] for kind in KINDS}
    late, speed = job.deadline(1), solution.history[solution.chosen].speed
    misses = (
        job.budget.max_size and size > job.budget.max_size,
        job.budget.min_speed and (speed or 0.0) < job.budget.min_speed,
        late and time.monotonic() > late,
    )
    run.write_history(outcome._asdict() for outcome in solution.history)
    result = {"reason": solution.reason, "within_budget": not any(misses), "removed": removed, "notes": notes}
    run.finish({**judged.rows(), "calibration": calibration.fields(), **result})
    kept = run.own / "model.safetensors"
    score, within = judged.packed.score, not any(misses)
    return Result(kept, size, score, judged.verdict, solution.reason, within, judged, removed, notes, calibration)
