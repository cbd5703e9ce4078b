"""An exported model of pairs answers as the model does, fed with nothing but what it says of itself."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prunetext
from helpers.packing import pack, trained_model
from prunetext.fitting.folder import Run
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.reading import encode_inputs
from prunetext.runtime._native import Vocabulary
from prunetext.runtime.reference import ReferenceModel
from prunetext.training.answering import logits

WORDS = ["zebra", "apple", "ø", "mango", "影", "fig", "电"]
LABELS = ["ä", 'b"', "c", "d"]
Model = Callable[..., TextCNN]
Pairs = list[tuple[str, str]]
SHAPES: dict[str, Any] = {
    "filters": st.dictionaries(st.integers(1, 5), st.integers(1, 6), min_size=1, max_size=3),
    "pooling": st.sampled_from(["max", "max+mean"]),
    "classes": st.integers(2, 4),
    "seed": st.integers(0, 1000),
}
FIXED = [
    ("", ""),
    ("fig", ""),
    ("", "unseen fig"),
    ("unseen fig", "unseen fig"),
    ("mango " * 50, "Apple, apple!"),
]


def some_pairs(seed: int) -> Pairs:
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice([*WORDS, "unseen", "other"], rng.integers(0, 9))) for _ in range(20)]
    return [*FIXED, *pairwise(texts)]


class Session:
    """An exported file as a user has it."""

    def __init__(self, path: Path) -> None:
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        stored = self.session.get_modelmeta().custom_metadata_map
        self.metadata = {key: json.loads(value) for key, value in stored.items()}
        self.encoder = prunetext.Encoder(self.metadata["vocabulary"], self.metadata["tokenizer"])

    def predict_proba(self, pairs: Pairs) -> np.ndarray:
        return np.asarray(self.session.run(["probabilities"], self.encoder.encode_pairs(pairs))[0])


@settings(max_examples=20)
@given(shape=st.fixed_dictionaries(SHAPES), table=st.sampled_from(["int8", "int16"]))
def test_a_packed_model_and_its_export_give_the_same_answers(
    random_model: Model, tmp_path_factory: pytest.TempPathFactory, shape: dict[str, Any], table: str
) -> None:
    folder = tmp_path_factory.mktemp("export")
    model = random_model(texts=2, words=len(WORDS), **shape)
    pack(model, WORDS, LABELS[: shape["classes"]], folder / "model", table=table, temperature=1.5)
    done = prunetext.export(folder / "model", folder / "model.onnx")
    assert done.apart <= 1e-5
    pairs, session = some_pairs(shape["seed"]), Session(folder / "model.onnx")
    found = session.predict_proba(pairs)
    np.testing.assert_allclose(found, ReferenceModel(folder / "model").predict_proba(pairs), rtol=0, atol=1e-5)
    alone = np.concatenate([session.predict_proba([pair]) for pair in pairs])
    np.testing.assert_allclose(alone, found, rtol=0, atol=1e-6)


@settings(max_examples=15)
@given(shape=st.fixed_dictionaries(SHAPES))
def test_a_float_model_and_its_export_give_the_same_answers(
    random_model: Model, tmp_path_factory: pytest.TempPathFactory, shape: dict[str, Any]
) -> None:
    model = random_model(texts=2, words=len(WORDS), **shape)
    folder = tmp_path_factory.mktemp("export")
    with Run(folder / "run", {}, overwrite=True) as run:
        run.save("dense.safetensors", trained_model(model, WORDS, LABELS[: shape["classes"]]))
        dense = run.path("dense.safetensors")
    prunetext.export(dense, folder / "model.onnx")
    pairs, session = some_pairs(shape["seed"]), Session(folder / "model.onnx")
    expected = logits(model, encode_inputs(Vocabulary(WORDS), pairs)).softmax(1)
    np.testing.assert_allclose(session.predict_proba(pairs), expected, rtol=0, atol=1e-5)


def test_the_file_describes_itself(random_model: Model, tmp_path: Path) -> None:
    pack(random_model(texts=2), WORDS, LABELS[:3], tmp_path / "model", temperature=1.25)
    prunetext.export(tmp_path / "model", tmp_path / "model.onnx")
    session = Session(tmp_path / "model.onnx")
    assert session.metadata == {
        "format": "prunetext-onnx/1",
        "labels": LABELS[:3],
        "positive": "ä",
        "task": "pairs",
        "temperature": 1.25,
        "tokenizer": "bert/1",
        "vocabulary": sorted(WORDS),
    }
    assert [(each.name, each.type, each.shape) for each in session.session.get_inputs()] == [
        ("ids", "tensor(int64)", ["batch", "length"]),
        ("matched", "tensor(int64)", ["batch", "length"]),
        ("ids_b", "tensor(int64)", ["batch", "length_b"]),
        ("matched_b", "tensor(int64)", ["batch", "length_b"]),
    ]


def test_the_tables_stand_there_once(random_model: Model, tmp_path: Path) -> None:
    sizes = []
    for texts in (1, 2):
        model = random_model(texts=texts, words=5000, filters={2: 8, 3: 8})
        pack(model, [f"word{at}" for at in range(5000)], LABELS[:3], tmp_path / "model")
        sizes.append(prunetext.export(tmp_path / "model", tmp_path / "model.onnx").size)
    assert sizes[1] - sizes[0] < 20_000
