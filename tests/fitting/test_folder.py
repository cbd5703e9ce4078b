"""The folder of a run: resumed, refused, replaced at its end only; nobody else's file is touched."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.kills import KilledError
from helpers.runs import WHOLE
from prunetext.errors import RunError
from prunetext.fitting import parts as runs
from prunetext.fitting.folder import Run
from prunetext.fitting.parts import (
    HISTORY,
    LOCK,
    RECIPE,
    RESULT,
    RUN_FORMAT,
    SOURCE,
    STEPS_FOLDER,
    WORK,
    read_json,
    refuse_mixed,
)
from prunetext.models.tensors import load_tensors, save_tensors
from prunetext.runtime.states import read_state
from prunetext.runtime.writing import partial_of

RECIPE_A = {"seed": 0, "max_drop": 0.5, "data": "ab12"}
FINISHED = sorted([*WHOLE, STEPS_FOLDER])
ROWS = [{"keep": 1.0}, {"keep": 0.5}]


def start(folder: Path, recipe: dict[str, Any] = RECIPE_A, *, overwrite: bool = False) -> Run:
    return Run(folder, recipe, overwrite=overwrite)


def write(path: Path, content: str) -> None:
    save_tensors(path, {"numbers": torch.arange(9)}, {"content": content})


def read(path: Path) -> str:
    return load_tensors(path)[1]["content"]


def fill(run: Run, content: str = "old") -> None:
    """Leave every file that a run leaves on its way."""
    write(run.folder(STEPS_FOLDER) / "a1.safetensors", content)
    write(run.folder(STEPS_FOLDER) / "a1.checkpoint", content)
    run.write_source({"data": content})
    run.write_history(ROWS)
    for name in {*WHOLE, "dense.checkpoint", "measured.safetensors"} - {RECIPE, SOURCE, RESULT, HISTORY}:
        write(run.path(name), content)


def finished(folder: Path, content: str = "old", **recipe: Any) -> None:
    """Make a run from beginning to end."""
    with start(folder, RECIPE_A | recipe, overwrite=True) as run:
        fill(run, content)
        run.finish({"score": content})


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_a_new_folder_is_made_with_its_recipe(tmp_path: Path) -> None:
    with start(tmp_path / "deep" / "run") as run:
        assert read_state(run.path(RECIPE)) == {"format": RUN_FORMAT, **RECIPE_A}
    (tmp_path / "empty").mkdir()
    with start(tmp_path / "empty"):
        assert names(tmp_path / "empty") == [WORK]


def test_an_unfinished_run_of_the_same_recipe_is_resumed(tmp_path: Path) -> None:
    with start(tmp_path) as run:
        fill(run)
    for overwrite in (False, True):  # which is about a finished run
        with start(tmp_path, dict(RECIPE_A), overwrite=overwrite) as again:
            assert read(again.path("dense.checkpoint")) == "old"
            assert again.path(STEPS_FOLDER).joinpath("a1.safetensors").exists()


@pytest.mark.parametrize(
    ("changed", "key"),
    [({"seed": 1}, "seed"), ({"data": "cd34"}, "data"), ({"max_drop": None}, "max_drop"), ({"new": 1}, "new")],
)
def test_an_unfinished_run_of_another_recipe_is_refused_or_replaced(
    tmp_path: Path, changed: dict[str, Any], key: str
) -> None:
    with start(tmp_path) as run:
        fill(run)
    with pytest.raises(RunError, match=f"holds an unfinished run that differs in {key}.* --overwrite"):
        start(tmp_path, {**RECIPE_A, **changed})
    with start(tmp_path) as run:  # it is still there
        assert run.path("dense.checkpoint").exists()
    with start(tmp_path, {**RECIPE_A, **changed}, overwrite=True):
        assert names(tmp_path / WORK) == sorted([LOCK, RECIPE])


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '"text"', "null", '{"name": "carbonara"}'])
@pytest.mark.parametrize("overwrite", [False, True])
def test_somebody_elses_recipe_is_left_alone(tmp_path: Path, content: str, overwrite: bool) -> None:
    (tmp_path / RECIPE).write_text(content)
    (tmp_path / "steps").mkdir()
    with pytest.raises(RunError, match="holds files but no run"):
        start(tmp_path, overwrite=overwrite)
    assert names(tmp_path) == [RECIPE, "steps"]


def test_a_finished_run_is_refused_and_overwritten_only_when_asked(tmp_path: Path) -> None:
    finished(tmp_path)
    assert names(tmp_path) == FINISHED
    assert json.loads((tmp_path / RESULT).read_text("utf-8"))["score"] == "old"
    lines = (tmp_path / "history.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == ROWS
    assert read_json(tmp_path, SOURCE) == {"data": "old"}
    assert names(tmp_path / STEPS_FOLDER) == ["a1.safetensors"]
    with pytest.raises(RunError, match=r"holds a finished run\. Give another --out, or --overwrite"):
        start(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / STEPS_FOLDER / "old.safetensors").write_text("of the run that is replaced")
    (tmp_path / STEPS_FOLDER / "mine.txt").write_text("mine")
    (tmp_path / STEPS_FOLDER / "mine").mkdir()
    finished(tmp_path, "new", seed=7)
    assert names(tmp_path) == sorted([*FINISHED, "notes.txt"])
    assert names(tmp_path / STEPS_FOLDER) == ["a1.safetensors", "mine", "mine.txt"]
    assert read(tmp_path / STEPS_FOLDER / "a1.safetensors") == "new"
    assert json.loads((tmp_path / RECIPE).read_text("utf-8"))["seed"] == 7
    assert read(tmp_path / "model.safetensors") == "new"


def test_a_finished_run_stays_until_the_one_that_replaces_it_has_ended(tmp_path: Path) -> None:
    finished(tmp_path)
    with start(tmp_path, {**RECIPE_A, "seed": 7}, overwrite=True) as run:
        fill(run, "new")
    assert read(tmp_path / "model.safetensors") == "old"
    assert (tmp_path / RESULT).exists()


def test_a_run_that_is_killed_at_its_very_end_ends_when_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = late = 0
    for after in range(99):  # changes of the disk before the kill
        own = tmp_path / str(after)
        finished(own)
        calls = iter(range(999))
        with start(own, {**RECIPE_A, "seed": 7}, overwrite=True) as run, monkeypatch.context() as patch:
            fill(run, "new")
            for place, name in ((Path, "replace"), (os, "link"), (Path, "unlink"), (Path, "rmdir")):
                patch.setattr(place, name, dying(getattr(place, name), calls, after))
            try:
                run.finish({"score": "new"})
                ended += 1
            except KilledError:
                pass
        result = read_state(own / RESULT)["score"] if (own / RESULT).exists() else ""
        if result:  # killed before anything was replaced, or when everything was
            refuse_mixed(own, *(set(WHOLE) - {RESULT}))
            assert read(own / "model.safetensors") == result
        else:
            with pytest.raises(RunError, match=r"holds no finished run: its result\.json is missing"):
                refuse_mixed(own)
        if result == "new":
            late += (own / WORK).exists()
            with pytest.raises(RunError, match="holds a finished run"):
                start(own, {**RECIPE_A, "seed": 7})
        else:
            with start(own, {**RECIPE_A, "seed": 7}, overwrite=True) as run:
                assert (read(run.path("dense.safetensors")), run.notes) == ("new", [])
                run.finish({"score": "new"})
        assert names(own) == FINISHED
        assert read(own / "model.safetensors") == "new"
        if ended:
            break
    assert ended == 1
    assert late > 5


def dying(function: Callable[..., Any], calls: Iterator[int], after: int) -> Callable[..., Any]:
    """A function that is killed at a call of it, or of another one with the same calls."""

    def call(*arguments: Any, **named: Any) -> Any:
        if next(calls) == after:
            raise KilledError
        return function(*arguments, **named)

    return call


def test_steps_of_a_finished_run_are_at_hand_for_another(tmp_path: Path) -> None:
    finished(tmp_path / "old")
    write(tmp_path / "old" / STEPS_FOLDER / "b2.safetensors", "old")
    with start(tmp_path / "new") as run:
        write(run.folder(STEPS_FOLDER) / "b2.safetensors", "new")
        for _ in range(2):  # as after a kill
            run.take(tmp_path / "old" / STEPS_FOLDER, None)
        assert names(run.path(STEPS_FOLDER)) == ["a1.safetensors", "b2.safetensors"]
        assert read(run.path(STEPS_FOLDER).joinpath("b2.safetensors")) == "new"
        assert (
            run.path(STEPS_FOLDER)
            .joinpath("a1.safetensors")
            .samefile(tmp_path / "old" / STEPS_FOLDER / "a1.safetensors")
        )
        shutil.rmtree(tmp_path / "old")
        run.take(tmp_path / "old" / STEPS_FOLDER, None)  # it has them all, or none
        assert read(run.path(STEPS_FOLDER).joinpath("a1.safetensors")) == "old"


def test_small_files_that_are_missing_or_damaged_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        RunError, match=r"holds no finished run: its recipe\.json is missing\. Give the --out of a fit\.$"
    ):
        read_json(tmp_path, RECIPE)
    for content in ("", "{", "[1]", "null", "\udcff"):
        (tmp_path / SOURCE).write_text(content, "utf-8", "surrogateescape")
        with pytest.raises(RunError, match=r"source\.json: this part of the run is damaged.* Repeat .* --overwrite\.$"):
            read_json(tmp_path, SOURCE)


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(source: Path, target: Path) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refused)
    finished(tmp_path)
    assert names(tmp_path) == FINISHED


def test_a_run_killed_while_it_wrote_its_recipe_can_be_repeated(tmp_path: Path) -> None:
    (tmp_path / WORK).mkdir()
    partial_of(tmp_path / WORK / RECIPE).write_text("{")
    with start(tmp_path):
        assert names(tmp_path / WORK) == sorted([LOCK, RECIPE])


def test_two_processes_do_not_share_a_run(tmp_path: Path) -> None:
    with start(tmp_path), pytest.raises(RunError, match="is in use by another process"):
        start(tmp_path)
    with start(tmp_path):
        pass


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_foreign_folder_or_file_is_refused_and_left_alone(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "model.safetensors").write_text("mine")
    with pytest.raises(RunError, match="holds files but no run"):
        start(tmp_path / "folder", overwrite=overwrite)
    assert (tmp_path / "folder" / "model.safetensors").read_text() == "mine"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match=r"is a file\. Give a folder"):
        start(tmp_path / "file", overwrite=overwrite)
    with pytest.raises(RunError, match=r"cannot be written \(Not a directory\)"):
        start(tmp_path / "file" / "run", overwrite=overwrite)
    assert runs.WORK not in names(tmp_path / "folder")
