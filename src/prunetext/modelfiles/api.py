"""Use a model file: open it, label texts, look inside, write it for other runtimes."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from prunetext.errors import InputError, ModelFileError, require
from prunetext.modelfiles.cascades import CascadeInspection, inspect_cascade
from prunetext.modelfiles.encoders import EncoderInspection, inspect_encoder, inspect_float_encoder
from prunetext.modelfiles.exporting import (
    Exported,
    check_target,
    packed_file,
    some_pairs,
    some_texts,
    write_checked,
)
from prunetext.modelfiles.header import is_float, read_header
from prunetext.modelfiles.inspection import Inspection, inspect_float, inspect_packed
from prunetext.modelfiles.prediction import load_packed, predict_chunks
from prunetext.runtime.calls import A_COUNT, A_FLAG, A_MODEL, A_PATH, A_STR, SOME_DATA, takes
from prunetext.runtime.cascade_files import FIRST_FILE, SECOND_FILE
from prunetext.runtime.classifier import cascade_folder
from prunetext.runtime.onnx_files import is_onnx, is_packed_encoder

# What each format of `export` needs; its name is that of an extra, too.
EXPORT_FORMATS = {"onnx": ("torch", "onnx", "onnxruntime"), "openvino": ("torch", "onnx", "onnxruntime", "openvino")}

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from prunetext.runtime.classifier import Classifier
    from prunetext.statistics.answers import Answering


@takes(model=A_MODEL)
def open_model(model: str | os.PathLike[str] | Classifier | Answering | Any) -> Answering:
    """Open anything that labels texts.

        model = prunetext.open_model("runs/reviews/model.safetensors")
        model.labels                                        # ['neg', 'pos']
        probabilities, chosen = model.answers(["great film"])

    model: a packed file, a float file or the folder of a run, whose packed file is taken; the folder of a cascade; a
    `Classifier`; an .onnx file
    written by `export`; a .bin or .ftz file of fastText; a .jsonl, .csv, .tsv or .parquet file of probabilities; a
    scikit-learn classifier that takes texts, such as a pipeline; or any other object that is `Answering`.
    FileNotFoundError for a missing path, `InputError` for anything else.
    """
    require("numpy", extra="train")
    from prunetext.modelfiles.opening import opened

    return opened(model)


@takes(
    model=A_MODEL,
    source=SOME_DATA,
    text=A_STR,
    text_b=A_STR,
    encoding=A_STR,
    format=A_STR,
    quoting=A_STR,
    threads=A_COUNT,
    reject=A_FLAG,
)
def predict(
    model: str | os.PathLike[str] | Classifier,
    source: str | Path | Any,
    *,
    text: str | None = None,
    text_b: str | None = None,
    encoding: str = "utf-8",
    format: str | None = None,
    quoting: str = "auto",
    threads: int | None = None,
    reject: bool = False,
) -> Iterator[tuple[str | None, float]]:
    """Label the texts of a file of any size, one after the other.

        for label, probability in prunetext.predict("runs/reviews/model.safetensors", "reviews.txt"): ...

    source: a file with a text a line; a .csv, .tsv, .jsonl, .parquet or .xlsx table; a folder or a pattern of such
    files, which may be compressed; a DataFrame of pandas or Polars, or a Table of Arrow; or `-` for standard input.
    fastText's labels before a text are left out. For a model of pairs a line is the first text, a tab, and the second
    one. text, text_b: the names of the table's columns, if they are unusual. encoding, format and quoting: as for
    `prunetext.read`; standard input has one text a line if no format is given. threads: by default, all cores for much
    text. Yields the most probable label of each text, and its probability; with `reject`, the label is
    None if the probability is below the file's threshold. A model of several labels yields a list of labels and
    probabilities for each text, and a model of scores a float. Raises `InputError` for wrong arguments at once, and for
    errors in the file when they are met.
    """
    reading = {"text": text, "text_b": text_b, "encoding": encoding, "format": format, "quoting": quoting}
    chunks = predict_chunks(model, source, threads=threads, reject=reject, **reading)
    return (answer for chunk in chunks for answer in chunk.answers)


@takes(model=A_PATH, words=A_COUNT)
def inspect(model: str | os.PathLike[str], *, words: int = 0) -> Inspection | EncoderInspection | CascadeInspection:
    """Say what is in a model file, after the same checks as loading.

        found = prunetext.inspect("runs/reviews/model.safetensors")
        found.words, found.parts["vocabulary"]     # (1875, 6310)

    model: a packed file, a float file of a run, or the folder of a cascade. words: how many words of a TextCNN to list.
    FileNotFoundError for a missing path, else ModelFileError.
    """
    if words < 0:
        raise InputError(f"words is {words}: it must be 0 or more.")
    if (folder := cascade_folder(model)) is not None:
        return inspect_cascade(load_packed(model), folder, words)
    if is_onnx(model):
        return inspect_encoder(load_packed(model), os.fspath(model))
    header = read_header(model)
    if is_float(model):
        return inspect_float(model, words) if "layout" not in header.metadata else inspect_float_encoder(model)
    load_packed(model)
    return inspect_packed(model, header, words)


@takes(model=A_PATH, out=A_PATH, format=A_STR)
def export(model: str | os.PathLike[str], out: str | os.PathLike[str], *, format: str = "onnx") -> Exported:
    """Write a model for other runtimes, as a standard ONNX file or as OpenVINO's two files, checked against the model.

        prunetext.export("runs/reviews/model.safetensors", "reviews.onnx").size    # 23711

        session = onnxruntime.InferenceSession("reviews.onnx")
        metadata = session.get_modelmeta().custom_metadata_map
        ids = prunetext.Encoder(json.loads(metadata["vocabulary"])).encode(["great film", "dull"])
        (probabilities,) = session.run(None, {"ids": ids})    # float32 (2, classes)

    model: a packed file, a float file of a run, or the folder of a run, whose packed file is taken. The ONNX file takes
    `ids`, int64 (batch, length), from `Encoder`, and gives `probabilities`, float32 (batch, classes). For a model of
    pairs it takes the result of `Encoder.encode_pairs`: `session.run(None, encoder.encode_pairs(pairs))`. Its metadata
    hold vocabulary, labels, tokenizer and temperature, and the thresholds of several labels, each as JSON. format:
    "onnx", or "openvino" for a graph, whose name ends in .xml, with its weights in a .bin beside it. A transformer's
    packed file is ONNX already; as OpenVINO's files it has the same weights, and activations that are not rounded. The
    same model gives the same bytes. Files are written only after they have given the model's own answers on 300 texts;
    RunError if a probability differs by more than 0.00001. InputError for an impossible `out`, ModelFileError if
    `model` is not a model. Needs the extra `onnx` or `openvino`.
    """
    if format not in EXPORT_FORMATS:
        raise InputError(f"format is {format!r}: it must be {' or '.join(EXPORT_FORMATS)}.")
    for package in EXPORT_FORMATS[format]:
        require(package, extra=format)
    from prunetext.modelfiles.opening import OwnModel, opened
    from prunetext.modelfiles.openvino import (
        WEIGHTS_ENDING,
        check_graph_target,
        checked_words,
        encoder_as_openvino,
        write_openvino,
    )

    source, target = Path(model).expanduser(), Path(out).expanduser()
    if format == "openvino":
        check_graph_target(target)
    if cascade_folder(source) is not None:
        raise InputError(
            f"{source}: a cascade is two models. Export its {FIRST_FILE}; its {SECOND_FILE} is ONNX already."
        )
    source = packed_file(source)
    for each in (target, target.with_suffix(WEIGHTS_ENDING)) if format == "openvino" else (target,):
        check_target(each, source)
    own = opened(source)
    if not isinstance(own, OwnModel):
        if is_packed_encoder(source) and format == "openvino":
            return encoder_as_openvino(source, target)
        raise InputError(f"{source}: {no_graph(source)}")
    proto, words = own.graph()
    texts = some_pairs(words) if own.task.texts == 2 else some_texts(words)
    data = proto.SerializeToString(deterministic=True)

    def answer(some: Any) -> Any:
        return own.answers(some).probabilities

    if format == "openvino":
        return write_openvino(data, target, str(source), checked_words(proto, answer, texts))
    apart = write_checked(data, target, str(source), answer, texts)
    return Exported(target, target.stat().st_size, len(texts), apart)


def no_graph(source: Path) -> str:
    """Why a file cannot be written for other runtimes, and what to do."""
    if is_packed_encoder(source):
        return "this is an ONNX file already. Copy it."
    with suppress(ModelFileError):
        if is_float(source):
            return "this is a float transformer. Give its run, whose packed file is ONNX already."
    return "this is not a prunetext model. Give a file written by prunetext fit."
