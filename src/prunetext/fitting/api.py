"""`prunetext.fit`: train, prune, pack, judge; `prune`, `ladder` and `sensitivity` start from an earlier run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import ArrayLike

from prunetext.data.dataset import Data, Examples
from prunetext.fitting.carrying import TURN, carried_out
from prunetext.fitting.cascading.making import Cascade, made_cascade
from prunetext.fitting.cascading.parting import SourceOfBoth, both_fitted
from prunetext.fitting.checks import check_pick, describe, take_options
from prunetext.fitting.earlier import plan_again, read_earlier
from prunetext.fitting.effort import Effort, usual
from prunetext.fitting.finishing import Result
from prunetext.fitting.folder import Run
from prunetext.fitting.laddering.making import made_ladder
from prunetext.fitting.laddering.rungs import USUAL_SPEEDS, Ladder, factors_of
from prunetext.fitting.plan import check_out, plan_fit
from prunetext.fitting.sensing import sensed
from prunetext.fitting.temporary import run_in
from prunetext.options import (
    DenseOptions,
    FitOptions,
    PruneOptions,
    ReadOptions,
    TeachOptions,
    VectorOptions,
)
from prunetext.pruning.sensitivity import Sensitivity
from prunetext.runtime.calls import A_FLAG, A_FUNCTION, A_NUMBER, A_PATH, A_STR, SOME_DATA, SOME_NUMBERS, takes
from prunetext.training.loop import Progress


@takes(
    data=SOME_DATA,
    out=A_PATH,
    dev=SOME_DATA,
    test=SOME_DATA,
    overwrite=A_FLAG,
    progress=A_FUNCTION,
    notice=A_FUNCTION,
    began=A_NUMBER,
)
def fit(
    data: Data | Examples | str | Path,
    *,
    out: str | Path | None = None,
    dev: str | Path | None = None,
    test: str | Path | None = None,
    overwrite: bool = False,
    vectors: Mapping[str, ArrayLike] | str | Path | None = None,
    progress: Callable[[str, Progress], None] | None = None,
    notice: Callable[[str], None] | None = None,
    began: float | None = None,
    effort: Effort | None = None,
    **options: Any,
) -> Result:
    """Train a classifier, prune it within a budget, and pack it into one file.

        result = prunetext.fit("reviews.csv", max_drop=0.5, out="runs/reviews")
        result.path         # runs/reviews/model.safetensors
        result.model.predict(["great film"])

    data: a source as for `prunetext.read`, its result, or your own `Examples`. out: the folder of the run; without it,
    a temporary one, which goes when nothing holds the result any more.
    dev, test: files, if `data` is a path. vectors: word vectors to start from, as a file (docs/guide/vectors.md names
    the kinds) or as a mapping of words to vectors of equal length; `channels` says whether they are trained.
    progress: called with the stage's name and its progress. notice: called with each sentence that should be known at
    once: before training, a size that cannot be met, and that test cannot show that accuracy is kept. They are among
    the result's notes, too. A budget that is not met raises nothing: `result.missed` says which.
    began: the moment on `time.monotonic()` from which `max_time` is counted, by default that of this call.
    An unfinished run of the same recipe in `out` is resumed. A finished one is an error without `overwrite`; with it,
    it stays until the new run has ended. Wrong input raises `InputError` before anything is written.

    effort: the effort of training, recovery and measurements; tests and experiments pass their own.

    options:
    """
    began = time.monotonic() if began is None else began

    def carry_out(folder: Path) -> Result:
        with TURN, torch.random.fork_rng(devices=[]):  # the caller's later draws are as without this call
            plan = plan_fit(data, dev, test, folder, vectors, options, usual(effort), began)
            with Run(folder, plan.recipe, overwrite=overwrite) as run:
                return carried_out(plan, run, progress, notice, began)

    return run_in(out, carry_out)


@takes(
    run=A_PATH,
    out=A_PATH,
    data=SOME_DATA,
    pick=A_NUMBER,
    overwrite=A_FLAG,
    progress=A_FUNCTION,
    notice=A_FUNCTION,
    began=A_NUMBER,
)
def prune(
    run: str | Path,
    *,
    out: str | Path,
    data: Data | Examples | str | Path | None = None,
    pick: int | None = None,
    overwrite: bool = False,
    progress: Callable[[str, Progress], None] | None = None,
    notice: Callable[[str], None] | None = None,
    began: float | None = None,
    effort: Effort | None = None,
    **options: Any,
) -> Result:
    """Prune the dense model of a finished run again, with another method or budget.

        result = prunetext.prune("runs/reviews", max_size="30kB", out="runs/reviews-30kB")

    The data are read again from their old place, or from `data` if they have moved. They must be the same texts, and
    are split in the same way. Steps that the run's own search has made are not made again. Everything else is as for
    `prunetext.fit`.

        result = prunetext.prune("runs/reviews", pick=3, out="runs/reviews-3")

    pick: takes a candidate of the run's frontier, by its number, instead of searching; of the options, only max_drop,
    for the verdict, and refit go with it.

    options; criterion, schedule, groups, metric, positive, refit and hidden_states are those of the run if not given:
    """
    began = time.monotonic() if began is None else began
    folder = check_out(out)
    take_options("prune", options, PruneOptions)
    check_pick(pick, options)
    earlier = read_earlier(Path(run), options)
    with TURN, torch.random.fork_rng(devices=[]):
        plan = plan_again(earlier, data, folder, usual(effort), pick=pick)
        with Run(folder, plan.recipe, overwrite=overwrite) as new:
            return carried_out(plan, new, progress, notice, began)


@takes(
    cnn_run=A_PATH,
    encoder_run=A_PATH,
    out=A_PATH,
    data=SOME_DATA,
    max_drop=A_NUMBER,
    max_micros=A_NUMBER,
    overwrite=A_FLAG,
    progress=A_FUNCTION,
)
def cascade(
    cnn_run: str | Path,
    encoder_run: str | Path,
    *,
    out: str | Path,
    data: Data | Examples | str | Path | None = None,
    max_drop: float | None = None,
    max_micros: float | None = None,
    overwrite: bool = False,
    progress: Callable[[str, Progress], None] | None = None,
    effort: Effort | None = None,
) -> Cascade:
    """Join a TextCNN and a transformer: a text of which the first is unsure goes on to the second.

        found = prunetext.cascade("runs/cnn", "runs/minilm", out="runs/both")
        found.threshold, found.passed            # (0.83, 0.12): a text of a smaller confidence goes on, 12 % of test
        prunetext.load("runs/both").predict(["great film"])

    cnn_run, encoder_run: folders of finished runs of the same data, split in the same way. They are read again from
    their old place, or from `data` if they have moved. The threshold is chosen on the texts of dev that neither model
    has learnt. max_drop: of those thresholds that lose at most so many points against the transformer alone, half a
    standard error included, the one that passes on fewest texts is taken; 0.5 if no limit is given. max_micros: mean
    microseconds of a text, on one thread of this machine; alone, the most accurate threshold within it is taken. A
    limit that is not kept raises nothing: `missed` says which. Wrong input raises `InputError` before anything is
    written.
    """
    places, folder = (Path(cnn_run).expanduser(), Path(encoder_run).expanduser()), check_out(out)
    return made_cascade(*places, folder, data, max_drop, max_micros, progress, usual(effort), overwrite=overwrite)


@takes(
    data=SOME_DATA,
    encoder=A_STR,
    out=A_PATH,
    dev=SOME_DATA,
    test=SOME_DATA,
    overwrite=A_FLAG,
    progress=A_FUNCTION,
    notice=A_FUNCTION,
)
def fit_cascade(
    data: Data | Examples | str | Path,
    *,
    encoder: str,
    out: str | Path,
    dev: str | Path | None = None,
    test: str | Path | None = None,
    overwrite: bool = False,
    progress: Callable[[str, Progress], None] | None = None,
    notice: Callable[[str], None] | None = None,
    effort: Effort | None = None,
    **options: Any,
) -> Cascade:
    """Fit a TextCNN and a transformer on the same texts, and join them: `fit` twice, then `cascade`.

        found = prunetext.fit_cascade("reviews.csv", encoder="sample:minilm", out="runs/reviews")
        found.path          # runs/reviews/cascade, beside the runs first and second

    encoder: what the transformer begins with, as `model` of `fit`. Options are those of `fit`: epochs, groups, limits
    of size and speed, teachers, vectors, and the shape of a TextCNN go to the first run; those of transformers alone to
    the second; all others to both. Neither run learns dev unless refit is given: it chooses the threshold. A finished
    run in `out` is not made again; an unfinished one is resumed. max_drop holds for both runs and the cascade.
    """
    source = SourceOfBoth(data, dev, test, out=check_out(out), overwrite=overwrite)
    return both_fitted(source, encoder, options, usual(effort), progress, notice)


@takes(
    run=A_PATH,
    out=A_PATH,
    speeds=SOME_NUMBERS,
    data=SOME_DATA,
    max_drop=A_NUMBER,
    criterion=A_STR,
    groups=A_STR,
    recovery=A_NUMBER,
    hidden_states=A_NUMBER,
    overwrite=A_FLAG,
    progress=A_FUNCTION,
    notice=A_FUNCTION,
)
def ladder(
    run: str | Path,
    *,
    out: str | Path,
    speeds: str | Sequence[float] = USUAL_SPEEDS,
    data: Data | Examples | str | Path | None = None,
    max_drop: float | None = None,
    criterion: str | None = None,
    groups: str | None = None,
    recovery: float = 1.0,
    hidden_states: float | None = None,
    overwrite: bool = False,
    progress: Callable[[str, Progress], None] | None = None,
    notice: Callable[[str], None] | None = None,
    effort: Effort | None = None,
) -> Ladder:
    """Make several models of a finished run, each faster than the one before, and judge all of them.

        found = prunetext.ladder("runs/minilm", speeds="2,5", out="runs/fast")
        [(rung.factor, rung.measured, rung.verdict.name) for rung in found.rungs]
        prunetext.load("runs/fast/5x/model.onnx")              # each folder is a run, as `prune` makes one

    speeds: how many times as fast as the unpruned model each is to be (of a transformer: with float32 in ONNX Runtime),
    on one thread of this machine. Each model is cut out of the one before it, and its recovery learns the answers of
    the run's dense model; no model learns dev. max_drop: the points that the verdicts are about, 0.5 if not given.
    recovery: of each model, as a multiple of the usual one; with 0, nothing is trained. criterion, groups and
    hidden_states are those of the run if not given. `missed` says which speeds were missed, by more than 5 %. An
    unfinished ladder in `out` is resumed. All else is as for `prunetext.prune`.
    """
    given = {"max_drop": max_drop, "criterion": criterion, "groups": groups, "hidden_states": hidden_states}
    factors, folder, work = factors_of(speeds), check_out(out), usual(effort)
    return made_ladder(Path(run), folder, factors, given, recovery, data, progress, notice, work, overwrite=overwrite)


@takes(run=A_PATH, data=SOME_DATA, criterion=A_STR, groups=A_STR)
def sensitivity(
    run: str | Path,
    *,
    data: Data | Examples | str | Path | None = None,
    criterion: str | None = None,
    groups: str | None = None,
    effort: Effort | None = None,
) -> list[Sensitivity]:
    """Measure how much of each group of a finished run's dense model can be removed, on dev, without recovery.

        rows = prunetext.sensitivity("runs/reviews")
        rows[0].group, rows[0].share, rows[0].drop        # also in runs/reviews/sensitivity.jsonl

    Each group is measured alone. `criterion` says which units go first, by default that of the run; `groups` which
    kinds are measured, by default all; `data` is as for `prunetext.prune`. The test texts are not used.
    """
    return sensed(Path(run), data, criterion, groups, usual(effort))


for function, kinds in (
    (fit, (FitOptions, TeachOptions, DenseOptions, VectorOptions, ReadOptions)),
    (prune, (PruneOptions,)),
):
    function.__doc__ = (function.__doc__ or "").rstrip() + "\n" + describe(*kinds)
