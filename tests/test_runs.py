"""The folder of a run: resumed, refused, replaced; nobody else's file is touched."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from prunetext.errors import ModelFileError, RunError
from prunetext.models.textcnn import Shape, TextCNN
from prunetext.runs import OWN, RECIPE, RESULT, Run, load_float
from prunetext.training.checkpoint import load_tensors, save_tensors


class KilledError(Exception):
    """What stands for SIGKILL."""


RECIPE_A = {"seed": 0, "max_drop": 0.5, "data": "ab12"}


def start(folder: Path, recipe: dict[str, Any] = RECIPE_A, *, overwrite: bool = False) -> Run:
    return Run(folder, recipe, overwrite=overwrite)


def fill(run: Run) -> None:
    """Leave every file that a run can leave."""
    run.folder("steps").joinpath("step-01.safetensors").write_bytes(b"step")
    for name in set(OWN) - {RECIPE, RESULT, "steps"}:
        run.path(name).write_text("old")


def test_a_new_folder_is_made_with_its_recipe(tmp_path: Path) -> None:
    with start(tmp_path / "deep" / "run") as run:
        assert json.loads(run.path(RECIPE).read_text("utf-8")) == RECIPE_A
    (tmp_path / "empty").mkdir()
    start(tmp_path / "empty")


def test_an_unfinished_run_of_the_same_recipe_is_resumed(tmp_path: Path) -> None:
    fill(start(tmp_path))
    again = start(tmp_path, dict(RECIPE_A))
    assert again.path("dense.checkpoint").read_text() == "old"
    assert again.path("steps").joinpath("step-01.safetensors").exists()


@pytest.mark.parametrize(
    ("changed", "key"),
    [({"seed": 1}, "seed"), ({"data": "cd34"}, "data"), ({"max_drop": None}, "max_drop"), ({"new": 1}, "new")],
)
def test_an_unfinished_run_of_another_recipe_is_refused(tmp_path: Path, changed: dict[str, Any], key: str) -> None:
    start(tmp_path)
    with pytest.raises(RunError, match=f"holds an unfinished run whose {key} was different: .* --overwrite"):
        start(tmp_path, {**RECIPE_A, **changed})
    start(tmp_path)  # and is still there


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '"text"', "null", "[[1]]"])
def test_a_damaged_recipe_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / RECIPE).write_text(content)
    with pytest.raises(RunError, match="was different"):
        start(tmp_path)


def test_a_finished_run_is_refused_and_overwritten_only_when_asked(tmp_path: Path) -> None:
    run = start(tmp_path)
    fill(run)
    run.finish({"score": 1, "history": [{"keep": 1.0}, {"keep": 0.5}]})
    assert not run.path("steps").exists()
    assert json.loads(run.path(RESULT).read_text("utf-8"))["score"] == 1
    lines = run.path("history.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["keep"] for line in lines] == [1.0, 0.5]
    with pytest.raises(RunError, match="holds a finished run: give another --out, or --overwrite"):
        start(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    start(tmp_path, {**RECIPE_A, "seed": 7}, overwrite=True)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["notes.txt", RECIPE]
    assert json.loads((tmp_path / RECIPE).read_text("utf-8"))["seed"] == 7


@pytest.mark.parametrize("after", range(len(OWN)))
def test_an_overwrite_that_was_killed_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    run = start(tmp_path)
    fill(run)
    run.path(RESULT).write_text("{}")
    unlink, calls = Path.unlink, iter(range(len(OWN)))

    def dying(path: Path, missing_ok: bool = False) -> None:
        if next(calls) == after:
            raise KilledError
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", dying)
        with contextlib.suppress(KilledError):
            start(tmp_path, overwrite=True)
    start(tmp_path, overwrite=True)
    assert [each.name for each in tmp_path.iterdir()] == [RECIPE]


def test_a_run_killed_while_it_wrote_its_recipe_can_be_repeated(tmp_path: Path) -> None:
    (tmp_path / f"{RECIPE}.part").write_text("{")
    start(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [RECIPE]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_foreign_folder_or_file_is_refused_and_left_alone(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "model.safetensors").write_text("mine")
    with pytest.raises(RunError, match="holds files but no run"):
        start(tmp_path / "folder", overwrite=overwrite)
    assert (tmp_path / "folder" / "model.safetensors").read_text() == "mine"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="is a file: give a folder"):
        start(tmp_path / "file", overwrite=overwrite)
    with pytest.raises(RunError, match=r"cannot be written \(Not a directory\)"):
        start(tmp_path / "file" / "run", overwrite=overwrite)


def test_remains_of_killed_writes_go_when_the_run_is_finished(tmp_path: Path) -> None:
    run = start(tmp_path)
    for name in ("dense.safetensors.part", ".measured.safetensors.123.partial"):
        run.path(name).write_text("half")
    run.finish({"history": []})
    assert sorted(each.name for each in tmp_path.iterdir()) == ["history.jsonl", RECIPE, RESULT]


def test_a_saved_model_is_the_same_when_loaded(random_model: Callable[..., TextCNN], tmp_path: Path) -> None:
    run = start(tmp_path)
    assert run.load_model("dense.safetensors") is None
    model = random_model(pooling="max", filters={2: 3, 5: 1}, static=2)
    model.dropout = 0.125
    model.remap[-1] = 1
    run.save_model("dense.safetensors", model, ["a"] * (len(model.remap) - 2), ["ja", "nein", "vielleicht"])
    loaded = run.load_model("dense.safetensors")
    assert loaded is not None
    assert (loaded.shape, loaded.static, loaded.dropout) == (model.shape, 2, 0.125)
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"words": "5"}, "its words are not 2 strings"),
        ({"words": '["a"]'}, "its words are not 2 strings"),
        ({"words": "[1, 2]"}, "its words are not 2 strings"),
        ({"labels": '["x"]'}, "its labels are not 2 strings"),
        ({"labels": "{"}, "Expecting"),
        ({"pooling": "sum"}, "impossible"),
        ({"static": "9"}, "impossible"),
        ({"remap": 10**9}, "rows that there are not"),
        ({"remap": -1}, "rows that there are not"),
    ],
)
def test_a_float_model_that_contradicts_itself_is_refused(tmp_path: Path, changed: dict[str, Any], reason: str) -> None:
    run = start(tmp_path)
    model = TextCNN(Shape(2, dimensions=3, filters={1: 2}, classes=2, pooling="max"))
    run.save_model("dense.safetensors", model, ["a", "b"], ["x", "y"])
    path = run.path("dense.safetensors")
    assert load_float(path)[1:] == (["a", "b"], ["x", "y"])
    tensors, metadata = load_tensors(path)
    if "remap" in changed:
        tensors["remap"][-1] = changed.pop("remap")
    save_tensors(path, tensors, metadata | changed)
    with pytest.raises(ModelFileError, match=rf"not a whole float model of a run \(.*{reason}"):
        load_float(path)
    for name in [name for name in tensors if name.startswith("conv")]:
        del tensors[name]
    save_tensors(path, tensors, metadata)
    with pytest.raises(ModelFileError, match="no convolution"):
        load_float(path)
