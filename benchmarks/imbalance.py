"""What class weights do for a rare class: macro-F1 and accuracy on dev, with and without them.

    python benchmarks/imbalance.py ../shared/data/ag_news --rare Sci/Tech --share 0.03 --out runs/imbalance

Of the texts of train, each seed draws some to learn from and as many others for dev, and cuts the class --rare to its
--share of them. What is compared are the dense models, so that the search takes one small step alone. The texts of test
are not looked at.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

from common import machine

import prunetext
from prunetext.data.dataset import Data, Examples

METRICS = ("macro-f1", "accuracy")


def main() -> None:
    """Fit, and print a row of JSON for each run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder with train.*, dev.* and test.*")
    parser.add_argument("--rare", required=True, help="label of the class that is to be rare")
    parser.add_argument("--share", type=float, default=0.03, help="of all texts, which the class is to be")
    parser.add_argument("--texts", type=int, default=12_000, help="to learn from, before the class is cut")
    parser.add_argument("--metric", default="macro-f1", choices=METRICS, help="what the best epoch goes by")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/imbalance"), help="folder of the runs")
    options = parser.parse_args()
    whole = prunetext.read(options.data).train
    for seed in options.seeds:
        rows = random.Random(seed).sample(range(len(whole)), 2 * options.texts)
        halves = rows[: options.texts], rows[options.texts :]
        train, dev = (cut(whole, half, options.rare, options.share) for half in halves)
        for weights in ("none", "balanced"):
            out = options.out / f"{options.metric}-{weights}-{options.share:g}-{seed}"
            if not (out / "result.json").exists():
                how = {"metric": options.metric, "class_weights": weights, "schedule": "oneshot:units=0.05"}
                prunetext.fit(Data(train, dev, dev), out=out, seed=seed, **how)
            found = {name: prunetext.evaluate(out / "dense.safetensors", dev, metric=name).value for name in METRICS}
            row = {"data": options.data.name, "rare": options.rare, "train": len(train), "dev": len(dev), "seed": seed}
            row |= {"of_train": train.labels.count(options.rare), "of_dev": dev.labels.count(options.rare)}
            row |= {"best_by": options.metric, "class_weights": weights}
            row |= {name: round(100 * value, 2) for name, value in found.items()}
            print(json.dumps({**row, **machine("torch")}), flush=True)


def cut(examples: Examples, rows: list[int], rare: str, share: float) -> Examples:
    """The texts of these rows, of which those with the rare label are a share."""
    others = [row for row in rows if examples.labels[row] != rare]
    count = round(share / (1 - share) * len(others))
    rows = sorted([*others, *[row for row in rows if examples.labels[row] == rare][:count]])
    return Examples([examples.texts[row] for row in rows], [examples.labels[row] for row in rows])


if __name__ == "__main__":
    main()
