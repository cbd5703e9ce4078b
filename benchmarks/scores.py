"""Scores: the rank correlation of a packed model on test, beside a ridge regression on tf-idf.

    python benchmarks/scores.py ../shared/data/sst_scores ../shared/data/sick --seeds 0 1 2 --out runs/scores

For pairs, the regression sees the absolute difference and the product of both tf-idf vectors. Alpha is chosen on dev.
One row a run, with what `fit` says of both. With --dev, test is not looked at: rows are of dev, half of which the run
has for its search.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import machine

import prunetext
from prunetext.data.dataset import Data


def main() -> None:
    """Print a row of JSON for each data set and seed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--score", default="score", help="column of scores")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--teacher", default=None)
    parser.add_argument("--epochs", type=float, default=None)
    parser.add_argument("--dev", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("runs/scores"))
    options = parser.parse_args()
    asked: dict[str, Any] = {"teacher": options.teacher, "epochs": options.epochs}
    how = {name: value for name, value in asked.items() if value is not None}
    for folder in options.data:
        data = prunetext.read(folder, score=options.score)
        if options.dev:
            data = halved(data)
        for seed in options.seeds:
            named = "-".join([folder.name, *map(str, how.values()), *["dev"] * options.dev, str(seed)])
            began = time.monotonic()
            run = prunetext.fit(data, out=options.out / named, overwrite=True, seed=seed, **how)
            rows = run.judged.rows()
            baseline = rows.get("baseline", {"spearman": None, "bytes": None})
            row = {
                "data": folder.name,
                "on": "dev" if options.dev else "test",
                "seed": seed,
                **how,
                "spearman": round(rows["packed"]["spearman"], 4),
                "dense": round(rows["dense"]["spearman"], 4),
                "ridge": baseline["spearman"] and round(baseline["spearman"], 4),
                "packed": rows["packed"],
                "verdict": run.verdict.name,
                "bytes": run.size,
                "ridge_bytes": baseline["bytes"],
                "seconds": round(time.monotonic() - began, 1),
            }
            print(json.dumps({**row, **machine("scikit-learn")}), flush=True)


def halved(data: Data) -> Data:
    """Train, and half of dev in the place of dev and of test."""
    assert data.dev is not None
    order = np.random.default_rng(0).permutation(len(data.dev)).tolist()
    half = len(order) // 2
    return Data(data.train, data.dev.subset(order[:half]), data.dev.subset(order[half:]), data.name)


if __name__ == "__main__":
    main()
