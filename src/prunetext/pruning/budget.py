"""The budget of a run: its limits, and how people write them."""

from __future__ import annotations

import re
from typing import NamedTuple

from prunetext.errors import InputError

SIZE_UNITS = {"b": 1, "": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000, "k": 1_000, "m": 1_000_000}
TIME_UNITS = {"s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
SPEED_UNITS = {"": 1.0, "k": 1e3, "m": 1e6}
DEFAULT_DROP = 0.5  # points that may be lost where the user names none
MOST = 1e15  # largest budget in bytes, seconds, or texts a second


class Budget(NamedTuple):
    """Drop in points of the metric, bytes of the packed file, texts a second on one thread, seconds of the whole run.

    None is no limit.
    """

    max_drop: float | None = None
    max_size: int | None = None
    max_time: float | None = None
    min_speed: float | None = None
    metric: str = "accuracy"  # as people write it


def parse_size(text: str | float | None) -> int | None:
    """Bytes of a size as people write it; kB = 1,000.

    >>> parse_size("64kB")
    64000
    """
    return None if text is None else int(_quantity("max_size", str(text), SIZE_UNITS, "64kB", least=1))


def parse_time(text: str | float | None) -> float | None:
    """Seconds of a time as people write it.

    >>> parse_time("10m")
    600.0
    """
    return None if text is None else _quantity("max_time", str(text), TIME_UNITS, "10m", least=1e-3)


def parse_speed(text: str | float | None) -> float | None:
    """Texts a second as people write them.

    >>> parse_speed("300k")
    300000.0
    """
    return None if text is None else _quantity("min_speed", str(text), SPEED_UNITS, "300k", least=1e-3)


def _quantity(name: str, text: str, units: dict[str, float] | dict[str, int], example: str, least: float) -> float:
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([a-zA-Z]*)\s*", text)
    if match and match[2].lower() in units and least <= (value := float(match[1]) * units[match[2].lower()]) < MOST:
        return value
    named = ", ".join(unit for unit in units if unit)
    raise InputError(f"{name} is {text!r}: it must be a positive number with a unit of {named}, such as {example}.")
