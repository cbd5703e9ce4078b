"""The folder of one run: resumed if it was killed, refused if it is finished, in use or somebody else's."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from prunetext.errors import ModelFileError, RunError
from prunetext.fitting.parts import (
    BELIEFS,
    HISTORY,
    KEPT,
    LOCK,
    NOT_IN_EVERY_RUN,
    RECIPE,
    RESULT,
    RUN_FORMAT,
    SENSITIVITY,
    SOURCE,
    STEPS_FOLDER,
    TOGETHER,
    WORK,
    belonging,
    changed_since,
    clear,
    delete,
    discard_damaged_parts,
    foreign,
    is_left_over,
    is_run,
    link,
    place,
    refuse_link,
    remade,
    remove,
    run_recipe,
    write_rows,
)
from prunetext.modelfiles.trained import read_trained, recipe_in, write_trained
from prunetext.models.protocol import Trained
from prunetext.runtime.states import discard_damaged, write_state
from prunetext.runtime.writing import PRIVATE_FILE, PRIVATE_FOLDER, sync


class Run:
    """Opens the folder of a run.

        with Run(Path("runs/reviews"), recipe, overwrite=False) as run:
            run.path("measured.safetensors")
            run.finish(result)

    `recipe` is everything that the result depends on. A run works in the sub-folder `unfinished`; its files replace
    those of a finished run only at the end. An unfinished run of the same recipe is resumed; damaged parts of it are
    deleted, made again, and named in `notes`. Without `overwrite`, a finished run and an unfinished one of another
    recipe raise RunError; so do a run that another process works on, a folder that holds anything else, and links in
    the place of the run's own folders. Nobody else may read a folder that is made here, since it holds words of texts.
    """

    def __init__(self, folder: Path, recipe: Mapping[str, Any], *, overwrite: bool) -> None:
        self.own, self.work = folder, folder / WORK
        self.recipe, self.version = dict(recipe), version("prunetext")
        self.notes: list[str] = []
        self._refuse_foreign()
        finished = (self.own / RESULT).exists()
        if finished and not overwrite and not self.work.exists():
            raise self._is_finished()
        self._lock = self._locked()
        try:
            if is_left_over(self.own, self.work):
                remove(self.work)
                if overwrite:
                    os.close(self._lock)
                    self._lock = self._locked()
            if finished and not overwrite:
                raise self._is_finished()
            self._begin(overwrite)
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> Run:
        """Nothing more to do: the folder itself is the state."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave everything in place for a resumed run."""
        os.close(self._lock)

    def _is_finished(self) -> RunError:
        return RunError(f"{self.own} holds a finished run. Give another --out, or --overwrite to replace it.")

    def _locked(self) -> int:
        """Make the folder of the unfinished run, and lock it against other processes."""
        try:
            if not self.own.is_dir():
                if not self.own.parent.exists():
                    self.own.parent.mkdir(parents=True, exist_ok=True)
                self.own.mkdir(PRIVATE_FOLDER, exist_ok=True)
            self.work.mkdir(PRIVATE_FOLDER, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            lock = os.open(self.work / LOCK, flags, PRIVATE_FILE)
        except OSError as error:
            raise RunError(f"{self.own} cannot be written ({error.strerror}). Give another --out.") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise RunError(f"{self.own} is in use by another process. Wait, or give another --out.") from None
        return lock

    def _refuse_foreign(self) -> None:
        """Refuse a file, a folder whose content is not a run's, and links where a run has folders."""
        if not self.own.exists():
            return
        if not self.own.is_dir():
            raise RunError(f"{self.own} is a file. Give a folder as --out.")
        for each in (self.work, self.work / STEPS_FOLDER, self.own / STEPS_FOLDER):
            refuse_link(each)
        names = {each.name for each in self.own.iterdir()}
        begun = names == {WORK} and not foreign(self.work)
        if names and not begun and not is_run(self.own) and run_recipe(self.work) is None:
            raise RunError(f"{self.own} holds files but no run. Give an empty or a new folder as --out.")

    def _begin(self, overwrite: bool) -> None:
        """Resume the unfinished run, or begin one."""
        changed = changed_since(self.work, self.recipe)
        if changed is not None and not overwrite:
            raise RunError(
                f"{self.own} holds an unfinished run that differs in {changed}. Repeat its recipe to resume it, "
                "give another --out, or --overwrite to start anew."
            )
        if changed is None and run_recipe(self.work) is not None:
            self.notes += discard_damaged_parts(self.work)
        else:
            if changed is None and (self.work / RECIPE).exists():
                self.notes.append(f"{WORK}/{RECIPE} was damaged; the unfinished run in {self.own} began anew.")
            clear(self.work, but=(LOCK,))
        write_state(self.path(RECIPE), {"format": RUN_FORMAT, **self.recipe})

    def path(self, name: str) -> Path:
        """A file of the unfinished run."""
        return self.work / name

    def folder(self, name: str) -> Path:
        """A folder of the unfinished run, made if missing."""
        folder = self.work / name
        refuse_link(folder)
        folder.mkdir(PRIVATE_FOLDER, exist_ok=True)
        return folder

    def save(self, name: str, trained: Trained, more: Mapping[str, Any] | None = None) -> None:
        """Keep a float32 model with everything needed to prune it again; more: for its recipe, beyond the run's."""
        write_trained(trained, self.path(name), {**self.recipe, **(more or {})})

    def load(self, name: str, but: str = "") -> Trained | None:
        """The float32 model, if an earlier attempt left it whole; but: none whose recipe has this key."""
        path = self.path(name)
        try:
            if not path.exists() or but in recipe_in(path):
                return None
            return read_trained(path)
        except ModelFileError:
            path.unlink()
            self.notes.append(remade(self.own, path, "it is not a whole model"))
            return None

    def write_source(self, source: Mapping[str, Any]) -> None:
        """Record where the data are; this is not part of the recipe: they may move."""
        write_state(self.path(SOURCE), source)

    def write_history(self, rows: Iterable[dict[str, Any]]) -> None:
        """The rows of the search so far."""
        write_rows(self.path(HISTORY), rows)

    def take(self, steps: Path | None, beliefs: Path | None) -> None:
        """Take over the steps of an earlier run's search, and its model's beliefs, if it taught itself.

        Steps of no use are never read, and damaged ones are left out.
        """
        found = [] if steps is None else sorted(steps.glob("*.safetensors"))
        taken = [(each, self.folder(STEPS_FOLDER) / each.name) for each in found]
        if beliefs is not None:
            taken.append((beliefs, self.path(BELIEFS)))
        for source, target in taken:
            if target.exists():
                continue
            link(source, target)
            if (reason := discard_damaged(target)) is not None:
                self.notes.append(remade(source.parents[1], source, reason))

    def finish(self, result: Mapping[str, Any]) -> None:
        """Replace an earlier run's files by this run's, the result last: it marks a finished run.

        It also says which files belong to it: in a run that is killed here, old and new ones stand side by side.
        """
        more = {"threads": torch.get_num_threads(), "version": self.version, TOGETHER: belonging(self.work)}
        write_state(self.path(RESULT), {**result, **more})
        (self.own / RESULT).unlink(missing_ok=True)
        delete([self.own / SENSITIVITY])  # of the earlier run's dense model
        (self.own / STEPS_FOLDER).mkdir(PRIVATE_FOLDER, exist_ok=True)
        steps = [f"{STEPS_FOLDER}/{each.name}" for each in self.folder(STEPS_FOLDER).glob("*.safetensors")]
        there = [name for name in NOT_IN_EVERY_RUN if self.path(name).exists()]
        delete(self.own / name for name in NOT_IN_EVERY_RUN if name not in there)
        for name in (*steps, *there, *KEPT):
            place(self.path(name), self.own / name)
        old = (self.own / STEPS_FOLDER).glob("*.safetensors")
        delete(each for each in old if f"{STEPS_FOLDER}/{each.name}" not in steps)
        sync(self.own)  # before the only other names of these files are gone
        remove(self.work)
