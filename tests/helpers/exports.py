"""Models to export, and an exported file as a user has it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

import prunetext
from helpers.packing import pack, trained_model
from prunetext.fitting.folder import Run
from prunetext.models.textcnn.model import TextCNN

WORDS = ["zebra", "apple", "ø", "mango", "影", "fig", "电"]
LABELS = ["ä", 'b"', "c", "d", "e"]


class Session:
    """An exported file with nothing but what it says of itself."""

    def __init__(self, path: Path) -> None:
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        stored = self.session.get_modelmeta().custom_metadata_map
        self.metadata = {key: json.loads(value) for key, value in stored.items()}
        self.encoder = prunetext.Encoder(self.metadata["vocabulary"])

    def run(self, **inputs: np.ndarray) -> np.ndarray:
        return np.asarray(self.session.run(["probabilities"], inputs)[0])

    def predict_proba(self, texts: Sequence[Any]) -> np.ndarray:
        """Of texts, or of pairs of them."""
        if isinstance(texts[0], tuple):
            return self.run(**self.encoder.encode_pairs(texts))
        return self.run(ids=self.encoder.encode(texts))


def save_float(model: TextCNN, folder: Path) -> Path:
    """Write the float file of a run; its path."""
    with Run(folder, {}, overwrite=True) as run:
        run.save("dense.safetensors", trained_model(model, WORDS, LABELS[: model.head.out_features]))
        return run.path("dense.safetensors")


def save_packed(model: TextCNN, folder: Path) -> Path:
    """Write a packed file into a new folder like that of a run; its path."""
    folder.mkdir()
    pack(model, WORDS, LABELS[: model.head.out_features], folder / "model.safetensors", temperature=1.25)
    return folder / "model.safetensors"
