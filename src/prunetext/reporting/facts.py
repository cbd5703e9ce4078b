"""What a finished run says of itself: its result, history, sensitivity and recipe, as the folder holds them."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from prunetext.errors import RunError, brief
from prunetext.fitting.checks import unusual_options, unusual_reading
from prunetext.fitting.parts import (
    DENSE_MODEL,
    HISTORY,
    OLD_RUN,
    RECIPE,
    RESULT,
    SENSITIVITY,
    SOURCE,
    packed_path,
    read_json,
    refuse_mixed,
)
from prunetext.judging.unpruned import ToldVerdict, told_verdict
from prunetext.runtime.states import parsed

OF_HISTORY = {"bytes": float, "drop": float, "accepted": False, "error": 0.0, "left": {}}
OF_SENSITIVITY = {
    "group": str,
    **dict.fromkeys(("removed", "share", "bytes", "drop", "error", "loss"), float),
}


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
        return packed_path(self.folder)

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

    @property
    def judged_by_accuracy(self) -> bool:
        """Whether the value is the accuracy, whose interval is known; another metric may have its value by chance."""
        return bool(self.result.get("metric", "accuracy") == "accuracy")

    @property
    def picked(self) -> int | None:
        """The number of the candidate of another run that this one took instead of searching."""
        number = self.recipe.get("pick")
        return number if type(number) is int else None

    @property
    def table(self) -> str:
        """The table of the packed file."""
        agreement = self.result.get("agreement")
        return "int16" if isinstance(agreement, Mapping) and agreement.get("table") == "int16" else "int8"

    def options(self) -> dict[str, Any]:
        """The options that are not as usual, in the order of their kinds."""
        places = {name: self.source[name] for name in ("teacher", "unlabelled") if self.source.get(name) is not None}
        return unusual_options({**self.recipe, **places})

    def command(self) -> str:
        """The command that repeats the run; one that took a candidate of another run, RUN, takes it again."""
        options = self.options()
        if self.picked is not None:
            words = ["prunetext", "prune", "RUN", "--pick", str(self.picked)]
            options = {name: value for name, value in options.items() if name in ("max_drop", "refit")}
        else:
            words = ["prunetext", "fit", str(self.source.get("data", "DATA"))]
            places = {name: self.source[name] for name in ("dev", "test", "vectors") if self.source.get(name)}
            options = {**places, **unusual_reading(self.source.get("reading") or {}), **options}
        for name, value in options.items():
            flag = f"--{name.replace('_', '-')}"
            words += [flag] if value is True else [f"--no-{flag[2:]}"] if value is False else [flag, str(value)]
        return shlex.join([*words, "--out", "NEW"])

    def signature(self) -> str:
        """The score with all that it depends on, in one line."""
        packed, recipe = self.result["packed"], self.recipe
        parts = (f"n:{packed['n']}", f"seed:{recipe.get('seed')}", f"data:{str(recipe.get('data'))[:12]}")
        version = self.result.get("version", "?")
        score = f"{self.verdict.metric} {100 * packed.get('value', packed['accuracy']):.2f}"
        if self.judged_by_accuracy:
            score += f" ±{50 * (packed['high'] - packed['low']):.2f}"
        return "|".join([score, *parts, f"v:{version}"])


def read_facts(folder: Path) -> Facts:
    """Read a finished run; RunError if the folder holds none, or if parts of it do not belong together."""
    if folder.is_file():
        raise RunError(f"{folder}: this is a file. Give the folder of its run, the --out of a fit.")
    result = read_json(folder, RESULT, old=True)
    for part in ("dense", "packed", "verdict"):
        if not isinstance(result.get(part), Mapping):
            raise RunError(f"{folder / RESULT} has no {part}. Repeat the run with --overwrite.")
    if "accuracy" not in result["packed"]:
        raise RunError(f"{folder}: its model gives scores, which no page shows yet. Use evaluate and inspect.")
    try:
        told_verdict(result)
    except (TypeError, LookupError):
        raise RunError(f"{folder / RESULT} has another verdict. Repeat the run with --overwrite.") from None
    recipe = read_json(folder, RECIPE)
    old = recipe.get("format") == OLD_RUN
    source = read_json(folder, SOURCE, old=old)
    if not old:
        refuse_mixed(folder, RECIPE, SOURCE, DENSE_MODEL, packed_path(folder).name, HISTORY)
    history = read_rows(folder / HISTORY, OF_HISTORY, "Repeat the run with --overwrite.")
    alone = read_rows(folder / SENSITIVITY, OF_SENSITIVITY, "Measure it again with prunetext sensitivity.")
    return Facts(folder, recipe, source, result, history, alone)


def read_rows(path: Path, fields: Mapping[str, Any], remedy: str) -> list[dict[str, Any]]:
    """Rows of JSON; none if there is no such file; RunError with the remedy if it has others.

        read_rows(folder / "history.jsonl", {"bytes": float, "error": 0.0}, "Repeat the run.")

    fields: of each row, by name: their type, or what rows of earlier versions have that lack it.
    """
    if not path.exists():
        return []
    try:
        rows = [parsed(line, path) for line in path.read_text("utf-8").splitlines()]
        return [_with_fields(row, fields) for row in rows]
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"{path} cannot be read ({error}). {remedy}") from None


def _with_fields(row: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A row with all of these fields; ValueError if it cannot have them."""
    if not isinstance(row, dict):
        raise ValueError("a row is no object")
    found = {name: usual for name, usual in fields.items() if not isinstance(usual, type)} | row
    for name, usual in fields.items():
        if name not in found:
            raise ValueError(f"a row has no {name}")
        kind = usual if isinstance(usual, type) else type(usual)
        given = found[name]
        number = isinstance(given, (int, float)) and not isinstance(given, bool) and math.isfinite(given)
        if not (number if kind is float else isinstance(given, kind)):
            raise ValueError(f"a row's {name} is {brief(given)}")
    return found
