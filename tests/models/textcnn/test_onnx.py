"""An exported file answers as its model does, says itself how it is fed, and is in place only when it is right."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import prunetext
from helpers.packing import pack, trained_model
from prunetext.fitting.folder import Run
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.reading import encode_inputs
from prunetext.pruning.shrinking import all_kept, shrink
from prunetext.runtime.reference import ReferenceModel
from prunetext.training.answering import logits

WORDS = ["zebra", "apple", "ø", "mango", "影", "fig", "电"]
LABELS = ["ä", 'b"', "c", "d", "e"]
Model = Callable[..., TextCNN]
SHAPES: dict[str, Any] = {
    "filters": st.dictionaries(st.integers(1, 5), st.integers(1, 6), min_size=1, max_size=3),
    "pooling": st.sampled_from(["max", "max+mean"]),
    "classes": st.integers(2, 5),
    "seed": st.integers(0, 1000),
}


def some_texts(seed: int) -> list[str]:
    """None, one word, unknown ones, and long ones between short ones."""
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice([*WORDS, "unseen"], rng.integers(0, 12))) for _ in range(20)]
    return ["", "fig", "unseen", "mango " * 50, "Apple, apple!", *texts]


class Session:
    """An exported file as a user has it: with nothing but what it says of itself."""

    def __init__(self, path: Path) -> None:
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        stored = self.session.get_modelmeta().custom_metadata_map
        self.metadata = {key: json.loads(value) for key, value in stored.items()}
        self.encoder = prunetext.Encoder(self.metadata["vocabulary"], self.metadata["tokenizer"])

    def run(self, ids: np.ndarray) -> np.ndarray:
        return np.asarray(self.session.run(["probabilities"], {"ids": ids})[0])

    def predict_proba(self, texts: list[str]) -> np.ndarray:
        return self.run(self.encoder.encode(texts))


def save_float(model: TextCNN, folder: Path) -> Path:
    with Run(folder, {}, overwrite=True) as run:
        run.save("dense.safetensors", trained_model(model, WORDS, LABELS[: model.head.out_features]))
        return run.path("dense.safetensors")


@pytest.fixture
def packed(random_model: Model, tmp_path: Path) -> Path:
    """One packed file, in a folder like that of a run."""
    (tmp_path / "run").mkdir()
    path = tmp_path / "run" / "model.safetensors"
    pack(random_model(), WORDS, LABELS[:3], path, temperature=1.25)
    return path


@settings(max_examples=30)
@given(
    shape=st.fixed_dictionaries(SHAPES),
    table=st.sampled_from(["int8", "int16"]),
    temperature=st.sampled_from([1.0, 0.7, 3.0]),
)
def test_a_packed_model_and_its_export_give_the_same_answers(
    random_model: Model,
    tmp_path_factory: pytest.TempPathFactory,
    shape: dict[str, Any],
    table: str,
    temperature: float,
) -> None:
    folder = tmp_path_factory.mktemp("export")
    model = random_model(words=len(WORDS), **shape)
    pack(model, WORDS, LABELS[: shape["classes"]], folder / "model", table=table, temperature=temperature)
    done = prunetext.export(folder / "model", folder / "model.onnx")
    assert done.apart <= 1e-5
    texts, session = some_texts(shape["seed"]), Session(folder / "model.onnx")
    expected = ReferenceModel(folder / "model").predict_proba(texts)
    found = session.predict_proba(texts)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert found.argmax(1).tolist() == expected.argmax(1).tolist()
    alone = np.concatenate([session.predict_proba([text]) for text in texts])
    np.testing.assert_allclose(alone, found, rtol=0, atol=1e-6)


@settings(max_examples=20)
@given(shape=st.fixed_dictionaries(SHAPES), stays=st.lists(st.booleans(), min_size=7, max_size=7))
def test_a_float_model_and_its_export_give_the_same_answers(
    random_model: Model, tmp_path_factory: pytest.TempPathFactory, shape: dict[str, Any], stays: list[bool]
) -> None:
    model = random_model(words=len(WORDS), **shape)
    small = shrink(model, all_kept(model.groups()) | {"vocabulary": np.array(stays)}).eval()
    folder = tmp_path_factory.mktemp("export")
    prunetext.export(save_float(small, folder), folder / "model.onnx")
    texts, session = some_texts(shape["seed"]), Session(folder / "model.onnx")
    assert session.metadata["vocabulary"] == [word for word, kept in zip(WORDS, stays, strict=True) if kept]
    examples = encode_inputs(prunetext.runtime._native.Vocabulary(WORDS), texts)
    expected = logits(small, examples).softmax(1)
    np.testing.assert_allclose(session.predict_proba(texts), expected, rtol=0, atol=1e-5)


def test_word_ids_that_lead_to_other_rows_are_followed(random_model: Model, tmp_path: Path) -> None:
    model = random_model()
    model.remap = torch.tensor([0, 1, 4, 3, 1, 1, 8, 2, 4])  # as no run writes it: rows in disorder, shared and unused
    prunetext.export(save_float(model, tmp_path), tmp_path / "model.onnx")
    assert Session(tmp_path / "model.onnx").metadata["vocabulary"] == ["zebra", "apple", "影", "fig", "电"]


@pytest.mark.parametrize("kind", ["packed", "float"])
def test_padding_changes_nothing_and_any_batch_will_do(
    random_model: Model, packed: Path, tmp_path: Path, kind: str
) -> None:
    source = packed if kind == "packed" else save_float(random_model(), tmp_path / "other")
    prunetext.export(source, tmp_path / "model.onnx")
    session = Session(tmp_path / "model.onnx")
    ids = session.encoder.encode(some_texts(0))
    expected = session.run(ids)
    wide = session.run(np.pad(ids, ((0, 0), (0, 7))))
    np.testing.assert_allclose(wide, expected, rtol=0, atol=1e-6)
    empty = session.run(np.zeros((2, 0), np.int64))
    np.testing.assert_allclose(empty, expected[[0, 0]], rtol=0, atol=1e-6)
    assert len(np.unique(expected.round(3), axis=0)) > 5


def test_the_file_describes_itself(packed: Path, tmp_path: Path) -> None:
    prunetext.export(packed, tmp_path / "model.onnx")
    session = Session(tmp_path / "model.onnx")
    assert session.metadata == {
        "format": "prunetext-onnx/1",
        "labels": ["ä", 'b"', "c"],
        "temperature": 1.25,
        "tokenizer": "bert/1",
        "vocabulary": sorted(WORDS),
    }
    (ids,), (probabilities,) = session.session.get_inputs(), session.session.get_outputs()
    assert (ids.name, ids.type, ids.shape) == ("ids", "tensor(int64)", ["batch", "length"])
    assert (probabilities.name, probabilities.type) == ("probabilities", "tensor(float)")
    assert probabilities.shape == ["batch", 3]
    proto = onnx.load(tmp_path / "model.onnx")
    assert {each.domain for each in proto.opset_import} == {each.domain for each in proto.graph.node} == {""}
    assert (proto.opset_import[0].version, proto.ir_version, proto.producer_name) == (17, 8, "prunetext")


def test_the_threshold_goes_with_the_export(random_model: Model, tmp_path: Path) -> None:
    pack(random_model(), WORDS, LABELS[:3], tmp_path / "model", temperature=0.8, reject=0.625)
    prunetext.export(tmp_path / "model", tmp_path / "model.onnx")
    metadata = Session(tmp_path / "model.onnx").metadata
    assert (metadata["temperature"], metadata["reject"]) == (0.8, 0.625)


def test_the_table_takes_no_more_bytes_than_its_integers(random_model: Model, tmp_path: Path) -> None:
    model, sizes = random_model(words=5000, filters={2: 8, 3: 8}), {}
    for table in ("int8", "int16"):
        pack(model, [f"word{at}" for at in range(5000)], LABELS[:3], tmp_path / "model", table=table)
        sizes[table] = prunetext.export(tmp_path / "model", tmp_path / "model.onnx").size
    assert sizes["int16"] - sizes["int8"] == pytest.approx(5002 * 40, abs=100)
