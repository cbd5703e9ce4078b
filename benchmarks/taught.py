"""What a teacher and unlabelled text bring: the packed student on test, for data sets and seeds.

    python benchmarks/taught.py ../shared/data --sets thucnews chnsenticorp --seeds 0 1 2 --out runs/taught

`RECIPES` are the options of each fit; sst2 reads sentences that benchmarks/sentences.py cuts of IMDB's texts first.
A run that is finished in --out is not repeated. The search looks at dev only, and test is for the report: choose
nothing by these rows.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from common import machine

import prunetext

SENTENCES = "sentences.txt"
CHINESE = {"teacher": "ngrams", "pooling": "max"}
ENGLISH = {"teacher": "sample:minilm", "vectors": "sample:glove-6b-50d"}
FEW = {"teacher": "none", "vectors": "sample:glove-6b-50d", "labels_per_class": 112, "max_drop": 0.5}
RECIPES: dict[str, dict[str, Any]] = {
    "sst2": {
        **ENGLISH,
        "unlabelled": SENTENCES,
        "augment": 0.0,
        "filters": 96,
        "criterion": "fisher",
        "max_size": "250kB",
    },
    "ag_news": {**ENGLISH, "filters": 64, "max_size": "200kB"},
    "thucnews": {**CHINESE, "filters": 96, "dimensions": 64, "max_size": "400kB"},
    "chnsenticorp": {**CHINESE, "filters": 64, "dimensions": 32, "max_size": "100kB"},
    "imdb alone": FEW,
    "imdb itself": {**FEW, "unlabelled": "rest"},
    "imdb taught": {**FEW, **ENGLISH, "unlabelled": "rest", "teacher_tokens": 256, "augment": 0.0},
}


def main() -> None:
    """Fit, and print a row of JSON for each run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder that holds the data sets' folders")
    parser.add_argument("--sets", nargs="+", default=list(RECIPES), choices=list(RECIPES), metavar="SET")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/taught"), help="folder of the runs")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.sets:
        for seed in options.seeds:
            out = options.out / f"{name.replace(' ', '-')}-{seed}"
            print(json.dumps({**fitted(name, seed, options.data, out), **machine("torch", "transformers")}))


def fitted(name: str, seed: int, data: Path, out: Path) -> dict[str, object]:
    """Fit one data set with one seed, or take the run that stands in `out`."""
    recipe = dict(RECIPES[name])
    if recipe.get("unlabelled") == SENTENCES:
        recipe["unlabelled"] = str(sentences(data, out.parent))
    seconds = {}
    if not (out / "result.json").exists():
        began = time.perf_counter()
        prunetext.fit(data / name.split()[0], out=out, seed=seed, **recipe)
        seconds = {"seconds": round(time.perf_counter() - began)}
    result = json.loads((out / "result.json").read_text("utf-8"))
    return {
        "data": name,
        "seed": seed,
        "texts": result["packed"]["n"],
        "dense": round(100 * result["dense"]["accuracy"], 2),
        "packed": round(100 * result["packed"]["accuracy"], 2),
        "bytes": result["packed"]["bytes"],
        "verdict": result["verdict"]["name"],
        "calibration_error": round(result["calibration"]["after"], 4),
        **seconds,
    }


def sentences(data: Path, folder: Path) -> Path:
    """Sentences of IMDB's texts that are no test texts, one a line."""
    path = folder / SENTENCES
    if not path.exists():
        texts = [str(data / "imdb" / name) for name in ("train.jsonl", "unlabeled.jsonl")]
        command = [sys.executable, str(Path(__file__).with_name("sentences.py")), *texts]
        beside = path.with_suffix(".part")
        with beside.open("wb") as file:
            subprocess.run(command, check=True, stdout=file)
        beside.replace(path)
    return path


if __name__ == "__main__":
    main()
