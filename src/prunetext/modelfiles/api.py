"""What can be done with a model file: label texts, look inside, write it for other runtimes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from prunetext.errors import InputError, RunError, require
from prunetext.modelfiles.exporting import (
    MOST_APART,
    Exported,
    answers_of,
    check_target,
    graph_of,
    largest_difference,
    packed_file,
    some_pairs,
    some_texts,
)
from prunetext.modelfiles.header import is_float, read_header
from prunetext.modelfiles.inspection import Inspection, inspect_float, inspect_packed
from prunetext.modelfiles.prediction import load_packed, predict_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunetext.runtime.classifier import Classifier


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


def inspect(model: str | os.PathLike[str], *, words: int = 0) -> Inspection:
    """Say what is in a model file, after the checks that loading makes.

        found = prunetext.inspect("runs/reviews/model.safetensors")
        found.words, found.parts["vocabulary"]     # (1875, 6310)

    words: how many words to name. FileNotFoundError for a missing path, else ModelFileError.
    """
    if words < 0:
        raise InputError(f"words is {words}: it must be 0 or more.")
    header = read_header(model)
    if is_float(model):
        return inspect_float(model, header, words)
    load_packed(model)
    return inspect_packed(model, header, words)


def export(model: str | os.PathLike[str], out: str | os.PathLike[str]) -> Exported:
    """Write a model as a standard ONNX file, checked against the model.

        prunetext.export("runs/reviews/model.safetensors", "reviews.onnx").size    # 23711

        session = onnxruntime.InferenceSession("reviews.onnx")
        metadata = session.get_modelmeta().custom_metadata_map
        ids = prunetext.Encoder(json.loads(metadata["vocabulary"])).encode(["great film", "dull"])
        (probabilities,) = session.run(None, {"ids": ids})    # float32 (2, classes)

    model: a packed file, a float file of a run, or the folder of a run, whose packed file is taken. The file takes
    `ids`, int64 (batch, length), as `Encoder` gives them, and gives `probabilities`, float32 (batch, classes). That of
    a model of pairs takes what `Encoder.encode_pairs` gives: `session.run(None, encoder.encode_pairs(pairs))`. Its
    metadata hold vocabulary, labels, tokenizer and temperature, and the thresholds of several labels, each as JSON. The
    same model gives the same bytes. `out` is replaced once the new file has answered some hundred texts as the model
    does; RunError where a probability differs by more than 0.00001. InputError for an `out` that cannot be,
    ModelFileError for what is no model. Needs the extra `onnx`.
    """
    for package in ("torch", "onnx", "onnxruntime"):
        require(package, extra="onnx")
    source, target = packed_file(Path(model)), Path(out)
    check_target(target, source)
    proto, words, answer, pairs = graph_of(source)
    beside = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        beside.write_bytes(proto.SerializeToString(deterministic=True))
        texts = some_pairs(words) if pairs else some_texts(words)
        apart = largest_difference(answers_of(beside), answer, texts)
        if not apart <= MOST_APART:  # not so either where there is none, as of infinite weights
            raise RunError(
                f"{target}: its probabilities would differ by up to {apart:.1g} from those of {source}, where "
                f"{MOST_APART:g} is allowed, so that it was not written. Export another model of the run."
            )
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return Exported(target, target.stat().st_size, len(texts), apart)
