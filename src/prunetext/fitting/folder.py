"""The folder of one run: resumed if it was killed, refused if it is finished, in use or somebody else's."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from prunetext.errors import RunError
from prunetext.modelfiles.trained import read_trained, write_trained
from prunetext.models.protocol import Trained
from prunetext.runtime.writing import partial_of, write_whole

WORK = "unfinished"  # folder inside that of the run; it holds no finished model
RECIPE, RESULT, LOCK, PART = "recipe.json", "result.json", "lock", "{}.part"
RUN_FORMAT = "prunetext-run/1"
SOURCE, HISTORY, STEPS_FOLDER, SENSITIVITY = "source.json", "history.jsonl", "steps", "sensitivity.jsonl"
BELIEFS = "beliefs.safetensors"  # labels that a model which taught itself was sure of; not every run has them
KEPT = (RECIPE, SOURCE, "dense.safetensors", "pruned.safetensors", HISTORY, "model.safetensors", RESULT)


class Run:
    """Opens the folder of a run.

        with Run(Path("runs/reviews"), recipe, overwrite=False) as run:
            run.path("measured.safetensors")
            run.finish(result)

    `recipe` is everything that the result depends on. A run works in the sub-folder `unfinished`; its files replace
    those of a finished run only at the end. An unfinished run of the same recipe is resumed. Without `overwrite`, a
    finished run and an unfinished one of another recipe raise RunError; so do a run that another process works on, and
    a folder that holds anything else.
    """

    def __init__(self, folder: Path, recipe: Mapping[str, Any], *, overwrite: bool) -> None:
        self.own, self.work = folder, folder / WORK
        self.recipe, self.version = dict(recipe), version("prunetext")
        self._refuse_foreign()
        if (self.own / RESULT).exists() and not overwrite:
            raise RunError(f"{folder} holds a finished run. Give another --out, or --overwrite to replace it.")
        try:
            self.work.mkdir(parents=True, exist_ok=True)
            self._lock = (self.work / LOCK).open("w")
        except OSError as error:
            raise RunError(f"{folder} cannot be written ({error.strerror}). Give another --out.") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise RunError(f"{folder} is in use by another process. Wait, or give another --out.") from None
        try:
            self._begin(overwrite)
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> Run:
        """Nothing more to do: the folder itself is the state."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave everything in place for a resumed run."""
        self._lock.close()

    def _refuse_foreign(self) -> None:
        """Refuse a file, and a folder whose content is not a run's."""
        if not self.own.exists():
            return
        if not self.own.is_dir():
            raise RunError(f"{self.own} is a file. Give a folder as --out.")
        names = {each.name for each in self.own.iterdir()}
        begun = {LOCK, partial_of(Path(RECIPE)).name}  # of a run killed before it had a recipe
        just_begun = names == {WORK} and {each.name for each in self.work.iterdir()} <= begun
        if names and not just_begun and _recipe(self.own) is None and _recipe(self.work) is None:
            raise RunError(f"{self.own} holds files but no run. Give an empty or a new folder as --out.")

    def _begin(self, overwrite: bool) -> None:
        """Resume the unfinished run, or begin one."""
        changed = changed_since(self.work, self.recipe)
        if changed is not None or _recipe(self.work) is None:
            if changed is not None and not overwrite:
                raise RunError(
                    f"{self.own} holds an unfinished run that differs in {changed}. Repeat its recipe to resume it, "
                    "give another --out, or --overwrite to start anew."
                )
            for each in self.work.iterdir():
                if each.name != LOCK:
                    shutil.rmtree(each) if each.is_dir() else each.unlink()
        self._write(RECIPE, {"format": RUN_FORMAT, **self.recipe})

    def path(self, name: str) -> Path:
        """A file of the unfinished run."""
        return self.work / name

    def folder(self, name: str) -> Path:
        """A folder of the unfinished run, made if missing."""
        folder = self.work / name
        folder.mkdir(exist_ok=True)
        return folder

    def save(self, name: str, trained: Trained) -> None:
        """Keep a float32 model with everything needed to prune it again."""
        write_trained(trained, self.path(name), self.recipe)

    def load(self, name: str) -> Trained | None:
        """The float32 model, if an earlier attempt left it."""
        path = self.path(name)
        return read_trained(path) if path.exists() else None

    def write_source(self, source: Mapping[str, Any]) -> None:
        """Record where the data are; this is not part of the recipe: they may move."""
        self._write(SOURCE, dict(source))

    def write_history(self, rows: Iterable[dict[str, Any]]) -> None:
        """The rows of the search so far."""
        self._write(HISTORY, *rows, indent=None)

    def take(self, steps: Path | None, beliefs: Path | None) -> None:
        """Take over the steps of an earlier run's search, and its model's beliefs, if it taught itself.

        Steps of no use are never read.
        """
        if steps is not None:
            own = self.folder(STEPS_FOLDER)
            for each in steps.glob("*.safetensors"):
                if not (own / each.name).exists():
                    _link(each, own / each.name)
        if beliefs is not None and not self.path(BELIEFS).exists():
            _link(beliefs, self.path(BELIEFS))

    def finish(self, result: dict[str, Any]) -> None:
        """Replace an earlier run's files by this run's, the result last: it marks a finished run."""
        self._write(RESULT, {**result, "threads": torch.get_num_threads(), "version": self.version})
        (self.own / RESULT).unlink(missing_ok=True)
        (self.own / STEPS_FOLDER).mkdir(exist_ok=True)
        steps = [f"{STEPS_FOLDER}/{each.name}" for each in self.folder(STEPS_FOLDER).glob("*.safetensors")]
        beliefs = [BELIEFS] if self.path(BELIEFS).exists() else []
        for name in (*steps, *beliefs, *KEPT):
            # A second name, not a move: a run killed here still has all its files and ends the same way again.
            beside = self.own / PART.format(name)
            beside.unlink(missing_ok=True)
            _link(self.path(name), beside)
            beside.replace(self.own / name)
            beside.unlink(missing_ok=True)  # renaming a file to another name of the same file does nothing
        if not beliefs:
            (self.own / BELIEFS).unlink(missing_ok=True)
        for each in (self.own / STEPS_FOLDER).glob("*.safetensors"):
            if f"{STEPS_FOLDER}/{each.name}" not in steps:
                each.unlink()
        shutil.rmtree(self.work, ignore_errors=True)

    def _write(self, name: str, *rows: dict[str, Any], indent: int | None = 1) -> None:
        write_rows(self.path(name), rows, indent)


