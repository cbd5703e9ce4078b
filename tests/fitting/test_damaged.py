"""Parts of a run that are damaged, hostile, or links: made again with a note, or refused; nothing else is touched."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from helpers.kills import KilledError, stop_at
from helpers.runs import CAREFUL, prune
from prunetext.data.dataset import Data
from prunetext.errors import DamagedError, InputError, RunError
from prunetext.fitting.api import Result
from prunetext.fitting.folder import Run
from prunetext.fitting.parts import LOCK, RECIPE, RESULT, SOURCE, STEPS_FOLDER, WORK, foreign
from prunetext.models.tensors import save_tensors
from prunetext.runtime.states import write_state

Fit = Callable[..., Result]  # what the fixture `run` gives
RECIPE_A = {"seed": 0}


def everything(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


@pytest.fixture(scope="module")
def stopped(data: Data, run: Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was killed in its second step, with a checkpoint; no test changes it."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.raises(KilledError):
        run(data, folder, progress=stop_at("step 2", 2), effort=CAREFUL)
    return folder


def copied(folder: Path, target: Path) -> Path:
    for name, content in everything(folder).items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(content)
    return target


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("damage", ["empty", "flipped", "cut"])
def test_damaged_parts_of_an_unfinished_run_are_made_again_with_a_note(
    data: Data, run: Fit, whole: Result, stopped: Path, tmp_path: Path, damage: str, overwrite: bool
) -> None:
    folder = copied(stopped, tmp_path / "run")
    work = folder / WORK
    parts = [each for each in work.rglob("*") if each.suffix in (".safetensors", ".checkpoint")]
    assert {each.name for each in parts} > {"dense.safetensors"}
    assert {each.suffix for each in parts} == {".safetensors", ".checkpoint"}
    for each in parts:
        content = each.read_bytes()
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        each.write_bytes({"empty": b"", "flipped": flipped, "cut": content[:middle]}[damage])
    made = run(data, folder, overwrite=overwrite)
    assert made.path.read_bytes() == whole.path.read_bytes()
    for each in parts:
        (note,) = [note for note in made.notes if each.name in note]
        assert note.startswith(f"{each.relative_to(folder)} was damaged (")
        assert note.endswith("); it is made again where it is needed.")
    assert not (folder / WORK).exists()


def test_a_sealed_file_of_something_else_is_made_again_too(
    data: Data, run: Fit, whole: Result, stopped: Path, tmp_path: Path
) -> None:
    folder = copied(stopped, tmp_path / "run")
    for each in (folder / WORK).rglob("*"):
        if each.suffix in (".safetensors", ".checkpoint"):
            save_tensors(each, {"remap": torch.zeros(3)}, {"state": "[" * 9999, "words": "[" * 9999, "outcome": "1"})
    made = run(data, folder)
    assert made.path.read_bytes() == whole.path.read_bytes()
    assert any("dense.safetensors was damaged" in note for note in made.notes)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b'{"checksum": "0000000000000000"}', b"9" * 5000])
def test_an_unfinished_run_without_a_sound_recipe_begins_anew(tmp_path: Path, content: bytes) -> None:
    with Run(tmp_path, RECIPE_A, overwrite=False) as run:
        save_tensors(run.path("dense.safetensors"), {"a": torch.zeros(1)}, {})
    (tmp_path / WORK / RECIPE).write_bytes(content)
    with Run(tmp_path, RECIPE_A, overwrite=False) as run:
        assert run.notes == [f"unfinished/recipe.json was damaged; the unfinished run in {tmp_path} began anew."]
        assert not run.path("dense.safetensors").exists()
    with Run(tmp_path, RECIPE_A, overwrite=False) as run:
        assert run.notes == []


@pytest.mark.parametrize("place", [WORK, f"{WORK}/{STEPS_FOLDER}", STEPS_FOLDER])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_link_in_the_place_of_a_folder_is_refused(tmp_path: Path, place: str, overwrite: bool) -> None:
    outside, out = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    for name in ("dense.safetensors", RECIPE, "mine.txt", "a1.safetensors"):
        (outside / name).write_text("mine")
    before = everything(outside)
    with Run(out, RECIPE_A, overwrite=False):
        pass
    if place == WORK:
        (out / WORK / RECIPE).unlink()
        (out / WORK / LOCK).unlink()
        (out / WORK).rmdir()
    (out / place).symlink_to(outside, target_is_directory=True)
    with pytest.raises(RunError, match=rf"{place} is a link to another place\. Remove the link, or give another --out"):
        Run(out, {"seed": 1}, overwrite=overwrite)
    assert everything(outside) == before


def test_links_in_the_place_of_files_are_never_written_through(tmp_path: Path) -> None:
    outside, out = tmp_path / "outside", tmp_path / "out"
    outside.write_text("mine")
    with Run(out, RECIPE_A, overwrite=False):
        pass
    for name in (f".{RECIPE}.partial", f".{SOURCE}.partial", SOURCE, "dense.safetensors"):
        (out / WORK / name).unlink(missing_ok=True)
        (out / WORK / name).symlink_to(outside)
    with Run(out, {"seed": 1}, overwrite=True) as run:
        run.write_source({})
        save_tensors(run.path("dense.safetensors"), {"a": torch.zeros(1)}, {})
    assert outside.read_text() == "mine"
    (out / WORK / LOCK).unlink()
    (out / WORK / LOCK).symlink_to(outside)
    with pytest.raises(RunError, match="cannot be written"):
        Run(out, RECIPE_A, overwrite=True)
    assert outside.read_text() == "mine"


def test_only_what_a_run_writes_is_deleted(tmp_path: Path) -> None:
    with Run(tmp_path, RECIPE_A, overwrite=False) as run:
        steps = run.folder(STEPS_FOLDER)
        for name in (
            "dense.checkpoint",
            ".dense.safetensors.partial",
            ".model.safetensors.9.partial",
        ):
            run.path(name).write_text("a run's")
        for name in ("0123456789abcdef-cut.safetensors", "a1.checkpoint", ".a1.checkpoint.partial"):
            (steps / name).write_text("a run's")
        mine = [run.path("notes.txt"), steps / "notes.txt", run.path("folder") / "dense.safetensors"]
        run.path("folder").mkdir()
        for each in mine:
            each.write_text("mine")
    assert foreign(tmp_path / WORK) == ["folder", "notes.txt"]
    with Run(tmp_path, {"seed": 1}, overwrite=True):
        pass
    assert {*everything(tmp_path)} == {str(each.relative_to(tmp_path)) for each in mine} | {
        f"{WORK}/{LOCK}",
        f"{WORK}/{RECIPE}",
    }


def test_a_folder_in_the_place_of_a_file_is_one_sentence(tmp_path: Path) -> None:
    with Run(tmp_path, RECIPE_A, overwrite=False) as run:
        run.path("dense.safetensors").mkdir()
        with pytest.raises(InputError, match=r"dense\.safetensors: a folder stands where a file is to be written"):
            save_tensors(run.path("dense.safetensors"), {"a": torch.zeros(1)}, {})
    with pytest.raises(DamagedError, match=r"dense\.safetensors: .* no regular file\)\. Delete it"):
        Run(tmp_path, RECIPE_A, overwrite=False)


def test_nobody_else_may_read_what_a_run_knows_of_texts(whole: Result, stopped: Path, tmp_path: Path) -> None:
    assert stopped.stat().st_mode & 0o777 == 0o700
    assert (stopped / WORK).stat().st_mode & 0o777 == 0o700
    for folder in (whole.path.parent, stopped):
        for each in folder.rglob("*"):
            private = each.suffix in (".safetensors", ".checkpoint", ".json") and each.name != "model.safetensors"
            if private and "measured" not in each.name:
                assert each.stat().st_mode & 0o777 == 0o600, each
    tmp_path.chmod(0o755)  # a folder that was there before stays as it was
    with Run(tmp_path, RECIPE_A, overwrite=False):
        assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_damaged_step_of_an_earlier_run_is_left_out_with_a_note(data: Data, run: Fit, tmp_path: Path) -> None:
    first = run(data, tmp_path / "first").path.parent
    steps = sorted(each for each in (first / STEPS_FOLDER).iterdir() if "-" not in each.name)
    before = prune(first, out=tmp_path / "before", data=data, max_size="2kB")
    content = steps[0].read_bytes()
    steps[0].write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    after = prune(first, out=tmp_path / "after", data=data, max_size="2kB")
    assert after.path.read_bytes() == before.path.read_bytes()
    assert [note for note in after.notes if "damaged" in note] == [
        f"steps/{steps[0].name} was damaged (its checksum does not match); it is made again where it is needed."
    ]


@pytest.mark.parametrize("name", [RECIPE, SOURCE, "dense.safetensors", RESULT])
def test_files_that_do_not_belong_together_are_refused(data: Data, run: Fit, tmp_path: Path, name: str) -> None:
    first, other = (run(data, tmp_path / str(seed), seed=seed, epochs=2.0).path.parent for seed in (0, 1))
    if name == SOURCE:
        write_state(other / SOURCE, {"data": "elsewhere"})
    (first / name).write_bytes((other / name).read_bytes())
    with pytest.raises(RunError, match=r"is damaged, or belongs to another run\. Repeat the run with --overwrite\.$"):
        prune(first, out=tmp_path / "new", data=data)
    (first / name).unlink()
    with pytest.raises(RunError, match="is missing"):
        prune(first, out=tmp_path / "new", data=data)
    assert not (tmp_path / "new").exists()
    with Run(first, RECIPE_A, overwrite=True):  # the remedy is one
        pass


def test_a_run_of_an_earlier_version_can_be_pruned_again(data: Data, run: Fit, tmp_path: Path) -> None:
    first = run(data, tmp_path / "first", epochs=2.0).path.parent
    for name in (RECIPE, SOURCE, RESULT):
        values = json.loads((first / name).read_text("utf-8"))
        values = {key: value for key, value in values.items() if key not in ("checksum", "files")}
        if name == RECIPE:
            values["format"] = "prunetext-run/1"
        (first / name).write_text(json.dumps(values), "utf-8")
    for path in (first / "dense.safetensors", *(first / STEPS_FOLDER).iterdir()):
        data_of = path.read_bytes()
        end = 8 + int.from_bytes(data_of[:8], "little")
        header = json.loads(data_of[8:end])
        del header["__metadata__"]["checksum"]
        if "format" in header["__metadata__"]:
            header["__metadata__"]["format"] = "prunetext-float/1"
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + data_of[end:])
    found = prune(first, out=tmp_path / "new", data=data, max_size="2kB")
    assert any("steps/" in note and "it has no checksum" in note for note in found.notes)
    os.truncate(first / "dense.safetensors", 100)
    with pytest.raises(InputError, match=r"damaged|not a model file"):
        prune(first, out=tmp_path / "newer", data=data, max_size="2kB")
