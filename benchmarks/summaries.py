"""Summaries of news made of their own sentences: ROUGE of those that a packed model chooses, beside the first ones.

    pip install rouge-score
    python benchmarks/summaries.py --seeds 0 1 2 --out runs/summaries

Data are those that examples/summary_data.py makes of BBC News, options those of examples/summary.toml. What is
compared with is the headline. The model chooses the sentences with the largest probabilities of a test document, which
are then put in its order; `lead` takes the first ones, `best` those that the labels name. One row a seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import machine
from rouge_score.rouge_scorer import RougeScorer

import prunetext

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples"))
import summary_data  # noqa: E402

KINDS = ("rouge1", "rouge2", "rougeL")


def main() -> None:
    """Print a row of JSON for each seed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/summaries"))
    options = parser.parse_args()
    data, test = options.out / "data", summary_data.parts(summary_data.documents())["test"]
    if not (data / "test.jsonl").exists():
        summary_data.write(data)
    recipe = tomllib.loads((ROOT / "examples" / "summary.toml").read_text("utf-8"))
    for name in ("data", "out", "overwrite", "seed"):
        del recipe[name]
    for seed in options.seeds:
        out = options.out / f"run-{seed}"
        if not (out / "result.json").exists():
            prunetext.fit(data, out=out, seed=seed, **recipe)
        result, clf = json.loads((out / "result.json").read_text("utf-8")), prunetext.load(out / "model.safetensors")

        def by_model(document: summary_data.Document, count: int, clf: prunetext.Classifier = clf) -> list[int]:
            likely = clf.predict_proba(summary_data.pairs(document))[:, clf.labels.index("in")]
            return sorted(np.argsort(-likely, kind="stable")[:count].tolist())

        ways: dict[str, Callable[[summary_data.Document, int], list[int]]] = {
            "model": by_model,
            "lead": lambda document, count: list(range(count)),
            "best": lambda document, count: sorted(summary_data.chosen(document)),
        }
        scores = {f"{way} {count}": rouge(test, each, count) for way, each in ways.items() for count in (1, 3)}
        row = {
            "data": "bbc-news",
            "seed": seed,
            "documents": len(test),
            "bytes": clf.size,
            "map": result["packed"]["value"],
        }
        print(json.dumps({**row, **scores, **machine("rouge-score")}), flush=True)


def rouge(
    documents: list[summary_data.Document], way: Callable[[summary_data.Document, int], list[int]], count: int
) -> dict[str, float]:
    """Mean ROUGE F1, in points, of so many sentences of each document with its headline."""
    scorer = RougeScorer(KINDS, use_stemmer=True)
    totals = dict.fromkeys(KINDS, 0.0)
    for document in documents:
        summary = " ".join(document.sentences[at] for at in way(document, count))
        for kind, score in scorer.score(document.headline, summary).items():
            totals[kind] += score.fmeasure
    return {kind: round(100 * total / len(documents), 2) for kind, total in totals.items()}


if __name__ == "__main__":
    main()
