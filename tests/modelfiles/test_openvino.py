"""OpenVINO's files answer as the model does, are the same for the same model, and are in place only when right."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prunetext
from helpers.cascades import packed_encoder_file
from helpers.commands import Call, assert_refused
from helpers.exports import LABELS, WORDS, save_packed
from helpers.packing import pack
from prunetext.data.task import Task
from prunetext.modelfiles.openvino import EXACT, Checked, write_openvino

openvino = pytest.importorskip("openvino")

TASKS = [Task(), Task(2), Task(1, "labels")]


def compiled(graph: Path) -> tuple[Any, Callable[[str], str]]:
    """A written graph as its users run it, and its metadata."""
    core = openvino.Core()
    model = core.read_model(graph)
    return core.compile_model(model, "CPU", EXACT), lambda name: model.get_rt_info(["framework", name]).astype(str)


@pytest.mark.parametrize("texts", [1, 2])
def test_a_textcnn_answers_as_its_file(random_model: Callable[..., Any], tmp_path: Path, texts: int) -> None:
    packed = tmp_path / "model.safetensors"
    pack(random_model(texts=texts), WORDS, LABELS[:3], packed, temperature=1.25)
    done = prunetext.export(packed, tmp_path / "model.xml", format="openvino")
    assert done.size == sum((tmp_path / f"model{end}").stat().st_size for end in (".xml", ".bin"))
    assert done.apart <= 1e-5
    run, said = compiled(done.path)
    assert json.loads(said("labels")) == LABELS[:3]
    encoder = prunetext.Encoder(json.loads(said("vocabulary")), json.loads(said("tokenizer")))
    some: Any = ["apple fig", "mango", ""] if texts == 1 else [("apple fig", "mango"), ("fig", "")]
    fed = {"ids": encoder.encode(some)} if texts == 1 else encoder.encode_pairs(some)
    expected = prunetext.load(packed).predict_proba(some)
    np.testing.assert_allclose(run(fed)["probabilities"], expected, atol=1e-5)


@pytest.mark.parametrize("task", TASKS)
def test_a_transformer_has_the_weights_of_its_file(tmp_path: Path, task: Task) -> None:
    packed = packed_encoder_file(tmp_path / "model.onnx", task, [0.5] * 3 if task.answer == "labels" else None)
    done = prunetext.export(packed, tmp_path / "model.xml", format="openvino")
    assert (done.texts, done.apart <= 1e-5) == (306, True)
    run, said = compiled(done.path)
    tokenizer = pytest.importorskip("tokenizers").Tokenizer.from_str(said("tokenizer.json"))
    some: Any = ("a great film", "dull") if task.texts == 2 else "a great film"
    read = tokenizer.encode(*some) if task.texts == 2 else tokenizer.encode(some)
    fed = {"input_ids": [read.ids], "attention_mask": [read.attention_mask], "token_type_ids": [read.type_ids]}
    found = run({name: np.array(each, np.int64) for name, each in fed.items()})["probabilities"]
    np.testing.assert_allclose(found, prunetext.load(packed).predict_proba([some]), atol=0.02)


def test_the_same_model_gives_the_same_bytes(random_model: Callable[..., Any], tmp_path: Path) -> None:
    packed = save_packed(random_model(), tmp_path / "run")
    for name in ("one", "two"):
        prunetext.export(packed, tmp_path / f"{name}.xml", format="openvino")
    for end in (".xml", ".bin"):
        data = (tmp_path / f"one{end}").read_bytes()
        assert data == (tmp_path / f"two{end}").read_bytes()
        assert str(tmp_path).encode() not in data


def test_files_that_answer_otherwise_are_not_left_behind(random_model: Callable[..., Any], tmp_path: Path) -> None:
    packed = save_packed(random_model(), tmp_path / "run")
    prunetext.export(packed, tmp_path / "right.onnx")
    data, target = (tmp_path / "right.onnx").read_bytes(), tmp_path / "model.xml"
    fed = [{"ids": np.ones((2, 5), np.int64)}]
    for wrong in (0.2, np.nan):
        checked = Checked(fed, [np.full((2, 3), wrong, np.float32)])
        with pytest.raises(prunetext.RunError, match="its probabilities would differ from those of run"):
            write_openvino(data, target, "run", checked)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["right.onnx", "run"]


def test_wrong_calls_are_refused(random_model: Callable[..., Any], tmp_path: Path, call: Call) -> None:
    packed = save_packed(random_model(), tmp_path / "run")
    with pytest.raises(prunetext.InputError, match="format is 'tflite': it must be onnx or openvino"):
        prunetext.export(packed, tmp_path / "model", format="tflite")
    done = call("export", packed, "--openvino", tmp_path / "model.bin")
    assert_refused(done, f"{tmp_path}/model.bin: OpenVINO reads a graph from a file that ends in .xml.")
    (tmp_path / "model.bin").mkdir()
    done = call("export", packed, "--openvino", tmp_path / "model.xml")
    assert_refused(done, f"{tmp_path}/model.bin: this is a folder")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["model.bin", "run"]


def test_no_file_but_an_older_export_is_replaced(random_model: Callable[..., Any], tmp_path: Path) -> None:
    packed = save_packed(random_model(), tmp_path / "run").rename(tmp_path / "model.bin")
    before = packed.read_bytes()
    with pytest.raises(prunetext.InputError, match=r"model\.bin: the graph's weights would replace this file"):
        prunetext.export(packed, tmp_path / "model.xml", format="openvino")
    (tmp_path / "model.xml").touch()
    with pytest.raises(prunetext.InputError, match=r"model\.bin: this is the model itself"):
        prunetext.export(packed, tmp_path / "model.xml", format="openvino")
    assert packed.read_bytes() == before
    for _ in range(2):
        prunetext.export(packed, tmp_path / "other.xml", format="openvino")


def test_the_command_writes_both_formats(random_model: Callable[..., Any], tmp_path: Path, call: Call) -> None:
    packed = save_packed(random_model(), tmp_path / "run")
    done = call("export", packed.parent, "--openvino", tmp_path / "model.xml", "--onnx", tmp_path / "model.onnx")
    assert (done.code, done.err) == (0, "")
    assert [line.split(":")[0] for line in done.out.splitlines()] == [
        f"{tmp_path}/model{end}" for end in (".onnx", ".xml")
    ]


def test_a_missing_package_is_named_with_its_extra(
    random_model: Callable[..., Any], tmp_path: Path, uninstall: Callable[[str], None]
) -> None:
    packed = save_packed(random_model(), tmp_path / "run")
    uninstall("openvino")
    with pytest.raises(prunetext.MissingExtraError, match=r"openvino, which .* pip install 'prunetext\[openvino\]'"):
        prunetext.export(packed, tmp_path / "model.xml", format="openvino")
