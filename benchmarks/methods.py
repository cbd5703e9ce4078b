"""Every pruning method at equal bytes on four data sets: the rows that docs/measured/results.md is made from.

    python benchmarks/methods.py ../shared/data --seeds 3 --out runs/methods
    python scripts/make_results_page.py

The folder has sst2, chnsenticorp, ag_news and thucnews, each with train.*, dev.* and test.*; of the last two, the first
10,000 training texts are taken. A comparison that was stopped goes on where it was. Rows go to results/methods.
"""

from __future__ import annotations

import argparse
import shutil
import time
from dataclasses import replace
from pathlib import Path

import prunetext
from prunetext.comparison.agenda import default_methods
from prunetext.data.dataset import Data

TEXTS = {"sst2": None, "chnsenticorp": None, "ag_news": 10_000, "thucnews": 10_000}  # of train; None: all
METHODS = (*default_methods(), "gradient:remove=largest/local")
AUTOTUNE = 10  # seconds that fastText may tune itself for each size
RESULTS = Path(__file__).parent / "results" / "methods"


def main() -> None:
    """Compare, and put the rows beside the others."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder of the data sets' folders")
    parser.add_argument("--sets", nargs="+", default=list(TEXTS), choices=TEXTS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs/methods"), help="folder of the comparisons")
    options = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in options.sets:
        began, out = time.monotonic(), options.out / name
        data = first(prunetext.read(options.data / name), TEXTS[name])
        found = prunetext.compare(data, out=out, methods=METHODS, seeds=options.seeds, autotune=AUTOTUNE)
        shutil.copyfile(out / "rows.jsonl", RESULTS / f"{name}.jsonl")
        print(f"{name}: {len(found.rows)} rows, {(time.monotonic() - began) / 60:.1f} minutes in this sitting")


def first(data: Data, texts: int | None) -> Data:
    """The data with the first so many texts of train."""
    return replace(data, train=data.train.subset(range(len(data.train))[:texts]))


if __name__ == "__main__":
    main()