def write_rows(path: Path, rows: Iterable[dict[str, Any]], indent: int | None = None) -> None:
    """Write rows of JSON."""
    text = "".join(json.dumps(row, ensure_ascii=False, indent=indent) + "\n" for row in rows)
    write_whole(path, text.encode())


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """Read one of the small files of a finished run; RunError if it is missing or damaged."""
    try:
        values = json.loads((folder / name).read_text("utf-8"))
    except FileNotFoundError:
        raise no_run(folder, name) from None
    except (OSError, ValueError) as error:
        raise RunError(f"{folder / name}: this part of the run is damaged ({error}). Repeat the run.") from None
    if not isinstance(values, dict):
        raise RunError(f"{folder / name}: this part of the run is damaged. Repeat the run.")
    return values


def no_run(folder: Path, name: str) -> RunError:
    """The error for a folder without this file."""
    return RunError(f"{folder} holds no finished run: its {name} is missing. Give the --out of a fit.")


def changed_since(folder: Path, recipe: Mapping[str, Any]) -> str | None:
    """The first key with another value in this folder's unfinished run; None without such a run."""
    before, now = _recipe(folder), json.loads(json.dumps({"format": RUN_FORMAT, **recipe}))
    if before is None:
        return None
    return next((key for key in {**now, **before} if before.get(key) != now.get(key)), None)


def _recipe(folder: Path) -> dict[str, Any] | None:
    """A folder's recipe, if it is one of prunetext."""
    try:
        recipe = json.loads((folder / RECIPE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return recipe if isinstance(recipe, dict) and recipe.get("format") == RUN_FORMAT else None


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # not every file system has hard links
        shutil.copyfile(source, target)
