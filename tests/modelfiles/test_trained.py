"""A float file gives back the model that was saved, or one sentence."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.packing import trained_model
from prunetext.errors import ModelFileError
from prunetext.fitting.folder import Run
from prunetext.modelfiles.trained import read_trained
from prunetext.models.tensors import load_tensors, save_tensors
from prunetext.models.textcnn.layout import Shape
from prunetext.models.textcnn.model import TextCNN


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with Run(tmp_path, {"data": "ab12"}, overwrite=False) as run:
        yield run


def test_a_saved_model_is_the_same_when_loaded(random_model: Callable[..., TextCNN], run: Run) -> None:
    assert run.load("dense.safetensors") is None
    model = random_model(pooling="max", filters={2: 3, 5: 1}, static=2)
    model.dropout = 0.125
    model.remap[-1] = 1
    words = [f"word{number}" for number in range(len(model.remap) - 2)]
    with torch.no_grad():
        model.embedding[0] = 0
    run.save("dense.safetensors", trained_model(model, words, ["ja", "nein", "vielleicht"])._replace(epochs=3))
    found = run.load("dense.safetensors")
    assert found is not None
    assert (found.reader.words, found.labels, found.epochs) == (words, ["ja", "nein", "vielleicht"], 3)
    loaded = found.model
    assert isinstance(loaded, TextCNN)
    assert (loaded.shape, loaded.static, loaded.dropout) == (model.shape, 2, 0.125)
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"words": "5"}, "its words are not 2 different strings"),
        ({"words": '["a"]'}, "its words are not 2 different strings"),
        ({"words": "[1, 2]"}, "its words are not 2 different strings"),
        ({"words": '["a", "a"]'}, "its words are not 2 different strings"),
        ({"dropout": "nan"}, "impossible"),
        ({"dropout": "-1"}, "impossible"),
        ({"labels": '["x"]'}, "its labels are not 2 different strings"),
        ({"pooling": "sum"}, "impossible"),
        ({"static": "9"}, "impossible"),
        ({"remap": 10**9}, "points to missing rows"),
        ({"remap": -1}, "points to missing rows"),
    ],
)
def test_a_float_model_that_contradicts_itself_is_refused(run: Run, changed: dict[str, Any], reason: str) -> None:
    model = TextCNN(Shape(2, dimensions=3, filters={1: 2}, classes=2, pooling="max"))
    trained = trained_model(model, ["a", "b"], ["x", "y"])._replace(epochs=3)
    run.save("dense.safetensors", trained)
    path = run.path("dense.safetensors")
    assert read_trained(path)._replace(model=model) == trained
    tensors, metadata = load_tensors(path)
    if "remap" in changed:
        tensors["remap"][-1] = changed.pop("remap")
    save_tensors(path, tensors, metadata | changed)
    with pytest.raises(ModelFileError, match=rf"not a whole float model of a run \(.*{reason}"):
        read_trained(path)
    for name, wrong in (
        ("remap", tensors["remap"].float()),
        ("head.weight", tensors["head.weight"][:1]),
        ("conv1.weight", tensors["conv1.weight"][:, :, :1]),
        ("conv1.bias", torch.tensor(0.0)),
        ("embedding", tensors["embedding"] + 1),
        ("head.bias", tensors["head.bias"] + float("nan")),
    ):
        save_tensors(path, {**tensors, name: wrong}, metadata)
        with pytest.raises(ModelFileError, match="not a whole float model of a run"):
            read_trained(path)
    for name in [name for name in tensors if name.startswith("conv")]:
        del tensors[name]
    save_tensors(path, tensors, metadata)
    with pytest.raises(ModelFileError, match="no convolution"):
        read_trained(path)
