"""What a finished run says of itself: its result, history, sensitivity and recipe, as the folder holds them."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from prunetext.errors import RunError
from prunetext.fitting.parts import (
    DENSE_MODEL,
    HISTORY,
    PACKED_MODEL,
    RECIPE,
    RESULT,
    SENSITIVITY,
    SOURCE,
    read_json,
    refuse_mixed,
)
from prunetext.options import FitOptions, ModelOptions, TeachOptions, VectorOptions
from prunetext.runtime.states import parsed
from prunetext.statistics.evaluation import Verdict
from prunetext.statistics.metrics import METRICS

_OPTIONS = (FitOptions, TeachOptions, ModelOptions, VectorOptions)
_OWN = ("data", "source", "given", "taught", "dense", "format", "checksum", "vectors", "learnt_dev", "pick")


class Facts(NamedTuple):
    """The parts of a finished run."""

    folder: Path
    recipe: dict[str, Any]
    source: dict[str, Any]
    result: dict[str, Any]
    history: list[dict[str, Any]]
    sensitivity: list[dict[str, Any]]

    @property
    def packed(self) -> Path:
        """The packed file."""
        return self.folder / PACKED_MODEL

    @property
    def dense(self) -> Path:
        """The dense model's file."""
        return self.folder / DENSE_MODEL

    @property
    def name(self) -> str:
        """The name of the data."""
        return Path(str(self.source["data"])).name if "data" in self.source else self.folder.name

    @property
    def title(self) -> str:
        """The name of the metric as people write it."""
        return METRICS[self.result.get("metric", "accuracy")].title

    @property
    def verdict(self) -> Verdict:
        """The verdict on test."""
        return Verdict(**self.result["verdict"])

    def options(self) -> dict[str, Any]:
        """The options that are not as usual, in the order of their kinds."""
        usual = {each.name: each.default for kind in _OPTIONS for each in dataclasses.fields(kind)}
        places = {"teacher": self.source.get("teacher"), "unlabelled": self.source.get("unlabelled")}
        said = {**self.recipe, **{name: value for name, value in places.items() if value is not None}}
        return {
            name: said[name]
            for name, value in usual.items()
            if name in said and said[name] is not None and said[name] != value and name not in _OWN
        }

    def command(self) -> str:
        """The command that repeats the run."""
        words = ["prunetext", "fit", str(self.source.get("data", "DATA"))]
        for name in ("dev", "test", "vectors"):
            if self.source.get(name):
                words += [f"--{name}", str(self.source[name])]
        for name, value in self.options().items():
            flag = f"--{name.replace('_', '-')}"
            words += [flag] if value is True else [f"--no-{flag[2:]}"] if value is False else [flag, str(value)]
        return shlex.join([*words, "--out", "NEW"])

    def signature(self) -> str:
        """The score with all that it depends on, in one line."""
        packed, recipe = self.result["packed"], self.recipe
        half = 50 * (packed["high"] - packed["low"])
        parts = (f"n:{packed['n']}", f"seed:{recipe.get('seed')}", f"data:{str(recipe.get('data'))[:12]}")
        version = self.result.get("version", "?")
        score = f"{self.title} {100 * packed.get('value', packed['accuracy']):.2f}"
        return "|".join([f"{score} ±{half:.2f}", *parts, f"v:{version}"])


def read_facts(folder: Path) -> Facts:
    """Read a finished run; RunError if the folder holds none, or if parts of it do not belong together."""
    if folder.is_file():
        raise RunError(f"{folder}: this is a file. Give the folder of its run, the --out of a fit.")
    result = read_json(folder, RESULT, old=True)
    for part in ("dense", "packed", "verdict"):
        if not isinstance(result.get(part), Mapping):
            raise RunError(f"{folder / RESULT} has no {part}. Repeat the run with --overwrite.")
    recipe, source = read_json(folder, RECIPE, old=True), read_json(folder, SOURCE, old=True)
    refuse_mixed(folder, RECIPE, SOURCE, DENSE_MODEL, PACKED_MODEL, HISTORY)
    return Facts(folder, recipe, source, result, _rows(folder / HISTORY), _rows(folder / SENSITIVITY))


def _rows(path: Path) -> list[dict[str, Any]]:
    """Rows of JSON; none if there is no such file."""
    if not path.exists():
        return []
    try:
        return [parsed(line, path) for line in path.read_text("utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read ({error}). Make it again.") from None


def compact(value: Any) -> str:
    """JSON without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
