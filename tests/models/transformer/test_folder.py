"""Hugging Face folders that are read, and those that are refused with what is wrong."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from helpers.encoders import encoder_folder
from prunetext.errors import InputError
from prunetext.models.transformer.floats import encoder_of
from prunetext.models.transformer.folder import read_pretrained
from prunetext.models.transformer.layout import Layout

Change = Callable[[dict[str, Any], dict[str, torch.Tensor]], None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT's folder."""
    path = tmp_path_factory.mktemp("bert")
    encoder_folder(path)
    return path


@pytest.fixture
def copied(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "model"))


def changed(folder: Path, change: Change) -> Path:
    """The folder with another configuration, or other tensors."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    tensors = load_file(folder / "model.safetensors")
    change(config, tensors)
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    save_file(tensors, folder / "model.safetensors")
    return folder


def without(name: str) -> Change:
    return lambda config, tensors: tensors.pop(name)  # type: ignore[return-value]


def config_of(**values: Any) -> Change:
    return lambda config, tensors: config.update(values)


def tensor(name: str, make: Callable[[torch.Tensor], torch.Tensor]) -> Change:
    return lambda config, tensors: tensors.update({name: make(tensors[name])})


LAYER = "encoder.layer.0."


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (config_of(model_type="gpt2"), "its model_type is gpt2. Give an encoder of one of bert, roberta"),
        (config_of(hidden_act="tanh"), "its activation is tanh"),
        (config_of(num_attention_heads=0), "this is no whole bert"),
        (config_of(num_attention_heads="x"), "this is no whole bert"),
        (config_of(hidden_size=None), "this is no whole bert"),
        (config_of(max_position_embeddings=4096), "its table of positions is not that of its configuration"),
        (config_of(position_embedding_type="relative_key"), "it has relative positions, or is a decoder"),
        (without("embeddings.word_embeddings.weight"), "this is no whole bert"),
        (without("embeddings.position_embeddings.weight"), "it has no positions"),
        (without(f"{LAYER}attention.output.LayerNorm.weight"), "its layer 0 has no norm behind its attention"),
        (without(f"{LAYER}intermediate.dense.weight"), "this is no whole bert"),
        (tensor(f"{LAYER}output.dense.weight", lambda each: each[:, 1:].contiguous()), "has the wrong shape"),
        (tensor(f"{LAYER}output.dense.bias", lambda each: each[1:].clone()), "has the wrong shape"),
        (tensor(f"{LAYER}output.dense.bias", lambda each: each / 0), "has a number that is not finite"),
        (tensor(f"{LAYER}output.dense.bias", lambda each: each.long()), "has a number that is not finite"),
    ],
)
def test_a_folder_that_does_not_fit_together_is_refused(copied: Path, change: Change, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_pretrained(changed(copied, change))


def test_a_layer_that_is_missing_is_refused(copied: Path) -> None:
    def change(config: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        for name in [name for name in tensors if name.startswith(LAYER)]:
            del tensors[name]

    with pytest.raises(InputError, match="some of its layers are missing"):
        read_pretrained(changed(copied, change))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("config.json", None, "this is not the configuration of a transformer"),
        ("config.json", b"[1]", "this is not the configuration of a transformer"),
        ("config.json", b"[" * 100_000, "this is not the configuration of a transformer"),
        ("model.safetensors", None, "it has no model.safetensors. Save the model with save_pretrained"),
        ("model.safetensors", b"\x80\x02]", "its model.safetensors is damaged"),
        ("tokenizer.json", None, "the folder has no tokenizer.json"),
        ("tokenizer.json", b"\xff", "the folder has no tokenizer.json"),
        ("model.safetensors.index.json", b'{"weight_map": {"a": "../other.safetensors"}}', None),
    ],
)
def test_files_that_are_missing_or_damaged_are_refused(
    copied: Path, name: str, content: bytes | None, said: str | None
) -> None:
    if content is None:
        (copied / name).unlink()
    else:
        (copied / name).write_bytes(content)
    if said is None:  # files that lie elsewhere are not read
        (copied / "model.safetensors").unlink()
        said = "it has no ../other.safetensors"
    with pytest.raises(InputError, match=said):
        read_pretrained(copied)


def test_weights_may_lie_in_several_files(whole: Path, copied: Path) -> None:
    tensors = load_file(copied / "model.safetensors")
    (copied / "model.safetensors").unlink()
    names = sorted(tensors)
    places = {name: f"part{at % 2}.safetensors" for at, name in enumerate(names)}
    for file in set(places.values()):
        save_file({name: tensors[name] for name in names if places[name] == file}, copied / file)
    (copied / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}), "utf-8")
    found, expected = read_pretrained(copied).tensors, read_pretrained(whole).tensors
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], each) for name, each in expected.items())


def test_no_weights_of_another_kind_are_read(copied: Path) -> None:
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    with pytest.raises(InputError, match="checkpoints of other kinds can run code and are not read"):
        read_pretrained(copied)


@pytest.mark.parametrize(
    "values",
    [
        [],
        {"head_size": 0},
        {"head_size": "8"},
        {"head_size": 8, "unknown": 1},
        {"head_size": 8, "activation": "tanh"},
        {"head_size": 8, "epsilon": float("nan")},
        {"head_size": 8, "epsilon": 0.0},
        {"head_size": 8, "norm_first": 1},
        {"head_size": 8, "pooling": "last"},
        {"head_size": 8, "dropout": 1.0},
        {"head_size": 8, "longest": 1},
        {"head_size": 8, "thetas": [1e4]},
        {"head_size": 7, "thetas": [1e4], "windows": [0]},
        {"head_size": 8, "thetas": [1.0], "windows": [0]},
        {"head_size": 8, "first_position": -1},
        {"head_size": 8, "first_position": 1 << 40},
    ],
)
def test_an_impossible_layout_is_refused(values: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        Layout.of(values)


def test_a_float_file_whose_head_does_not_fit_is_refused(whole: Path) -> None:
    found = read_pretrained(whole)
    head = {"head.weight": torch.zeros(2, 32), "head.bias": torch.zeros(2), "present": torch.ones(2)}
    assert encoder_of({**found.tensors, **head}, found.layout).classes == 2
    for wrong in (
        {"head.weight": torch.zeros(2, 31)},
        {"head.bias": torch.zeros(3)},
        {"present": torch.ones(3)},
        {"present": torch.zeros(2)},
        {"head.bias": torch.tensor([0.0, float("inf")])},
    ):
        with pytest.raises(ValueError, match="its head"):
            encoder_of({**found.tensors, **head, **wrong}, found.layout)
