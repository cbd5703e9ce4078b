"""FastText as a peer: trained in a process of its own, since its C++ can abort that process, or go on for ever."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from prunetext.data.task import Task
from prunetext.errors import MissingExtraError, ModelFileError
from prunetext.peers.made import Given, Made
from prunetext.runtime._native import tokenize
from prunetext.statistics.answers import Answering, Answers, OpenedModel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from prunetext.data.dataset import Examples, Input

KIND = "model of fastText"
FASTTEXT_MAGIC = (793712314).to_bytes(4, "little")  # with which its files begin
PREFIX = "__label__"
THREADS = 10  # with fewer its training can end with NaN
FEATURE_BYTES = 20  # of a .ftz file for each feature that it keeps, about: the first try
SIZE_TRIES, NEAR = 5, 0.9  # at a size, and the share of it that is near enough
BINARY = {"dim": 10, "wordNgrams": 2, "bucket": 200_000, "epoch": 5, "lr": 0.5}  # a size at which .ftz files are good
QUANTISED = {"retrain": True, "qnorm": True}
DURATION = "autotuneDuration"
PATIENCE = 120  # seconds after which a training is given up: some of its searches for a size go round in circles
TRAINING = """
import importlib, json, sys
options, path = json.loads(sys.argv[1]), sys.argv[2]
model = importlib.import_module(options["module"]).train_supervised(**options["train"])
if options["quantise"]:
    model.quantize(**options["quantise"])
model.save_model(path)
"""


def binary(given: Given, budget: int | None, options: Mapping[str, Any] = BINARY) -> Made | None:
    """FastText with bigrams, as it is trained."""
    return made("fastText .bin", given, options)


def quantised(given: Given, budget: int | None, options: Mapping[str, Any] = BINARY) -> Made | None:
    """FastText with bigrams, quantised, with as many features as fit; None if it finds no model so small."""
    assert budget is not None
    best, cutoff = None, budget // FEATURE_BYTES
    for _ in range(SIZE_TRIES):
        found = made("fastText .ftz", given, options, {**QUANTISED, "cutoff": cutoff})
        if found is None:  # it can not quantise so few
            break
        if found.bytes <= budget and (best is None or found.bytes > best.bytes):
            best = found
        if NEAR * budget <= found.bytes <= budget:
            break
        cutoff = int(cutoff * (1 + NEAR) / 2 * budget / found.bytes)
    return best


def autotuned(given: Given, budget: int | None, seconds: int) -> Made | None:
    """FastText, its parameters and size tuned on dev by itself; None if it finds no model so small."""
    assert budget is not None
    size = f"{max(1, budget // 1000)}k"
    found = made("fastText autotuned", given, {DURATION: seconds, "autotuneModelSize": size})
    return found if found is not None and found.bytes <= budget else None


def made(name: str, given: Given, train: Mapping[str, Any], quantise: dict[str, Any] | None = None) -> Made | None:
    """A model trained on a job's texts by the tokens that prunetext sees; None if its training fails."""
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

    asked = OpenedModel(KIND, name, given.labels, Task(), answering(model, given.labels, numbers, tokens))
    return Made(asked, size, predict, seconds)


def is_model(path: Path) -> bool:
    """Whether a file begins as fastText's models do."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == FASTTEXT_MAGIC


def fasttext_file(path: Path) -> Answering:
    """A model that fastText has written, .bin or .ftz; its labels are those of the file, sorted, without the prefix."""
    model = fasttext_model(path)
    labels = sorted(name.removeprefix(PREFIX) for name in model.get_labels())
    names = {label: label for label in labels}
    return OpenedModel(KIND, str(path), labels, Task(), answering(model, labels, names, lambda text: text))


def fasttext_model(path: Path) -> Any:
    """A model of fastText, by whichever package brings that."""
    try:
        import fasttext
    except ImportError:
        raise MissingExtraError(
            f"{path}: a fastText model needs the package fasttext, which is not installed: "
            "run pip install fasttext-numpy2."
        ) from None
    fasttext.FastText.eprint = lambda *arguments: None
    try:
        return fasttext.load_model(str(path))
    except ValueError as error:
        raise ModelFileError(f"{path}: fastText cannot read it ({error}). Give a .bin or .ftz file.") from None


def answering(
    model: Any, labels: list[str], names: Mapping[str, str], prepared: Callable[[str], str]
) -> Callable[[Sequence[Input]], Answers]:
    """How a model of fastText answers; names: what its labels stand for; prepared: what it is given of a text.

    A text of which it says nothing gets the first label.
    """
    place = {label: at for at, label in enumerate(labels)}

    def answer(inputs: Sequence[Input]) -> Answers:
        found = np.zeros((len(inputs), len(labels)), np.float32)
        lines = [" ".join(prepared(text).splitlines()) for text in inputs if isinstance(text, str)]
        for row, guesses, shares in zip(found, *model.predict(lines, k=-1), strict=True):
            for guess, share in zip(guesses, shares, strict=True):
                row[place[names[guess.removeprefix(PREFIX)]]] = min(share, 1.0)  # it adds 0.00001
        return Answers.of(found)

    return answer


def trained(
    path: Path,
    lines: str,
    train: Mapping[str, Any],
    quantise: dict[str, Any] | None = None,
    module: str = "fasttext",
    program: str = TRAINING,
    patience: float = PATIENCE,
) -> bool:
    """Train on a file of lines, in a process of its own, and write the model; tells whether that went well.

    module: what is imported, `fasttext` or one of the same functions. program: what the process runs, for
    at most so many seconds of `patience` besides those of a search.
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
    """Write the texts of a split as the tokens that prunetext sees."""
    return write_lines(path, given.texts[name], given.labels, lambda text: " ".join(tokenize(text)))


def write_lines(path: Path, examples: Examples, labels: list[str], line: Callable[[str], str]) -> str:
    """Write texts, each as its `line`, in fastText's format, labels by their numbers, since they may have spaces."""
    numbers = {label: number for number, label in enumerate(labels)}
    lines = (
        f"{PREFIX}{numbers[label]} {line(text)}\n" for text, label in zip(examples.texts, examples.labels, strict=True)
    )
    path.write_text("".join(lines), "utf-8")
    return str(path)
