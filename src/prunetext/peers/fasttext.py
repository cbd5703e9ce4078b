"""FastText as a peer: trained in a process of its own, which its C++ can abort or keep busy for ever."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunetext.data.task import Task
from prunetext.peers.fasttext_files import PREFIX, answering, fasttext_model
from prunetext.peers.made import Given, Made
from prunetext.runtime._native import tokenize
from prunetext.statistics.answers import OpenedModel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prunetext.data.dataset import Examples

THREADS = 10  # with fewer, its training can end with NaN
FEATURE_BYTES = 20  # of a .ftz file for each feature that it keeps, about: the first guess
SIZE_TRIES, NEAR = 5, 0.9  # tries for a size, and the share of it that is near enough
BINARY = {"dim": 10, "wordNgrams": 2, "bucket": 200_000, "epoch": 5, "lr": 0.5}  # a size that suits .ftz files
QUANTISED = {"retrain": True, "qnorm": True}
DURATION = "autotuneDuration"
PATIENCE = 120  # seconds after which a training is given up: some of its searches for a size never end
TRAINING = """
import importlib, json, sys
options, path = json.loads(sys.argv[1]), sys.argv[2]
model = importlib.import_module(options["module"]).train_supervised(**options["train"])
if options["quantise"]:
    model.quantize(**options["quantise"])
model.save_model(path)
"""


def binary(given: Given, budget: int | None, options: Mapping[str, Any] = BINARY) -> Made | None:
    """FastText with bigrams, not quantised."""
    return made("fastText .bin", given, options)


def quantised(given: Given, budget: int | None, options: Mapping[str, Any] = BINARY) -> Made | None:
    """FastText with bigrams, quantised, with as many features as fit; None if it finds no model so small."""
    assert budget is not None
    best, cutoff = None, budget // FEATURE_BYTES
    for _ in range(SIZE_TRIES):
        found = made("fastText .ftz", given, options, {**QUANTISED, "cutoff": cutoff})
        if found is None:  # it cannot quantise so few
            break
        if found.bytes <= budget and (best is None or found.bytes > best.bytes):
            best = found
        if NEAR * budget <= found.bytes <= budget:
            break
        cutoff = int(cutoff * (1 + NEAR) / 2 * budget / found.bytes)
    return best


def autotuned(given: Given, budget: int | None, seconds: int) -> Made | None:
    """FastText with parameters and size that it tunes on dev itself; None if it finds no model so small."""
    assert budget is not None
    size = f"{max(1, budget // 1000)}k"
    found = made("fastText autotuned", given, {DURATION: seconds, "autotuneModelSize": size})
    return found if found is not None and found.bytes <= budget else None


def made(name: str, given: Given, train: Mapping[str, Any], quantise: dict[str, Any] | None = None) -> Made | None:
    """A model trained on a job's texts, with prunetext's tokens; None if its training fails."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        files = {split: written(given, split, Path(folder) / split) for split in ("train", "dev")}
        if DURATION in train:
            train = {"autotuneValidationFile": files["dev"], **train}
        path = Path(folder) / "model"
        if not trained(path, files["train"], train, quantise):
            return None
        seconds, size = time.perf_counter() - began, path.stat().st_size
        model = fasttext_model(path)

    numbers = {str(number): label for number, label in enumerate(given.labels)}

    def tokens(text: str) -> str:
        return " ".join(tokenize(text))

    def predict(texts: list[str]) -> list[str]:
        guesses, _ = model.predict([tokens(text) for text in texts])
        return [numbers[guess[0].removeprefix(PREFIX)] if guess else given.labels[0] for guess in guesses]

    asked = OpenedModel(name, given.labels, Task(), answering(model, given.labels, numbers, tokens))
    return Made(asked, size, predict, seconds)


def trained(
    path: Path,
    lines: str,
    train: Mapping[str, Any],
    quantise: dict[str, Any] | None = None,
    module: str = "fasttext",
    program: str = TRAINING,
    patience: float = PATIENCE,
) -> bool:
    """Train on a file of lines, in a process of its own, and write the model; return whether that succeeded.

    module: to import, `fasttext` or one with the same functions. program: for the process to run. patience: its
    seconds at most, besides those of a search.
    """
    common = {"input": lines, "thread": THREADS, "verbose": 0}
    options = {"module": module, "train": {**common, **train}, "quantise": quantise and {**common, **quantise}}
    command = [sys.executable, "-c", program, json.dumps(options), str(path)]
    try:
        ended = subprocess.run(command, check=False, capture_output=True, timeout=patience + 3 * train.get(DURATION, 0))
    except subprocess.TimeoutExpired:
        return False
    return not ended.returncode and path.exists()


def written(given: Given, name: str, path: Path) -> str:
    """Write the texts of a split as prunetext's tokens."""
    return write_lines(path, given.texts[name], given.labels, lambda text: " ".join(tokenize(text)))


def write_lines(path: Path, examples: Examples, labels: list[str], line: Callable[[str], str]) -> str:
    """Write texts, each as its `line`, in fastText's format, with labels as numbers: names may have spaces."""
    numbers = {label: number for number, label in enumerate(labels)}
    lines = (
        f"{PREFIX}{numbers[label]} {line(text)}\n" for text, label in zip(examples.texts, examples.labels, strict=True)
    )
    path.write_text("".join(lines), "utf-8")
    return str(path)
