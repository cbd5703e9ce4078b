"""Pairs of texts: the packed model on test, beside its dense one, word overlap, the majority class and a teacher.

    python benchmarks/pairs.py ../shared/data --sets mrpc sick lcqmc wikiqa --seeds 0 1 2 --out runs/pairs

`RECIPES` are the options of each fit; "taught" ones learn from a transformer that reads both texts together. Word
overlap is the cosine of tf-idf vectors with a logistic regression on it, on the same texts in the same run. A run that
is finished in --out is not repeated. The search looks at dev only, and test is for the report: choose nothing by it.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import machine
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

import prunetext
from prunetext.data.dataset import Data, Examples
from prunetext.runtime._native import tokenize
from prunetext.statistics.answers import Answers
from prunetext.statistics.metrics import measure_of

METRICS = {"mrpc": "macro-f1", "sick": "accuracy", "lcqmc": "accuracy", "wikiqa": "map"}
TEACHER = {"teacher": "sample:minilm", "teacher_epochs": 5.0, "augment": 2.0}
ALONE: dict[str, dict[str, Any]] = {
    "mrpc": {"max_size": "200kB", "ranking": 0.0},
    "sick": {"max_size": "60kB", "ranking": 0.0, "pooling": "max"},
    "lcqmc": {"max_size": "80kB", "ranking": 0.0, "pooling": "max"},
    "wikiqa": {"max_size": "250kB"},
}
TAUGHT = {f"{name} taught": {**ALONE[name], **TEACHER} for name in ("mrpc", "sick", "wikiqa")}
RECIPES = ALONE | TAUGHT


def main() -> None:
    """Fit, and print a row of JSON for each run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder that holds the data sets' folders")
    parser.add_argument("--sets", nargs="+", default=list(RECIPES), choices=list(RECIPES), metavar="SET")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/pairs"), help="folder of the runs")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.sets:
        data = prunetext.read(options.data / name.split()[0])
        beside = word_overlap(data, name.split()[0])
        for seed in options.seeds:
            out = options.out / f"{name.replace(' ', '-')}-{seed}"
            row = fitted(name, seed, options.data, out)
            print(json.dumps({**row, **scores_of(data, name, out), **beside, **machine("torch")}), flush=True)


def fitted(name: str, seed: int, data: Path, out: Path) -> dict[str, object]:
    """Fit one data set with one seed, or take the run that stands in `out`."""
    seconds = {}
    if not (out / "result.json").exists():
        began = time.perf_counter()
        metric = METRICS[name.split()[0]]
        prunetext.fit(data / name.split()[0], out=out, seed=seed, metric=metric, **RECIPES[name])
        seconds = {"seconds": round(time.perf_counter() - began)}
    result = json.loads((out / "result.json").read_text("utf-8"))
    kept = {"bytes": result["packed"]["bytes"], "verdict": result["verdict"]["name"], "drop": result["verdict"]["drop"]}
    return {"data": name, "seed": seed, "pairs": result["packed"]["n"], **kept, **seconds}


def scores_of(data: Data, name: str, out: Path) -> dict[str, float]:
    """What the dense and the packed model reach on test, by every metric that says something of the set."""
    assert data.test is not None
    found = {}
    for kind, file in (("dense", "dense.safetensors"), ("packed", "model.safetensors")):
        model = prunetext.open_model(out / file)
        found |= measured(kind, model.answers(data.test.inputs), data.test, model.labels, name.split()[0])
    return found


def word_overlap(data: Data, name: str) -> dict[str, float]:
    """The same of the cosine of both texts' tf-idf vectors with a logistic regression, and of the majority class."""
    assert data.test is not None
    vectorizer = TfidfVectorizer(tokenizer=tokenize, token_pattern=None, lowercase=False).fit(data.train.all_texts)

    def cosines(examples: Examples) -> np.ndarray:
        first, second = (vectorizer.transform(side) for side in (examples.texts, examples.pairs))
        return np.asarray(first.multiply(second).sum(1))

    model = LogisticRegression().fit(cosines(data.train), data.train.labels)
    found = measured(
        "overlap", Answers.of(model.predict_proba(cosines(data.test))), data.test, list(model.classes_), name
    )
    majority = max(data.labels, key=data.train.labels.count)
    return {**found, "majority accuracy": round(100 * data.test.labels.count(majority) / len(data.test), 2)}


def measured(kind: str, said: Answers, examples: Examples, labels: list[str], name: str) -> dict[str, float]:
    """Metrics in points."""
    names = ("accuracy", "macro-f1", "f1", *(("map", "mrr") if METRICS[name] == "map" else ()))
    return {f"{kind} {metric}": round(100 * measure_of(metric, examples, labels).value(said), 2) for metric in names}


if __name__ == "__main__":
    main()
