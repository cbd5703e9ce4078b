"""What `prunetext fit --teacher none` reaches, for data sets and seeds: accuracy, drop, bytes and verdict.

    python benchmarks/fits.py ../shared/data/ag_news ../shared/data/sst2 --seeds 0 1 2 --out runs/fits

Each data set is a folder with train.*, dev.* and test.*. A run that is finished in --out is not repeated. The search
looks at dev only, and test is for the report: choose nothing by these rows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

from common import machine

import prunetext
from prunetext.training.loop import Progress


def main() -> None:
    """Fit, then print a table, or rows of JSON with --json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, nargs="+", help="folders with train.*, dev.* and test.*")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--max-drop", type=float, default=0.5, help="accuracy points")
    parser.add_argument("--out", type=Path, default=Path("runs/fits"), help="folder of the runs")
    parser.add_argument("--json", action="store_true", help="print rows of JSON instead of a table")
    options = parser.parse_args()
    for data in options.data:
        rows = [fitted(data, seed, options.max_drop, options.out / f"{data.name}-{seed}") for seed in options.seeds]
        if options.json:
            for row in rows:
                print(json.dumps({**row, **machine("torch")}))
        else:
            show(rows)


def fitted(data: Path, seed: int, max_drop: float, out: Path) -> dict[str, object]:
    """Fit one data set with one seed, or take the run that stands in `out`."""
    beside = out.with_name(f"{out.name}.seconds.json")
    if not (out / "result.json").exists():
        beside.write_text(json.dumps(timed(data, seed, max_drop, out)), "utf-8")
    seconds = json.loads(beside.read_text("utf-8")) if beside.exists() else {}
    result = json.loads((out / "result.json").read_text("utf-8"))
    verdict, agreement = result["verdict"], result["agreement"]
    return {
        "data": data.name,
        "seed": seed,
        "max_drop": max_drop,
        "texts": result["packed"]["n"],
        "dense": round(100 * result["dense"]["accuracy"], 2),
        "packed": round(100 * result["packed"]["accuracy"], 2),
        "drop": round(verdict["drop"], 2),
        "low": round(verdict["low"], 2),
        "high": round(verdict["high"], 2),
        "verdict": verdict["name"],
        "bytes": result["packed"]["bytes"],
        "dev_labels_equal": agreement["equal"],
        "dev_rounding_drop": agreement["drop"],
        **seconds,
    }


def timed(data: Path, seed: int, max_drop: float, out: Path) -> dict[str, float]:
    """Fit, and give the seconds of training the dense model and of everything from the first line read."""
    began = time.perf_counter()
    moments: dict[str, list[float]] = {"train": [], "rest": []}

    def progress(name: str, now: Progress) -> None:
        moments["train" if name == "train" else "rest"].append(time.perf_counter())

    out.parent.mkdir(parents=True, exist_ok=True)
    prunetext.fit(data, out=out, max_drop=max_drop, seed=seed, progress=progress, teacher="none")
    whole, dense = time.perf_counter() - began, moments["train"][-1] - moments["train"][0]
    return {"seconds_dense": round(dense, 2), "seconds": round(whole, 2), "ratio": round(whole / dense, 2)}


def show(rows: list[dict[str, object]]) -> None:
    """Print a line for each seed, and the means."""
    columns = ("dense", "packed", "drop", "bytes", *(("seconds", "ratio") if "ratio" in rows[0] else ()))
    for row in rows:
        print(
            f"{row['data']} seed {row['seed']}: " + ", ".join(f"{name} {row[name]}" for name in (*columns, "verdict"))
        )
    means = {name: statistics.mean(float(str(row[name])) for row in rows) for name in columns}
    print(f"{rows[0]['data']} mean: " + ", ".join(f"{name} {value:,.2f}" for name, value in means.items()))


if __name__ == "__main__":
    main()
