"""Labels for texts from a file or a pipe."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from prunetext.data.task import Task
from prunetext.data.texts import read_chunks
from prunetext.errors import ModelFileError
from prunetext.modelfiles.header import is_float
from prunetext.runtime.api import load
from prunetext.runtime.arguments import check_threads
from prunetext.runtime.classifier import Classifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Predicted(NamedTuple):
    """The answers to some texts, and for each the values of the columns that were asked for."""

    answers: list[Any]  # a label and its probability, or a list of them if a text can have several, or a score
    kept: list[tuple[object, ...]]


def predict_chunks(
    model: str | os.PathLike[str] | Classifier,
    source: str | Path | Any,
    *,
    threads: int | None,
    reject: bool = False,
    **reading: Any,
) -> Iterator[Predicted]:
    """Label texts as they arrive, a chunk of the source at a time; `reading` is as for `read_chunks`."""
    if threads is not None:
        check_threads(threads)
    classifier = load_packed(model)
    classifier.predict([], reject=reject)  # fails at once if there is no threshold
    chunks = read_chunks(Task.named(classifier.task), source, **reading)
    if classifier.levels is not None:
        return (Predicted(classifier.predict(chunk.inputs, threads), chunk.kept) for chunk in chunks)
    return (
        Predicted(classifier.predict_with_probability(chunk.inputs, threads, reject=reject), chunk.kept)
        for chunk in chunks
    )


def load_packed(model: str | os.PathLike[str] | Classifier) -> Classifier:
    """Load a packed file; a float file is refused, and the message points to the packed one."""
    if isinstance(model, Classifier):
        return model
    try:
        return load(model)
    except ModelFileError as error:
        if not isinstance(model, (str, os.PathLike)):
            raise
        try:
            unpacked = is_float(model)
        except ModelFileError:
            unpacked = False
        if unpacked:
            raise ModelFileError(
                f"{os.fspath(model)}: this is a float model, only for pruning and comparing. "
                "Give the packed model.safetensors beside it."
            ) from None
        raise error from None
