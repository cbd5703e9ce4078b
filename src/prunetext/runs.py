"""The folder of one run: resumed if it was killed, refused if it is finished or somebody else's."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from prunetext.errors import ModelFileError, RunError
from prunetext.modelfiles import FLOAT_FORMAT
from prunetext.models.textcnn import POOLINGS, WORDS, TextCNN
from prunetext.training.checkpoint import load_tensors, save_tensors

RECIPE, RESULT, PART = "recipe.json", "result.json", "{}.part"
OWN = (
    RECIPE,
    RESULT,
    "steps",
    "dense.checkpoint",
    "dense.safetensors",
    "pruned.safetensors",
    "measured.safetensors",
    "history.jsonl",
    "model.safetensors",
)


class Run:
    """Opens the folder of a run.

        with Run(Path("runs/reviews"), recipe, overwrite=False) as run:
            run.path("model.safetensors")

    `recipe` is everything that the result depends on. RunError for a finished run without `overwrite`, for an
    unfinished one of another recipe, and for a folder that holds anything else.
    """

    def __init__(self, folder: Path, recipe: dict[str, Any], *, overwrite: bool) -> None:
        self.own, self.recipe, self.version = folder, recipe, version("prunetext")
        begun = self._begun()
        if begun and overwrite:
            for name in reversed(OWN):  # the recipe last: without it the rest would be somebody else's
                target = folder / name
                shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
        elif begun and (folder / RESULT).exists():
            raise RunError(f"{folder} holds a finished run: give another --out, or --overwrite to replace it.")
        elif begun and (changed := self._changed()):
            raise RunError(
                f"{folder} holds an unfinished run whose {changed} was different: repeat that recipe to resume it, "
                "give another --out, or --overwrite to start anew."
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._write(RECIPE, recipe)
        except OSError as error:
            raise RunError(f"{folder} cannot be written ({error.strerror}): give another --out.") from None

    def __enter__(self) -> Run:
        """Nothing is held; the folder itself is the state."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave everything in place, so that the run can be resumed."""

    def _begun(self) -> bool:
        """Whether a run lies there; a folder with other content is refused."""
        if not self.own.exists():
            return False
        if not self.own.is_dir():
            raise RunError(f"{self.own} is a file: give a folder as --out.")
        if (self.own / RECIPE).exists():
            return True
        if any(each.name != PART.format(RECIPE) for each in self.own.iterdir()):  # which is all of a run killed at once
            raise RunError(f"{self.own} holds files but no run: give an empty or a new folder as --out.")
        return False

    def _changed(self) -> str | None:
        """The first part of the recipe that differs from the one in the folder."""
        try:
            before = dict(json.loads((self.own / RECIPE).read_text("utf-8")))
        except (ValueError, TypeError):
            return "recipe"
        now = json.loads(json.dumps(self.recipe))
        return next((key for key in now if before.get(key) != now[key]), None)

    def path(self, name: str) -> Path:
        """A file of the run."""
        return self.own / name

    def folder(self, name: str) -> Path:
        """A folder of the run, made if need be."""
        folder = self.own / name
        folder.mkdir(exist_ok=True)
        return folder

    def save_model(self, name: str, model: TextCNN, words: list[str], labels: list[str]) -> None:
        """A float32 model with what is needed to prune it again."""
        metadata = {
            "format": FLOAT_FORMAT,
            "pooling": model.pooling,
            "static": str(model.static),
            "dropout": repr(model.dropout),
            "labels": json.dumps(labels, ensure_ascii=False),
            "words": json.dumps(words, ensure_ascii=False),
        }
        save_tensors(self.path(name), dict(model.state_dict()), metadata)

    def load_model(self, name: str) -> TextCNN | None:
        """The float32 model, if an earlier run left it."""
        path = self.path(name)
        if not path.exists():
            return None
        return load_float(path)[0]

    def finish(self, result: dict[str, Any]) -> None:
        """Write the result, which marks the run as finished, and let go of the steps between."""
        history = "".join(json.dumps(row) + "\n" for row in result.pop("history"))
        beside = self.path(PART.format("history.jsonl"))
        beside.write_text(history, "utf-8")
        beside.replace(self.path("history.jsonl"))
        self._write(RESULT, {**result, "threads": torch.get_num_threads(), "version": self.version})
        shutil.rmtree(self.path("steps"), ignore_errors=True)
        for partial in (*self.own.glob("*.part"), *self.own.glob(".*.partial")):  # of writes that were killed
            partial.unlink(missing_ok=True)

    def _write(self, name: str, content: dict[str, Any]) -> None:
        beside = self.path(PART.format(name))
        beside.write_text(json.dumps(content, ensure_ascii=False, indent=1), "utf-8")
        beside.replace(self.path(name))


def load_float(path: Path) -> tuple[TextCNN, list[str], list[str]]:
    """Load a float32 model of a run: the model, the words that its ids stand for, and the labels."""
    try:
        tensors, metadata = load_tensors(path)
        if not any(name.startswith("conv") for name in tensors):
            raise ValueError("it has no convolution")
        model = TextCNN.from_tensors(
            tensors,
            pooling=metadata["pooling"],
            static=int(metadata["static"]),
            dropout=float(metadata["dropout"]),
        )
        words, labels = json.loads(metadata["words"]), json.loads(metadata["labels"])
        _check_strings("words", words, len(model.remap) - WORDS)
        _check_strings("labels", labels, len(model.head.bias))
        if model.pooling not in POOLINGS or not 0 <= model.static <= model.shape.dimensions:
            raise ValueError("its pooling or its number of static dimensions is impossible")
        if not bool(((model.remap >= 0) & (model.remap < len(model.embedding))).all()):
            raise ValueError("remap leads to rows that there are not")
        return model, words, labels
    except RunError:
        raise ModelFileError(f"{path}: this float model is damaged. Repeat its run with --overwrite.") from None
    except (KeyError, ValueError, RuntimeError) as error:
        raise ModelFileError(f"{path}: this is not a whole float model of a run ({error}). Repeat the run.") from None


def _check_strings(name: str, values: object, size: int) -> None:
    if not isinstance(values, list) or len(values) != size or not all(isinstance(each, str) for each in values):
        raise ValueError(f"its {name} are not {size:,} strings")
