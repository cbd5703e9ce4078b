"""FastText as a peer: trained in a process of its own, since its C++ can abort that process, or go on for ever."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from prunetext.comparison.made import Made
from prunetext.jobs import Job
from prunetext.runtime._native import tokenize

THREADS = 10  # with fewer its training can end with NaN
FEATURE_BYTES = 20  # of a .ftz file for each feature that it keeps, about: the first try
TRIES, NEAR = 5, 0.9  # at a size, and the share of it that is near enough
BINARY = {"dim": 10, "wordNgrams": 2, "bucket": 200_000, "epoch": 5, "lr": 0.5}  # a size at which .ftz files are good
QUANTISED = {"retrain": True, "qnorm": True}
DURATION = "autotuneDuration"
PATIENCE = 120  # seconds after which a training is given up: some of its searches for a size go round in circles
TRAINING = """
import json, sys
import fasttext
options, path = json.loads(sys.argv[1]), sys.argv[2]
model = fasttext.train_supervised(**options["train"])
if options["quantise"]:
    model.quantize(**options["quantise"])
model.save_model(path)
"""


def binary(job: Job, budget: int | None) -> Made | None:
    """FastText with bigrams, as it is trained."""
    return made("fastText .bin", job, BINARY)


def quantised(job: Job, budget: int | None) -> Made | None:
    """FastText with bigrams, quantised, with as many features as fit; None if it finds no model so small."""
    assert budget is not None
    best, cutoff = None, budget // FEATURE_BYTES
    for _ in range(TRIES):
        found = made("fastText .ftz", job, BINARY, {**QUANTISED, "cutoff": cutoff})
        if found is None:  # it can not quantise so few
            break
        if found.bytes <= budget and (best is None or found.bytes > best.bytes):
            best = found
        if NEAR * budget <= found.bytes <= budget:
            break
        cutoff = int(cutoff * (1 + NEAR) / 2 * budget / found.bytes)
    return best


def autotuned(job: Job, budget: int | None, seconds: int) -> Made | None:
    """FastText, its parameters and size tuned on dev by itself; None if it finds no model so small."""
    assert budget is not None
    size = f"{max(1, budget // 1000)}k"
    found = made("fastText autotuned", job, {DURATION: seconds, "autotuneModelSize": size})
    return found if found is not None and found.bytes <= budget else None


def made(name: str, job: Job, train: dict[str, Any], quantise: dict[str, Any] | None = None) -> Made | None:
    """A model trained on a job's texts by the tokens that prunetext sees; None if its training fails."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        files = {split: written(job, split, Path(folder) / split) for split in ("train", "dev")}
        options: dict[str, Any] = {"train": {"input": files["train"], "thread": THREADS, "verbose": 0, **train}}
        if DURATION in train:
            options["train"]["autotuneValidationFile"] = files["dev"]
        options["quantise"] = quantise and {"input": files["train"], "thread": THREADS, "verbose": 0, **quantise}
        path = Path(folder) / "model"
        command = [sys.executable, "-c", TRAINING, json.dumps(options), str(path)]
        try:
            ended = subprocess.run(
                command, check=False, capture_output=True, timeout=PATIENCE + 3 * train.get(DURATION, 0)
            )
        except subprocess.TimeoutExpired:
            return None
        if ended.returncode or not path.exists():
            return None
        seconds, size = time.perf_counter() - began, path.stat().st_size
        import fasttext

        fasttext.FastText.eprint = lambda *arguments: None
        model = fasttext.load_model(str(path))

    def predict(texts: list[str]) -> list[str]:
        guesses, _ = model.predict([" ".join(tokenize(text)) for text in texts])
        return [job.labels[int(guess[0].removeprefix("__label__")) if guess else 0] for guess in guesses]

    return Made(name, size, predict, seconds)


def written(job: Job, name: str, path: Path) -> str:
    """Write the texts of a split in fastText's format, labels by their numbers, since they may have spaces."""
    numbers = {label: number for number, label in enumerate(job.labels)}
    examples = job.texts[name]
    lines = (
        f"__label__{numbers[label]} {' '.join(tokenize(text))}\n"
        for text, label in zip(examples.texts, examples.labels, strict=True)
    )
    path.write_text("".join(lines), "utf-8")
    return str(path)
