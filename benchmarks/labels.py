"""Accuracy against the number of labels, with and without unlabelled text and a teacher.

    python benchmarks/labels.py ../shared/data/ag_news --labels 10 50 250 1000 --out runs/labels

Each number of labels a class is learnt from alone, with the other texts of train as unlabelled ones, and with these
and a teacher that was fine-tuned on the same labels. The vectors that all start from have seen no label. Dev is what
the data set gives; test is looked at for the report only. A run that is finished in --out is not repeated.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from common import machine

import prunetext

MODES: dict[str, dict[str, Any]] = {
    "alone": {"teacher": "none"},
    "itself": {"unlabelled": "rest"},
    "taught": {"unlabelled": "rest", "teacher": "sample:minilm", "augment": 0.0},
}


def main() -> None:
    """Fit, and print a row of JSON for each run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder with train.*, dev.* and test.*")
    parser.add_argument("--labels", type=int, nargs="+", default=[10, 50, 250, 1_000], help="labels of each class")
    parser.add_argument("--modes", nargs="+", default=list(MODES), choices=list(MODES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--vectors", default="sample:glove-6b-50d")
    parser.add_argument("--out", type=Path, default=Path("runs/labels"), help="folder of the runs")
    options = parser.parse_args()
    for labels in options.labels:
        for mode in options.modes:
            for seed in options.seeds:
                out = options.out / f"{mode}-{labels}-{seed}"
                if not (out / "result.json").exists():
                    given = {"labels_per_class": labels, "vectors": options.vectors, "seed": seed, **MODES[mode]}
                    prunetext.fit(options.data, out=out, max_drop=0.5, **given)
                result = json.loads((out / "result.json").read_text("utf-8"))
                row = {"data": options.data.name, "labels_per_class": labels, "mode": mode, "seed": seed}
                row |= {name: round(100 * result[name]["accuracy"], 2) for name in ("dense", "packed")}
                print(json.dumps({**row, "bytes": result["packed"]["bytes"], **machine("torch")}), flush=True)


if __name__ == "__main__":
    main()
