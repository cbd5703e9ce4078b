"""Files written by `export`, in ONNX Runtime; as a peer, the dense model of a run as such a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from prunetext.data.scores import levels_of
from prunetext.data.task import Task
from prunetext.errors import MissingExtraError, ModelFileError, require
from prunetext.peers.registry import AbsentError, Peer, PeerTraining, bytes_on_disk, folder_of
from prunetext.runtime.encoder import Encoder
from prunetext.statistics.answers import Answering, Answers, Array, OpenedModel

if TYPE_CHECKING:
    from importlib.metadata import Distribution

    from prunetext.data.dataset import Input

ENDING = ".onnx"
BATCH = 32  # texts of about one length

# Texts of about one length share a batch, which then has little padding.
ONNX_CODE = """
import json
import onnxruntime
from prunetext import Encoder
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = THREADS
session = onnxruntime.InferenceSession(PATH, options, providers=["CPUExecutionProvider"])
metadata = session.get_modelmeta().custom_metadata_map
encoder = Encoder(json.loads(metadata["vocabulary"]), json.loads(metadata["tokenizer"]))
names = json.loads(metadata["labels"])
pairs = "positive" in metadata
def predict(texts):
    order = sorted(range(len(texts)), key=lambda at: len("".join(texts[at])))
    found = [None] * len(texts)
    for start in range(0, len(texts), 32):
        batch = order[start : start + 32]
        some = [texts[at] for at in batch]
        (probabilities,) = session.run(None, encoder.encode_pairs(some) if pairs else {"ids": encoder.encode(some)})
        for at, best in zip(batch, probabilities.argmax(1).tolist()):
            found[at] = names[best]
    return found
"""


class Session:
    """An exported file, read by its own metadata; ModelFileError if these are not enough.

    Session(Path("reviews.onnx")).probabilities(["great film"])    # float32 (1, classes)
    """

    def __init__(self, path: Path) -> None:
        ort, self.path = require("onnxruntime", extra="onnx"), path
        if not path.is_file():
            raise FileNotFoundError(2, "No such file or directory", str(path))
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1  # for so few texts, waiting for more would cost time
        try:
            # Its bytes, since ONNX Runtime takes no name that is not Unicode.
            self.session = ort.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
            stored = self.session.get_modelmeta().custom_metadata_map
            self.metadata: dict[str, Any] = {key: json.loads(value) for key, value in stored.items()}
            self.labels, limits = list(self.metadata["labels"]), self.metadata.get("thresholds")
            self.pairs, self.scored = "positive" in self.metadata, "levels" in self.metadata
            if self.scored:
                levels_of(self.labels)
                limits = [0.5] * len(self.labels)
            self.limits = None if limits is None else np.array(limits, float)
            self.encoder = Encoder(self.metadata["vocabulary"], self.metadata.get("tokenizer", "bert/1"))
            width = self.probabilities([("a", "a") if self.pairs else "a"]).shape[1]
            limits = np.zeros(width) if self.limits is None else self.limits
            if len({*map(str, self.labels)}) != width or limits.shape != (width,):
                raise ValueError("its labels or thresholds are not those of the graph")
        except Exception as error:  # ONNX Runtime's errors have no narrower base
            raise ModelFileError(
                f"{path}: this is not an ONNX file of prunetext, or it is damaged. Give a file written by "
                "prunetext export."
            ) from error

    @property
    def task(self) -> Task:
        """The model's task."""
        answer = "score" if self.scored else "labels" if "thresholds" in self.metadata else "label"
        return Task(2 if self.pairs else 1, answer)

    def probabilities(self, inputs: Sequence[Input]) -> Array:
        """Probabilities of texts, or of pairs, in one batch."""
        given: Any = inputs
        fed = self.encoder.encode_pairs(given) if self.pairs else {"ids": self.encoder.encode(given)}
        try:
            found: Array = self.session.run(None, fed)[0]
        except Exception as error:  # as above
            rule = "the graph does not take the words of its own vocabulary"
            raise ModelFileError(f"{self.path}: {rule}. Export the model again.") from error
        return found

    def answers(self, inputs: Sequence[Input]) -> Answers:
        """Probabilities, in batches of texts of about one length."""
        order = sorted(range(len(inputs)), key=lambda at: len("".join(inputs[at])))
        found = np.zeros((len(inputs), len(self.labels)), np.float32)
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            found[batch] = self.probabilities([inputs[at] for at in batch])
        return Answers.of(found, self.limits)


def onnx_file(path: Path) -> Answering:
    """An exported file, run by ONNX Runtime on one thread."""
    session = Session(path)
    return OpenedModel(str(path), session.labels, session.task, session.answers)


def onnx(training: PeerTraining, found: Distribution) -> Peer:
    """The dense model of MODEL's run, exported."""
    dense = training.model.with_name("dense.safetensors")
    if not dense.exists():
        raise AbsentError(f"there is no {dense.name} beside the model")
    path = training.folder / "dense.onnx"
    try:
        training.export(dense, path)
    except MissingExtraError as error:
        raise AbsentError(str(error).rstrip(".")) from error
    name = f"{found.name} with the dense model"
    return Peer(name, found.version, ONNX_CODE, str(path), bytes_on_disk(path), threaded=True, folder=folder_of(found))
