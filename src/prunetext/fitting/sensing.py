"""How much of each group of a finished run's dense model could go, measured in a scratch folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from prunetext.data.dataset import Data, Examples
from prunetext.fitting.carrying import TURN
from prunetext.fitting.checks import ALL_GROUPS, method_alone
from prunetext.fitting.earlier import plan_again, read_earlier
from prunetext.fitting.effort import Effort
from prunetext.fitting.folder import Run
from prunetext.fitting.parts import SENSITIVITY, STEPS_FOLDER, write_rows
from prunetext.fitting.stages import lessons_of, problem_of
from prunetext.pruning.sensitivity import Sensitivity, sensitivities
from prunetext.training.loop import threads, threads_for


def sensed(
    run: Path, data: Data | Examples | str | Path | None, criterion: str | None, groups: str | None, effort: Effort
) -> list[Sensitivity]:
    """The rows of `prunetext.sensitivity`, which are also written into the run's folder."""
    earlier = read_earlier(run, {"criterion": criterion, "groups": groups or ALL_GROUPS})
    with TURN, torch.random.fork_rng(devices=[]), tempfile.TemporaryDirectory() as scratch:
        plan = plan_again(earlier, data, run, effort, method_alone, judged=False)
        with threads(threads_for(plan.work)), Run(Path(scratch) / "run", plan.recipe, overwrite=False) as new:
            new.take(None, plan.beliefs)
            lessons = lessons_of(plan, new, None)
            train = lessons.encoded["train"]
            assert plan.dense is not None
            problem = problem_of(plan, new, lessons, plan.dense, plan.settings(len(train), train.targets))
            rows = list(sensitivities(problem, plan.method, new.folder(STEPS_FOLDER)))
    write_rows(run / SENSITIVITY, (row._asdict() for row in rows))
    return rows
