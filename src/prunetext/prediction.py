"""Labels for texts that stand in a file or come through a pipe."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from prunetext.data.texts import read_pairs, read_texts
from prunetext.errors import InputError, ModelFileError
from prunetext.modelfiles import is_float
from prunetext.runtime.classifier import Classifier, check_threads, load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def predict(
    model: str | os.PathLike[str] | Classifier,
    source: str | Path,
    *,
    text: str | None = None,
    text_b: str | None = None,
    encoding: str = "utf-8",
    threads: int | None = None,
    reject: bool = False,
) -> Iterator[tuple[str | None, float]]:
    """Label the texts of a file, one after the other, however many there are.

        for label, probability in prunetext.predict("runs/reviews/model.safetensors", "reviews.txt"): ...

    source: a file with a text a line, a .csv, .tsv, .jsonl or .parquet table, or `-` for standard input; fastText's
    labels before a text are left out. For a model of pairs a line is the first text, a tab, and the second one. text,
    text_b: the names of the table's columns, where they are not usual ones. encoding: of text files. threads: by
    default, all cores where there is much text. Yields the most probable label of each text, and its probability; with
    `reject` None for the label where the probability is below the file's threshold; for a model of several labels, a
    list of labels and probabilities for each text. `InputError` for what is wrong with the arguments at once, and for
    what is wrong with the file when it is met.
    """
    chunks = predict_chunks(model, source, text=text, text_b=text_b, encoding=encoding, threads=threads, reject=reject)
    return (answer for chunk in chunks for answer in chunk)


def predict_chunks(
    model: str | os.PathLike[str] | Classifier,
    source: str | Path,
    *,
    text: str | None,
    text_b: str | None = None,
    encoding: str,
    threads: int | None,
    reject: bool = False,
) -> Iterator[list[tuple[str | None, float]]]:
    """Label texts as they arrive: a list of (label, probability) for each chunk of the source."""
    if threads is not None:
        check_threads(threads)
    classifier = load_packed(model)
    classifier.predict([], reject=reject)  # which says at once where there is no threshold
    chunks = inputs_for(classifier, source, text=text, text_b=text_b, encoding=encoding)
    return (classifier.predict_with_probability(chunk, threads, reject=reject) for chunk in chunks)


def inputs_for(
    classifier: Classifier, source: str | Path, *, text: str | None, text_b: str | None, encoding: str
) -> Iterator[Any]:
    """What the classifier takes: chunks of texts, or of pairs of them."""
    if getattr(classifier, "task", "classification") == "pairs":
        return read_pairs(source, text=text, text_b=text_b, encoding=encoding)
    if text_b is not None:
        raise InputError(f"text_b is {text_b!r}, but the model labels single texts. Leave it out.")
    return read_texts(source, text=text, encoding=encoding)


def load_packed(model: str | os.PathLike[str] | Classifier) -> Classifier:
    """Load a packed file; a float one is refused with a pointer to its neighbour."""
    if isinstance(model, Classifier):
        return model
    try:
        return load(model)
    except ModelFileError as error:
        try:
            unpacked = is_float(model)
        except ModelFileError:
            unpacked = False
        if unpacked:
            raise ModelFileError(
                f"{os.fspath(model)}: this is a float model, which is there to be pruned and compared. "
                "Give the packed model.safetensors beside it."
            ) from None
        raise error from None
