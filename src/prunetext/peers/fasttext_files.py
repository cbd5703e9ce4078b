"""Open fastText's model files."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr
from typing import TYPE_CHECKING, Any

import numpy as np

from prunetext.data.task import Task
from prunetext.errors import InputError, MissingExtraError, ModelFileError
from prunetext.statistics.answers import Answering, Answers, Array, OpenedModel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from prunetext.data.dataset import Input

FASTTEXT_MAGIC = (793712314).to_bytes(4, "little")  # at the beginning of its files
PREFIX = "__label__"
TEXTS_AT_ONCE = 1_000  # texts, with as many probabilities each as there are labels
# Seconds after which a file is taken to be damaged, and bytes that take one more: fastText reads some for ever.
LOADING, BYTES_A_SECOND = 20.0, 50_000_000
TRIAL = "import fasttext, sys; fasttext.load_model(sys.argv[1]).predict('a', k=1)"


def is_fasttext(path: Path) -> bool:
    """Whether a file begins like a fastText model."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == FASTTEXT_MAGIC


def fasttext_file(path: Path, patience: float = LOADING) -> Answering:
    """A fastText model, .bin or .ftz; its labels are those of the file, sorted, without the prefix.

    Trained with the loss `ova`, it gives any number of labels, each from 0.5 on. fastText trusts its files: a damaged
    one can end or block the process; so another process tries it first.
    """
    refuse_damaged(path, patience + path.stat().st_size / BYTES_A_SECOND)
    model = fasttext_model(path)
    labels = sorted(name.removeprefix(PREFIX) for name in model.get_labels())
    several = str(model.f.getArgs().loss).endswith("ova")
    thresholds = np.full(len(labels), 0.5) if several else None
    task = Task(answer="labels") if several else Task()
    answer = answering(model, labels, {label: label for label in labels}, lambda text: text, thresholds)
    return OpenedModel(str(path), labels, task, answer)


def refuse_damaged(path: Path, patience: float) -> None:
    """Load a file and label a text in a process of its own; ModelFileError if that fails or does not end."""
    find_fasttext(path)
    try:
        ended = subprocess.run(
            [sys.executable, "-c", TRIAL, str(path)],
            check=False,
            capture_output=True,
            timeout=patience,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    except subprocess.TimeoutExpired:
        ended = None
    if ended is None or ended.returncode:
        raise ModelFileError(f"{path}: fastText cannot read it, or it labels nothing. Give a whole .bin or .ftz file.")


def find_fasttext(path: Path) -> Any:
    """The module that reads fastText's files."""
    try:
        import fasttext
    except ImportError:
        fasttext = None
    if fasttext is None or not hasattr(fasttext, "load_model"):
        raise MissingExtraError(
            f"{path}: a fastText model needs the package fasttext, which is not installed: "
            "run pip install fasttext-numpy2."
        )
    return fasttext


def fasttext_model(path: Path) -> Any:
    """Load a fastText model, without the message that its reader prints."""
    with redirect_stderr(io.StringIO()):
        return find_fasttext(path).load_model(str(path))


def answering(
    model: Any,
    labels: list[str],
    names: Mapping[str, str],
    prepared: Callable[[str], str],
    thresholds: Array | None = None,
) -> Callable[[Sequence[Input]], Answers]:
    """How a fastText model answers; names: of its labels; prepared: makes its input from a text.

    A text without an answer gets the first label.
    """
    columns = {f"{PREFIX}{name}": labels.index(label) for name, label in names.items()}

    def answer(inputs: Sequence[Input]) -> Answers:
        found = np.zeros((len(inputs), len(labels)), np.float32)
        for start in range(0, len(inputs), TEXTS_AT_ONCE):
            lines = [fasttext_line(text, prepared) for text in inputs[start : start + TEXTS_AT_ONCE]]
            for row, (guesses, shares) in enumerate(zip(*model.predict(lines, k=-1), strict=True), start=start):
                found[row, [columns[guess] for guess in guesses]] = shares
        return Answers.of(np.minimum(found, 1), thresholds)  # fastText adds 0.00001 to each

    return answer


def fasttext_line(text: Input, prepared: Callable[[str], str]) -> str:
    """A text as fastText takes it: without line breaks, and without halves of characters."""
    if not isinstance(text, str):
        raise InputError("fastText labels single texts, but was given a pair. Give single texts.")
    return " ".join(prepared(text).splitlines()).encode("utf-8", "replace").decode()
