"""Sizes of the packed file over seeds: how much of what a search finds is luck.

    python benchmarks/search_seeds.py ../shared/data --out runs/seeds >> benchmarks/results/search_seeds.jsonl
    python benchmarks/search_seeds.py benchmarks/results/search_seeds.jsonl --summary

`prunetext fit` with `--max-drop 0.5` and nothing else, on BBC News, and on AG News and SST-2 cut to the same 2,000
texts of train for every seed; their test is left whole. Dev is cut from these texts by `fit`, or with --own-dev that of
the set. --tag names the rows, to tell versions of prunetext apart.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from common import machine

import prunetext
from prunetext.data.dataset import Data

SETS = ("bbc-news", "ag_news", "sst2")
TEXTS = 2000


def main() -> None:
    """Print a row of JSON for each fit, or a table of rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder of the sets, or a file of rows with --summary")
    parser.add_argument("--summary", action="store_true", help="print a table of rows instead")
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)))
    parser.add_argument("--own-dev", action="store_true", help="judge candidates by the set's own dev")
    parser.add_argument("--tag", default="", help="a name for these rows")
    parser.add_argument("--out", type=Path, default=Path("runs/seeds"), help="folder of the runs")
    options = parser.parse_args()
    if options.summary:
        summarise([json.loads(line) for line in options.data.read_text().splitlines()])
        return
    for name in options.sets:
        data = (
            "sample:bbc-news"
            if name == "bbc-news"
            else cut(prunetext.read(options.data / name), own_dev=options.own_dev)
        )
        for seed in options.seeds:
            began, out = time.monotonic(), options.out / f"{name}-{seed}"
            found = prunetext.fit(data, max_drop=0.5, seed=seed, out=out, overwrite=True)
            row: dict[str, Any] = {"tag": options.tag, "data": name, "seed": seed, "bytes": found.size}
            row |= {"accuracy": round(100 * found.score.accuracy, 2), "drop": round(found.verdict.drop, 2)}
            row |= {"verdict": found.verdict.name, "seconds": round(time.monotonic() - began, 1)}
            row |= {"steps": len((out / "history.jsonl").read_text("utf-8").splitlines()) - 1}
            print(json.dumps({**row, **machine("torch")}), flush=True)


def cut(whole: Data, *, own_dev: bool) -> Data:
    """The same texts of train for every seed, from which dev is split off if it is not the set's own; test as it is."""
    rows = Random(0).sample(range(len(whole.train)), TEXTS)
    return Data(whole.train.subset(sorted(rows)), whole.dev if own_dev else None, whole.test)


def summarise(rows: list[dict[str, Any]]) -> None:
    """Print a line for each set and tag."""
    columns = ("data", "", "seeds", "bytes", "most / least", "median", "drop", "accuracy", "steps", "seconds")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for name, tag in dict.fromkeys((row["data"], row["tag"]) for row in rows):
        here = [row for row in rows if (row["data"], row["tag"]) == (name, tag)]
        sizes = [row["bytes"] for row in here]
        drop, accuracy, steps, seconds = (
            np.mean([row[key] for row in here]) for key in ("drop", "accuracy", "steps", "seconds")
        )
        spread = f"{min(sizes):,} to {max(sizes):,} | {max(sizes) / min(sizes):.2f} | {np.median(sizes):,.0f}"
        told = f"{drop:.2f} | {accuracy:.2f} % | {steps:.1f} | {seconds:.0f}"
        print(f"| {name} | {tag} | {len(here)} | {spread} | {told} |")


if __name__ == "__main__":
    main()
