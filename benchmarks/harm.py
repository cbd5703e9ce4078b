"""How much harm a search sees on texts that its recoveries learn, on dev, on texts made from dev, and on new texts.

    python benchmarks/harm.py ../shared/data --sets sst2 chnsenticorp --seeds 0 1
    python benchmarks/harm.py ../shared/data --table        # of what is there, nothing is trained

Each set gives 1,000 texts of train after a shuffle by the seed, 400 more as dev, and up to 3,000 others as new ones.
Test is never read. A plain `fit` is searched. For each of its candidates a row of JSON is kept: its bytes, its real
drop on the new texts, and its harm (what the dense model expects to lose where an answer changes, in points) on each
kind of texts. The table has the multiple of harm to the power of the search that fits the real drops best, for each
kind.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import machine
from trials import SETS, cut

from prunetext.fitting.effort import usual
from prunetext.fitting.folder import Run
from prunetext.fitting.plan import Plan, plan_fit
from prunetext.fitting.stages import begun, lessons_of, problem_of, search, train_dense
from prunetext.models.encoded import UNLABELLED, Encoded
from prunetext.pruning.curve import POWER
from prunetext.pruning.trials import MOST_SILENT, Silent
from prunetext.training.answering import answers

ROWS = Path(__file__).with_name("results") / "harm.jsonl"
KINDS = ("learnt", "dev", "made", "new")


def main() -> None:
    """Search what has no rows yet, then print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder that holds the data sets' folders")
    parser.add_argument("--sets", nargs="+", default=list(SETS), metavar="SET")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--rows", type=Path, default=ROWS, help="file of the rows")
    parser.add_argument("--table", action="store_true", help="only print the table of all rows")
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.rows.read_text("utf-8").splitlines()] if options.rows.exists() else []
    for name in [] if options.table else options.sets:
        for seed in options.seeds:
            about = {"data": name, "seed": seed}
            if not any(about.items() <= row.items() for row in rows):
                found = [{**about, **row, **machine("torch")} for row in candidates(name, seed, options.data)]
                rows += found
                with options.rows.open("a", encoding="utf-8") as file:
                    file.write("".join(json.dumps(row) + "\n" for row in found))
    show(rows)


def candidates(name: str, seed: int, folder: Path) -> list[dict[str, Any]]:
    """The rows of one search."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "run"
        plan = plan_fit(cut(name, "1000", seed, folder), None, None, out, None, {"seed": seed}, usual(None))
        with Run(out, plan.recipe, overwrite=False) as run:
            return searched(plan, run)


def searched(plan: Plan, run: Run) -> list[dict[str, Any]]:
    """Search, and ask every candidate about all kinds of texts."""
    lessons = lessons_of(plan, run, None)
    train, new = lessons.encoded["train"], lessons.encoded["test"]
    settings = plan.settings(len(train), train.targets)
    dense = train_dense(plan, run, lessons, settings, begun(plan), None).trained
    problem = problem_of(plan, run, lessons, dense, settings)
    solution = search(plan, run, problem, begun(plan), None)
    assert problem.unseen is not None
    kinds = dict(zip(KINDS, (learnt(train), problem.dev, problem.unseen, new), strict=True))
    silent = {kind: Silent(texts, answers(dense.model, texts)) for kind, texts in kinds.items()}
    truth, rows = new.targets.numpy(), []
    right = silent["new"].dense.winners() == truth
    for at, row in enumerate(solution.history[1:], start=1):
        model = solution.load(row.key)
        with model.on_grid():
            said = {kind: answers(model, texts) for kind, texts in kinds.items()}
        lost = right.astype(float) - (said["new"].winners() == truth)
        found = {"bytes": row.bytes, "drop": round(100 * float(lost.mean()), 3), "chosen": at == solution.chosen}
        found["error"] = round(100 * float(lost.std()) / len(lost) ** 0.5, 3)
        rows.append({**found, **{kind: round(silent[kind].harm(said[kind]), 4) for kind in KINDS}})
    return rows


def learnt(train: Encoded) -> Encoded:
    """Texts without labels that recoveries learn, as many as a search asks about; all of train where there are none."""
    rows = np.flatnonzero(train.targets.numpy() == UNLABELLED)
    rows = rows if len(rows) else np.arange(len(train))
    return train.subset(rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_SILENT)).astype(np.int64)])


def show(rows: list[dict[str, Any]]) -> None:
    """Print the multiple of each kind for each search, and their means and standard deviations over searches."""
    every: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for name, seed in dict.fromkeys((row["data"], row["seed"]) for row in rows):
        those = [row for row in rows if (row["data"], row["seed"]) == (name, seed)]
        drops = np.array([row["drop"] for row in those])
        for kind in KINDS:
            harms = np.array([row[kind] for row in those]) ** POWER
            every[kind].append(float(harms @ drops / max(float(harms @ harms), 1e-9)))
        line = ", ".join(f"{kind} {every[kind][-1]:.2f}" for kind in KINDS)
        print(f"{name} {seed}, {len(those)} candidates: {line}")
    for kind, found in every.items():
        print(f"{kind}: {np.mean(found):.2f}, standard deviation {np.std(found):.2f}, {len(found)} searches")


if __name__ == "__main__":
    main()
