"""How much faster two threads label texts than one, as a list of str and as an Arrow array.

    python benchmarks/threads.py runs/ag-news/model.safetensors ../shared/data/ag_news

Pairs of passes over the test texts in alternating order, each with fresh copies of the strings; rows of JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import pyarrow
from common import machine, spread

import prunetext


def main() -> None:
    """Print a row for each kind of input."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path, help="packed file")
    parser.add_argument("data", type=Path, help="folder with train.* and test.*")
    parser.add_argument("--passes", type=int, default=9, help="pairs of passes")
    options = parser.parse_args()
    test = prunetext.read(options.data).test
    if test is None:
        raise SystemExit(f"{options.data} has no test split: give a folder with train.* and test.*.")
    classifier = prunetext.load(options.model)
    for kind in ("list", "arrow"):
        ratios = []
        for number in range(options.passes):
            seconds = {}
            for threads in (1, 2) if number % 2 else (2, 1):
                fresh = [text.encode("utf-8", "replace").decode() for text in test.texts]
                texts = fresh if kind == "list" else pyarrow.array(fresh, pyarrow.string())
                began = time.perf_counter()
                classifier.predict(texts, threads=threads)
                seconds[threads] = time.perf_counter() - began
            ratios.append(seconds[1] / seconds[2])
        row = {"input": kind, "ratio": spread(ratios, 2), "data": options.data.name, "texts": len(test)}
        print(json.dumps({**row, "passes": options.passes, **machine("pyarrow")}))


if __name__ == "__main__":
    main()
