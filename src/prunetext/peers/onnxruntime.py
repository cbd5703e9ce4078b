"""ONNX Runtime with the dense model: what the run would be deployed as, had nothing been pruned and packed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunetext.errors import MissingExtraError
from prunetext.modelfiles.api import export
from prunetext.peers.registry import AbsentError, Peer, PeerTraining, bytes_on_disk, folder_of

if TYPE_CHECKING:
    from importlib.metadata import Distribution

# Texts of about one length go together, so that little of a batch is padding.
ONNX_CODE = """
import json
import onnxruntime
from prunetext import Encoder
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = THREADS
session = onnxruntime.InferenceSession(PATH, options, providers=["CPUExecutionProvider"])
metadata = session.get_modelmeta().custom_metadata_map
encoder, names = Encoder(json.loads(metadata["vocabulary"])), json.loads(metadata["labels"])
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


def onnx(training: PeerTraining, found: Distribution) -> Peer:
    """The dense model of MODEL's run, exported."""
    dense = training.model.with_name("dense.safetensors")
    if not dense.exists():
        raise AbsentError(f"there is no {dense.name} beside the model")
    path = training.folder / "dense.onnx"
    try:
        export(dense, path)
    except MissingExtraError as error:
        raise AbsentError(str(error).rstrip(".")) from error
    name = f"{found.name} with the dense model"
    return Peer(name, found.version, ONNX_CODE, str(path), bytes_on_disk(path), threaded=True, folder=folder_of(found))
