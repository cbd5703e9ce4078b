"""The estimate of a candidate's drop beside counting: its bias, its error, and how often a rule accepts.

    python benchmarks/drop_estimate.py ../shared/data --out runs/drops >> benchmarks/results/drop_estimate.jsonl

From each set a dense model is trained on 2,000 texts and pruned step by step, far beyond what it bears. Texts of dev
and of the rest of train, which no model has learnt from, stand in for two things: all of them for the truth, and 1,000
at a time, drawn with replacement, for a dev. What is told of each candidate: its real drop; bias, standard deviation
and root mean square error of `expected_drop` and of counting; and how often each is at most 0.5 points. The
rule adds the standard error, as the search does. Candidates that lose more than `--most` points are left out.

    python benchmarks/drop_estimate.py --summary benchmarks/results/drop_estimate.jsonl
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from common import machine

import prunetext
from prunetext.data.dataset import Data, Examples
from prunetext.fitting.effort import usual
from prunetext.fitting.folder import Run
from prunetext.fitting.plan import check_out, plan_fit
from prunetext.fitting.stages import begun, lessons_of, problem_of, train_dense
from prunetext.pruning.driver import walked
from prunetext.pruning.search import begin_search
from prunetext.statistics.answers import Answers
from prunetext.statistics.bootstrap import paired_drop
from prunetext.statistics.expected import expected_drop
from prunetext.statistics.metrics import Measure
from prunetext.training.answering import answers
from prunetext.training.loop import threads, threads_for

SETS = ("sst2", "ag_news", "chnsenticorp", "thucnews", "imdb", "banking77")
TEXTS, OF_DEV, TRUTH = 2000, 500, 6000
OPTIONS: dict[str, Any] = {"schedule": "local:first=1.8", "max_size": "3500"}
ALLOWED = 0.5
PLACES = ((0.0, 0.2), (0.5, 0.2), (1.0, 0.3), (3.0, 0.8))  # real drops, and how near to them counts


def main() -> None:
    """Print a row of JSON for each candidate, or a table of rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder of the sets, or a file of rows with --summary")
    parser.add_argument("--summary", action="store_true", help="print a table of rows instead")
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--devs", type=int, default=200, help="devs that are drawn")
    parser.add_argument("--texts", type=int, default=1000, help="of each of them")
    parser.add_argument("--most", type=float, default=4.0, help="points of a real drop")
    parser.add_argument("--out", type=Path, default=Path("runs/drops"), help="folder of the runs")
    options = parser.parse_args()
    if options.summary:
        summarise([json.loads(line) for line in options.data.read_text().splitlines()])
        return
    for name in options.sets:
        for seed in options.seeds:
            data = parts(prunetext.read(options.data / name), seed)
            for size, measure, dense, other in candidates(data, options.out / f"{name}-{seed}", seed):
                real = paired_drop(measure, dense, other)[0]
                if real <= options.most:
                    row = {"data": name, "seed": seed, "bytes": size, "real": round(real, 3), "texts": options.texts}
                    row |= compared(measure, dense, other, real, options.devs, options.texts)
                    print(json.dumps({**row, **machine("torch", "scipy")}), flush=True)


def parts(whole: Data, seed: int) -> Data:
    """Train and dev, both from train, and as test what nothing learns from; the set's test is not touched."""
    draw, train = Random(seed), whole.train
    rows = draw.sample(range(len(train)), min(len(train), TEXTS + OF_DEV + TRUTH))
    learnt, dev, rest = rows[:TEXTS], rows[TEXTS : TEXTS + OF_DEV], rows[TEXTS + OF_DEV :]
    unseen = train.subset(sorted(rest))
    if whole.dev is not None:
        texts, labels = [*whole.dev.texts, *unseen.texts], [*whole.dev.labels, *unseen.labels]
        unseen = Examples(texts[:TRUTH], labels[:TRUTH])
    return Data(train.subset(sorted(learnt)), train.subset(sorted(dev)), unseen)


def candidates(data: Data, out: Path, seed: int) -> Iterator[tuple[int, Measure, Answers, Answers]]:
    """Bytes of each candidate, with the gold and both models' answers to the texts that stand in for the truth."""
    began = time.monotonic()
    plan = plan_fit(data, None, None, check_out(out), None, {**OPTIONS, "seed": seed}, usual(None), began)
    with Run(out, plan.recipe, overwrite=True) as run, threads(threads_for(plan.work)):
        lessons = lessons_of(plan, run, None)
        train, test = lessons.encoded["train"], lessons.encoded["test"]
        settings = plan.settings(len(train), train.targets)
        dense = train_dense(plan, run, lessons, settings, begun(plan), None).trained
        search = begin_search(
            problem_of(plan, run, lessons, dense, settings), plan.method, plan.budget, run.folder("steps")
        )
        history = [search.whole]
        walked(search, plan.method.schedule, history)
        said, measure = answers(dense.model, test), plan.measure("test")
        for row in history[1:]:
            model = search.load(row.key)
            with model.on_grid():
                yield row.bytes, measure, said, answers(model, test)


def compared(
    measure: Measure, dense: Answers, other: Answers, real: float, devs: int, texts: int
) -> dict[str, dict[str, float]]:
    """What many devs say of the drop, by the estimate and by counting."""
    draw, found = np.random.default_rng(0), {"estimate": [], "counting": []}
    for _ in range(devs):
        rows = draw.integers(0, len(measure.gold.targets), texts)
        part = measure.subset(rows), dense.subset(rows), other.subset(rows)
        found["estimate"].append(expected_drop(*part))
        found["counting"].append(paired_drop(*part))
    return {name: told(np.array(each), real) for name, each in found.items()}


def told(drops: np.ndarray, real: float) -> dict[str, float]:
    """Bias, spread, error and rates of drops with their standard errors, shape (devs, 2)."""
    low = np.mean(drops[:, 0] <= ALLOWED)
    rule = np.mean(drops.sum(1) <= ALLOWED)
    off = drops[:, 0] - real
    values = {"bias": off.mean(), "sd": off.std(), "rmse": np.sqrt((off**2).mean()), "claimed": drops[:, 1].mean()}
    return {name: round(float(each), 4) for name, each in {**values, "below": low, "accepted": rule}.items()}


def summarise(rows: list[dict[str, Any]]) -> None:
    """Print means over candidates, at some real drops and over all."""
    places = [(f"about {at:g}", [row for row in rows if abs(row["real"] - at) < width]) for at, width in PLACES]
    print("| real drop | candidates | | bias | sd | RMSE | at most 0.5 | rule accepts |")
    print("|---|---|---|---|---|---|---|---|")
    for place, here in [*places, ("all", rows)]:
        for name in ("estimate", "counting") if here else ():
            bias, sd, low, rule = (
                np.mean([row[name][key] for row in here]) for key in ("bias", "sd", "below", "accepted")
            )
            rmse = np.sqrt(np.mean([row[name]["rmse"] ** 2 for row in here]))
            print(f"| {place} | {len(here)} | {name} | {bias:+.2f} | {sd:.2f} | {rmse:.2f} | {low:.2f} | {rule:.2f} |")
    ratios = [row["estimate"]["rmse"] / row["counting"]["rmse"] for row in rows if row["counting"]["rmse"] > 0]
    median = float(np.median(ratios))
    print(f"\nThe error of the estimate is {median:.2f} times that of counting (median of {len(ratios)} candidates).")


if __name__ == "__main__":
    main()
