"""An exported file answers as its model does, says itself how it is fed, and is in place only when it is right."""

import json
import sys
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
from prunetext.modelfiles import exporting
from prunetext.models.textcnn import onnx as graphs
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
        self.encoder = prunetext.Encoder(self.metadata["vocabulary"])

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


def test_a_run_stands_for_its_packed_file_and_the_same_model_gives_the_same_bytes(packed: Path, tmp_path: Path) -> None:
    done = [prunetext.export(model, tmp_path / f"{at}.onnx") for at, model in enumerate((packed, packed.parent))]
    data = (tmp_path / "0.onnx").read_bytes()
    assert data == (tmp_path / "1.onnx").read_bytes()
    assert [each.size for each in done] == [len(data)] * 2
    assert str(tmp_path).encode() not in data


def test_the_table_takes_no_more_bytes_than_its_integers(random_model: Model, tmp_path: Path) -> None:
    model, sizes = random_model(words=5000, filters={2: 8, 3: 8}), {}
    for table in ("int8", "int16"):
        pack(model, [f"word{at}" for at in range(5000)], LABELS[:3], tmp_path / "model", table=table)
        sizes[table] = prunetext.export(tmp_path / "model", tmp_path / "model.onnx").size
    assert sizes["int16"] - sizes["int8"] == pytest.approx(5002 * 40, abs=100)


def spoil(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the graph be a little wrong."""
    right = graphs.decide
    monkeypatch.setattr(graphs, "decide", lambda *given: right(*given[:-2], given[-2] * 1.001, given[-1]))


def test_a_file_that_answers_otherwise_is_not_left_behind(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "model.onnx"
    prunetext.export(packed, out)
    before = out.read_bytes()
    spoil(monkeypatch)
    for target in (out, tmp_path / "new.onnx"):
        with pytest.raises(prunetext.RunError, match=r"would differ by up to 0\.0\d+ from those of .*, where 1e-05 is"):
            prunetext.export(packed, target)
    assert out.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["model.onnx", "run"]
    monkeypatch.undo()
    out.write_text("something older")
    prunetext.export(packed, out)
    assert out.read_bytes() == before


def test_an_interrupted_export_leaves_what_was_there(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(exporting, "largest_difference", interrupt)
    (tmp_path / "model.onnx").write_text("something older")
    with pytest.raises(KeyboardInterrupt):
        prunetext.export(packed, tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_text() == "something older"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["model.onnx", "run"]


@pytest.mark.parametrize(
    ("model", "out", "sentence"),
    [
        ("notes.txt", "model.onnx", "this is not a model file, or it is cut off. Give a file that"),
        ("missing", "model.onnx", "no such file or directory. Check the name"),
        (".", "model.onnx", "holds no finished run: its model.safetensors is missing. Give the --out of a fit."),
        ("run", "missing/model.onnx", "there is no folder"),
        ("run", "run", "this is a folder. Give the name of the file to write, such as model.onnx."),
        ("run", "run/model.safetensors", "this is the model itself. Give another name, such as model.onnx."),
        ("run", None, "onnx is missing. Give a file with --onnx."),
    ],
)
def test_bad_input_is_refused_in_one_sentence(
    packed: Path, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, model: str, out: str | None, sentence: str
) -> None:
    monkeypatch.chdir(packed.parent.parent)
    Path("notes.txt").write_text("a b c d e f g h i j k l m n o p")
    before = packed.read_bytes()
    done = call("export", model, *([] if out is None else ["--onnx", out]))
    assert (done.code, done.out) == (2, "")
    assert sentence in done.err
    assert done.err.count("\n") == 1
    assert sorted(str(each) for each in Path().glob("**/*")) == ["notes.txt", "run", "run/model.safetensors"]
    assert packed.read_bytes() == before


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named_with_its_extra(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(prunetext.MissingExtraError, match=rf"{package}, which .* pip install 'prunetext\[onnx\]'"):
        prunetext.export(packed, tmp_path / "model.onnx")


def test_the_command_says_what_it_wrote_and_how_it_was_checked(
    packed: Path, tmp_path: Path, call: Callable[..., Any]
) -> None:
    out = tmp_path / "model.onnx"
    done = call("export", packed.parent, "--onnx", out)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{out}: {out.stat().st_size:,} bytes; on 304 texts, probabilities differ by ")
