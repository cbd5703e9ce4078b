"""A ladder of models as values, and the file that says what is made of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from prunetext.errors import DamagedError, InputError, RunError, brief
from prunetext.runtime.states import read_state, write_state
from prunetext.statistics.evaluation import Verdict
from prunetext.statistics.metrics import title_of

LADDER_FILE, LADDER_FORMAT = "ladder.json", "prunetext-ladder/1"
USUAL_SPEEDS = "1.5,2,3,5,10"
MOST_RUNGS, FASTEST_RUNG = 20, 1000.0
_NUMBERS = ("speed", "measured", "dev", "test")  # of a rung
_SPEEDS = ("base", "whole", "least")  # of a ladder, in texts a second


class Rung(NamedTuple):
    """One model of a ladder.

    factor: how many times as fast as the unpruned float model it should be; measured: how many times it is, both timed
    in turn. folder: of its run, beside the file of the ladder. speed: texts a second, on one thread. bytes: of the
    packed file. dev, test: its accuracy, or other metric, as a share. verdict: against the dense model, on test.
    missed: what its run missed, in sentences.
    """

    factor: float
    folder: str
    measured: float
    speed: float
    bytes: int
    dev: float
    test: float
    verdict: Verdict
    missed: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Rung:
        """A rung of what `fields` gives; ValueError if that is none."""
        if not isinstance(values, dict) or values.keys() != set(cls._fields) or not isinstance(values["folder"], str):
            raise ValueError("a rung in it is none")
        numbers = [values[name] for name in ("factor", *_NUMBERS)]
        if not all(map(is_positive, numbers[:3])) or not all(map(is_finite, numbers[3:])):
            raise ValueError("a rung in it is none")
        if values["folder"] != rung_folder(values["factor"]) or type(values["bytes"]) is not int:
            raise ValueError("a rung in it is none")
        verdict = Verdict(**values["verdict"])
        bounds = (verdict.drop, verdict.low, verdict.high)
        if not all(type(each) in (int, float) for each in bounds) or not isinstance(verdict.name, str):
            raise ValueError("a verdict in it is none")
        return cls(**{**values, "verdict": verdict, "missed": tuple(map(str, values["missed"]))})

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**self._asdict(), "verdict": self.verdict._asdict(), "missed": list(self.missed)}


class LadderState(NamedTuple):
    """What is known of a ladder that is being made.

    recipe: all that its models depend on. base, whole, least: texts a second of the unpruned model with float numbers,
    of the same as its packed file, and of that without all that can go. rungs: those that are made. out_of_reach: the
    factors that nothing can reach.
    """

    recipe: dict[str, Any]
    factors: tuple[float, ...]
    base: float
    whole: float
    least: float
    rungs: tuple[Rung, ...] = ()
    out_of_reach: tuple[float, ...] = ()

    def knows(self, factor: float) -> bool:
        """Whether the model of a factor is made, or out of reach."""
        return factor in self.out_of_reach or any(rung.factor == factor for rung in self.rungs)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left to be made."""
        return len(self.rungs) + len(self.out_of_reach) == len(self.factors)

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"format": LADDER_FORMAT, **self._asdict(), "rungs": [rung.fields() for rung in self.rungs]}

    def write(self, out: Path) -> None:
        """Write it into the folder of the ladder."""
        write_state(out / LADDER_FILE, self.fields())


@dataclass(frozen=True)
class Ladder:
    """The models of a ladder, which `ladder.json` in its folder has, too.

        found = prunetext.ladder("runs/minilm", speeds="2,5", out="runs/fast")
        found.rungs[0].measured, found.rungs[0].verdict.name       # (2.04, 'kept')

    base: texts a second of the unpruned model with float numbers. dev, test: its accuracy, or other metric, as a share.
    missed: which factors were not reached, in sentences.
    """

    path: Path
    base: float
    metric: str
    dev: float
    test: float
    rungs: list[Rung]
    missed: list[str]
    notes: list[str]

    @property
    def title(self) -> str:
        """The metric's name as people write it."""
        return title_of(self.metric)

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        rungs = [rung.fields() for rung in self.rungs]
        return {**vars(self), "path": str(self.path), "rungs": rungs}


def factors_of(speeds: str | Sequence[float]) -> tuple[float, ...]:
    """The factors of a ladder, from the lowest; `InputError` for what are none.

    >>> factors_of("3, 1.5"), factors_of([2])
    ((1.5, 3.0), (2.0,))
    """
    parts = speeds.split(",") if isinstance(speeds, str) else speeds
    rule = f"it must name up to {MOST_RUNGS} numbers from 1 to {FASTEST_RUNG:g}, such as {USUAL_SPEEDS}"
    try:
        found = sorted({float(f"{float(each):g}") for each in parts})  # as folders are named
    except ValueError:
        found = []
    if not 1 <= len(found) <= MOST_RUNGS or not all(1 <= each <= FASTEST_RUNG for each in found):
        raise InputError(f"speeds is {brief(speeds)}: {rule}.")
    return tuple(found)


def rung_folder(factor: float) -> str:
    """The folder of a rung.

    >>> rung_folder(1.5), rung_folder(10.0)
    ('1.5x', '10x')
    """
    return f"{factor:g}x"


def read_ladder(out: Path) -> LadderState | None:
    """What is known of the ladder in a folder; None without any, and `RunError` if it is damaged."""
    try:
        return checked_ladder(read_state(out / LADDER_FILE))
    except FileNotFoundError:
        return None
    except (DamagedError, ValueError, TypeError, KeyError) as error:
        reason = error.reason if isinstance(error, DamagedError) else str(error)
        raise RunError(
            f"{out / LADDER_FILE} is damaged ({reason}). Repeat the command with --overwrite, or give another --out."
        ) from None


def checked_ladder(values: Mapping[str, Any]) -> LadderState:
    """A ladder of what its file says; ValueError, TypeError or KeyError if it is none."""
    own = {name: value for name, value in values.items() if name != "format"}
    if values.get("format") != LADDER_FORMAT or own.keys() != set(LadderState._fields):
        raise ValueError("it is no ladder")
    factors, out_of_reach = (factors_of(own[name]) if own[name] else () for name in ("factors", "out_of_reach"))
    if not isinstance(own["recipe"], dict) or not all(is_positive(own[name]) for name in _SPEEDS):
        raise ValueError("its speeds are none")
    rungs = tuple(map(Rung.of, own["rungs"]))
    known = [*out_of_reach, *(rung.factor for rung in rungs)]
    if len(set(known)) != len(known) or not set(known) <= set(factors):
        raise ValueError("its rungs are others than it says")
    return LadderState(**{**own, "factors": factors, "rungs": rungs, "out_of_reach": out_of_reach})


def is_finite(value: Any) -> bool:
    """Whether a value of a file is a number."""
    return type(value) in (int, float) and math.isfinite(value)


def is_positive(value: Any) -> bool:
    """Whether it is one above 0."""
    return is_finite(value) and bool(value > 0)
