"""What a finished run says of itself: its result, history, sensitivity and recipe, as the folder holds them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from prunetext.errors import RunError
from prunetext.fitting.checks import unusual_options
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
from prunetext.judging.unpruned import ToldVerdict, told_verdict
from prunetext.runtime.states import parsed


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
    def verdict(self) -> ToldVerdict:
        """The verdict on test."""
        return told_verdict(self.result)

    def options(self) -> dict[str, Any]:
        """The options that are not as usual, in the order of their kinds."""
        places = {name: self.source[name] for name in ("teacher", "unlabelled") if self.source.get(name) is not None}
        return unusual_options({**self.recipe, **places})

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
        score = f"{self.verdict.metric} {100 * packed.get('value', packed['accuracy']):.2f}"
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
