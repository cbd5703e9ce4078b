"""Recall of a rare class, and macro-F1, beside a balanced logistic regression.

    python benchmarks/rare_classes.py ../shared/data/ag_news --rare Sci/Tech --share 0.01 --out runs/rare

One class is cut to --share of train and dev; each seed draws other texts of it. Test is left whole. The model is the
one that the guide advises, with `metric macro-f1` and `class_weights balanced`; --plain leaves both out. The regression
is on tf-idf of words and pairs of words, with balanced class weights, and the C that gives the best macro-F1 on dev.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from random import Random
from typing import Any

from common import machine

import prunetext
from prunetext.data.dataset import Data, Examples
from prunetext.statistics.evaluation import per_class, score

STRENGTHS = (0.1, 1.0, 10.0, 100.0)  # of the regression, C
ADVISED = {"metric": "macro-f1", "class_weights": "balanced"}


def main() -> None:
    """Print a row of JSON for each run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder with train.*, dev.* and test.*")
    parser.add_argument("--rare", required=True, help="label of the class that is to be rare")
    parser.add_argument("--share", type=float, default=0.01, help="of the texts of train and of dev, for that class")
    parser.add_argument("--plain", action="store_true", help="without the guide's options for rare classes")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/rare"), help="folder of the runs")
    options = parser.parse_args()
    whole = prunetext.read(options.data)
    for seed in options.seeds:
        train, dev = (thinned(part, options.rare, options.share, seed) for part in (whole.train, whole.dev))
        data = Data(train, dev, whole.test)
        out = options.out / f"{options.data.name}-{options.rare.replace('/', '')}-{options.share:g}-{seed}"
        how, kind = ({}, "plain") if options.plain else (ADVISED, "advised")
        found = prunetext.fit(data, out=out / kind, seed=seed, overwrite=True, **how)
        row: dict[str, Any] = {"data": options.data.name, "rare": options.rare, "share": options.share, "seed": seed}
        row |= {"of_train": train.labels.count(options.rare), "of_dev": dev.labels.count(options.rare), **how}
        row |= {"bytes": found.size, "verdict": found.verdict.name}
        packed = prunetext.load(found.path).predict(whole.test.texts)
        row |= {"recall": recall(packed, whole.test, options.rare)}
        row |= {"macro_f1": round(100 * found.score.macro_f1, 2)}
        row |= {"dense_macro_f1": round(100 * found.judged.dense.score.macro_f1, 2)}
        row |= beside(train, dev, whole.test, options.rare)
        print(json.dumps({**row, **machine("torch", "scikit-learn")}), flush=True)


def thinned(examples: Examples, rare: str, share: float, seed: int) -> Examples:
    """All texts of the other classes, and so many of this one that it has the share."""
    inside = [row for row, label in enumerate(examples.labels) if label == rare]
    others = [row for row, label in enumerate(examples.labels) if label != rare]
    count = max(1, round(share / (1 - share) * len(others)))
    return examples.subset(sorted([*others, *Random(seed).sample(inside, count)]))


def beside(train: Examples, dev: Examples, test: Examples, rare: str) -> dict[str, Any]:
    """Recall and macro-F1 of the regression on test."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2)
    seen, asked = vectorizer.fit_transform(train.texts), vectorizer.transform(dev.texts)
    models = [
        LogisticRegression(C=strength, max_iter=1000, class_weight="balanced").fit(seen, train.labels)
        for strength in STRENGTHS
    ]
    best = max(models, key=lambda model: score(model.predict(asked).tolist(), dev.labels).macro_f1)
    said = best.predict(vectorizer.transform(test.texts)).tolist()
    found = {"regression_recall": recall(said, test, rare), "C": best.C}
    return {**found, "regression_macro_f1": round(100 * score(said, test.labels).macro_f1, 2)}


def recall(predicted: list[str], gold: Examples, rare: str) -> float:
    """Recall of a class in percent."""
    return round(100 * next(each.recall for each in per_class(predicted, gold.labels) if each.label == rare), 2)


if __name__ == "__main__":
    main()
