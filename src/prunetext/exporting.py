"""A model as an ONNX file, which other runtimes read; checked against the model before it is in place."""

from __future__ import annotations

import json
import os
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from prunetext.errors import InputError, RunError, require
from prunetext.modelfiles import is_float
from prunetext.runtime.classifier import load
from prunetext.runtime.ids import Encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from onnx import ModelProto

    Items = Sequence[str | tuple[str, str]]  # texts, or pairs of them
    Answer = Callable[[Any], NDArray[np.float32]]  # the probabilities of some of these

MOST_APART = 1e-5  # of a probability of the file from the model's
TEXTS, BATCH = 300, 50  # of the check
LONGEST = 60  # words of its longest text but one


class Exported(NamedTuple):
    """A file that `export` has written: its bytes, and how many texts, or pairs of them, it was checked on.

    `apart` is the largest difference of a probability from the model's own.
    """

    path: Path
    size: int
    texts: int
    apart: float


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


def packed_file(model: Path) -> Path:
    """The model's file: of a run, the packed one."""
    if not model.is_dir():
        return model
    if not (model / "model.safetensors").is_file():
        raise RunError(f"{model} holds no finished run: its model.safetensors is missing. Give the --out of a fit.")
    return model / "model.safetensors"


def check_target(target: Path, source: Path) -> None:
    """Refuse a file that cannot be written, or must not be."""
    if target.is_dir():
        raise InputError(f"{target}: this is a folder. Give the name of the file to write, such as model.onnx.")
    if not target.parent.is_dir():
        raise InputError(f"{target}: there is no folder {target.parent}. Make it, or give another name.")
    if target.exists() and source.exists() and target.samefile(source):
        raise InputError(f"{target}: this is the model itself. Give another name, such as model.onnx.")


def graph_of(source: Path) -> tuple[ModelProto, list[str], Answer, bool]:
    """The graph, the words that the model was given, what it answers itself, and whether that is about pairs."""
    from prunetext.packing.onnx import float_graph, packed_graph

    if not is_float(source):
        from prunetext.runtime.reference import ReferenceModel

        classifier, model = load(source), ReferenceModel(source)
        return packed_graph(model), list(model.row_of), classifier.predict_proba, model.pairs
    from prunetext.floats import load_float
    from prunetext.runtime._native import Vocabulary
    from prunetext.training.distillation import softened
    from prunetext.training.examples import encode_inputs
    from prunetext.training.loop import logits

    found = load_float(source)

    def answer(texts: Items) -> NDArray[np.float32]:
        examples = encode_inputs(texts, Vocabulary(found.words))
        several = found.thresholds is not None
        probabilities: NDArray[np.float32] = softened(logits(found.model, examples), 1.0, several).numpy()
        return probabilities

    graph = float_graph(found.model, found.words, found.labels, found.thresholds)
    return graph, found.words, answer, found.model.texts == 2


def answers_of(path: Path) -> Answer:
    """What an exported file answers, with nothing known but what it says of itself."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # for so few texts, more would be waited for
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    encoder = Encoder(json.loads(metadata["vocabulary"]))

    def answer(texts: Any) -> NDArray[np.float32]:
        fed = encoder.encode_pairs(texts) if "positive" in metadata else {"ids": encoder.encode(texts)}
        probabilities: NDArray[np.float32] = session.run(None, fed)[0]
        return probabilities

    return answer


def some_texts(words: Sequence[str]) -> list[str]:
    """The same texts every time: none, one word, unknown ones, and the vocabulary's at random, short and long."""
    unseen = "x"
    while unseen in words:
        unseen += "x"
    random, known = Random(0), [*words, unseen]
    lengths = [random.randint(1, LONGEST) for _ in range(TEXTS)] + [20 * LONGEST]
    return ["", unseen, *words[:1], *(" ".join(random.choices(known, k=length)) for length in lengths)]


def some_pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    """Each of these texts beside one that has some of its words, in some of its order, among others."""
    random, texts = Random(0), some_texts(words)
    pairs = []
    for first, other in zip(texts, [*texts[1:], ""], strict=True):
        own = first.split(" ")
        cut = random.randint(0, len(own))
        pairs.append((first, " ".join([*own[cut:], *other.split(" ")[: random.randint(0, LONGEST)], *own[: cut // 2]])))
    return pairs


def largest_difference(first: Answer, second: Answer, texts: Items) -> float:
    """The largest difference of two probabilities of the same text and label, in batches of mixed lengths and alone."""
    import numpy as np

    batches: list[Items] = [texts[at : at + BATCH] for at in range(0, len(texts), BATCH)]
    batches += [[text] for text in texts[:BATCH]]  # which have no padding
    return float(np.max([np.abs(first(batch) - second(batch)).max() for batch in batches]))
