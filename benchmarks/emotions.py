"""Several labels a text: the dense and the packed model on test, beside fastText one-vs-all, for some seeds.

    python benchmarks/emotions.py ../shared/data/goemotions --seeds 0 1 2 --out runs/emotions

The data are a folder with train.*, dev.* and test.*, whose texts have lists of labels. fastText (`pip install
fasttext-numpy2`) has the same tokens, and thresholds that are tuned on dev in the same way; of `TRIES` the one with the
best micro-F1 on dev is asked about test. Its seed is that of the row, and with several threads its result varies a
little. A run that is finished in --out is not repeated. The search looks at dev only, and test is for the report:
choose nothing by these rows.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from common import machine

import prunetext
from prunetext.data.dataset import Examples
from prunetext.runtime._native import tokenize
from prunetext.statistics.answers import Answers, Array
from prunetext.statistics.metrics import measure_of
from prunetext.statistics.thresholds import tuned

PREFIX = "__label__"
TRIES = {"epoch": (5, 10, 25), "lr": (0.05, 0.1, 0.25), "wordNgrams": (1, 2)}
ALWAYS = {"loss": "ova", "dim": 100, "minCount": 2, "thread": 10, "verbose": 0}


def main() -> None:
    """Fit, and print a row of JSON for each seed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder with train.*, dev.* and test.*")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--max-drop", type=float, default=0.5, help="points of micro-F1")
    parser.add_argument("--out", type=Path, default=Path("runs/emotions"), help="folder of the runs")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        ours = fitted(options.data, seed, options.max_drop, options.out / f"{options.data.name}-{seed}")
        theirs = fasttext_of(options.data, seed)
        print(json.dumps({**ours, **theirs, **machine("torch", "fasttext-numpy2")}), flush=True)


def fitted(data: Path, seed: int, max_drop: float, out: Path) -> dict[str, object]:
    """Fit with one seed, or take the run that stands in `out`."""
    seconds = {}
    if not (out / "result.json").exists():
        began = time.perf_counter()
        prunetext.fit(data, out=out, max_drop=max_drop, seed=seed)
        seconds = {"seconds": round(time.perf_counter() - began)}
    result = json.loads((out / "result.json").read_text("utf-8"))
    shares = {
        f"{model}_{name}": round(100 * result[model][name], 2)
        for model in ("dense", "packed")
        for name in ("micro_f1", "macro_f1")
    }
    worst = result["damage"][0]
    return {
        "data": data.name,
        "seed": seed,
        "max_drop": max_drop,
        "texts": result["packed"]["n"],
        **shares,
        "bytes": result["packed"]["bytes"],
        "verdict": result["verdict"]["name"],
        "worst_label": worst["label"],
        "worst_label_drop": round(worst["drop"], 2),
        "calibration_error": round(result["calibration"]["after"], 4),
        **seconds,
    }


def fasttext_of(data: Path, seed: int) -> dict[str, object]:
    """The best of fastText's models on dev, and what it does on test."""
    import fasttext

    read = prunetext.read(data)
    labels, dev, test = read.labels, read.dev, read.test
    assert dev is not None
    assert test is not None
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        for text, own in zip(read.train.texts, read.train.label_lists, strict=True):
            marks = " ".join(f"{PREFIX}{labels.index(label)}" for label in own)
            file.write(f"{marks} {tokens_of(text)}\n")
        file.flush()
        best: tuple[float, Any, Array, dict[str, Any]] | None = None
        for values in product(*TRIES.values()):
            chosen = dict(zip(TRIES, values, strict=True))
            try:
                model = fasttext.train_supervised(file.name, seed=seed, **ALWAYS, **chosen)
            except RuntimeError:  # its loss has become infinite
                continue
            measure = measure_of("micro-f1", dev, labels)
            probabilities = answers_of(model, dev.texts, len(labels))
            thresholds = tuned(probabilities, measure.gold.targets)
            value = measure.value(Answers.of(probabilities, thresholds))
            if best is None or value > best[0]:
                best = value, model, thresholds, chosen
    assert best is not None
    said = Answers.of(answers_of(best[1], test.texts, len(labels)), best[2])
    return {
        **{f"fasttext_{name}": value for name, value in scores_of(said, test, labels).items()},
        "fasttext": best[3],
    }


def scores_of(said: Answers, examples: Examples, labels: list[str]) -> dict[str, float]:
    """Micro-F1 and macro-F1, in per cent."""
    return {
        name: round(100 * measure_of(metric, examples, labels).value(said), 2)
        for name, metric in (("micro_f1", "micro-f1"), ("macro_f1", "macro-f1"))
    }


def answers_of(model: Any, texts: Sequence[str], classes: int) -> Array:
    """Probabilities (n, classes)."""
    found = np.zeros((len(texts), classes))
    for row, text in enumerate(texts):
        names, values = model.predict(tokens_of(text), k=-1)
        for name, value in zip(names, values, strict=True):
            found[row, int(name.removeprefix(PREFIX))] = value
    return found


def tokens_of(text: str) -> str:
    """A text as our own tokenizer cuts it, which fastText cuts at spaces alone."""
    return " ".join(tokenize(text))


if __name__ == "__main__":
    main()
