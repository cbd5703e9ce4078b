"""The ONNX file of a model of scores: it gives the steps' probabilities and the score."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prunetext
from prunetext.data.scores import step_names
from prunetext.data.task import Task
from prunetext.models.protocol import Packing, Trained
from prunetext.models.textcnn.floats import read_float, write_float
from prunetext.models.textcnn.packing import pack
from prunetext.models.textcnn.reading import Reader

WORDS = ["film", "great", "dull", "a", "good", "bad", "the"]
LEVELS = [0.0, 0.5, 2.0, 5.0]
INPUTS = ["a great film", "", "dull bad film the the", "unseen"]
PAIRS = [("a great film", "great"), ("", "dull"), ("the the film", "film")]

onnxruntime = pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("texts", [1, 2])
@pytest.mark.parametrize("kind", ["packed", "float"])
def test_it_gives_the_models_scores(random_model: Callable[..., Any], tmp_path: Path, texts: int, kind: str) -> None:
    task = Task(texts, "score")
    trained = Trained("textcnn", random_model(texts=texts), step_names(LEVELS), task, Reader(WORDS))
    if kind == "packed":
        pack(trained, tmp_path / "model.safetensors", Packing(temperature=1.5))
    else:
        write_float(trained, tmp_path / "model.safetensors", {})
        assert read_float(tmp_path / "model.safetensors").task == task
    done = prunetext.export(tmp_path / "model.safetensors", tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(done.path.read_bytes(), providers=["CPUExecutionProvider"])
    metadata = {key: json.loads(value) for key, value in session.get_modelmeta().custom_metadata_map.items()}
    assert metadata["levels"] == LEVELS
    assert "thresholds" not in metadata
    encoder, inputs = prunetext.Encoder(metadata["vocabulary"]), INPUTS if texts == 1 else PAIRS
    given: Any = inputs
    fed = {"ids": encoder.encode(given)} if texts == 1 else encoder.encode_pairs(given)
    shares, scores = session.run(["probabilities", "score"], fed)
    own = prunetext.open_model(tmp_path / "model.safetensors")
    np.testing.assert_allclose(shares, own.answers(inputs).probabilities, atol=1e-5)
    if kind == "packed":
        np.testing.assert_allclose(scores, prunetext.load(tmp_path / "model.safetensors").predict(inputs), atol=1e-4)
    again = prunetext.open_model(done.path)
    assert again.task == task
    np.testing.assert_allclose(again.answers(inputs).probabilities, shares, atol=1e-6)


def test_a_float_file_with_other_steps_is_refused(random_model: Callable[..., Any], tmp_path: Path) -> None:
    trained = Trained("textcnn", random_model(), ["0 to 1", "2 to 3", "3 to 4"], Task(answer="score"), Reader(WORDS))
    write_float(trained, tmp_path / "model.safetensors", {})
    with pytest.raises(prunetext.InputError, match="its steps do not follow one another"):
        read_float(tmp_path / "model.safetensors")
