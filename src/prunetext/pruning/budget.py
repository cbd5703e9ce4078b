"""The budget of a run: its limits, and how people write them."""

from __future__ import annotations

import re
from typing import NamedTuple

from prunetext.errors import InputError, brief

DEFAULT_DROP = 0.5  # points that may be lost where the user names none
Units = dict[str, float]  # name in lower case → how many it is


def _named(*units: tuple[str, float]) -> Units:
    """The units by all their names, which blanks separate."""
    return {"": 1.0, **{name: value for names, value in units for name in names.split()}}


SIZE_UNITS = _named(
    ("b byte bytes", 1),
    ("k kb", 1e3),
    ("m mb", 1e6),
    ("g gb", 1e9),
    ("ki kib", 1 << 10),
    ("mi mib", 1 << 20),
    ("gi gib", 1 << 30),
)
TIME_UNITS = _named(
    ("ms", 1e-3),
    ("s sec secs second seconds", 1),
    ("m min mins minute minutes", 60),
    ("h hr hrs hour hours", 3600),
    ("d day days", 86400),
)
SPEED_UNITS = _named(("k", 1e3), ("m", 1e6))
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


def parse_size(text: str | float | None, name: str = "max_size") -> int | None:
    """Bytes of a size as people write it; kB = 1,000, KiB = 1,024. name: of the option, for the error.

    >>> parse_size("64kB"), parse_size("64KiB")
    (64000, 65536)
    """
    usual = "B, kB, MB or KiB, such as 64kB"
    return None if text is None else int(_quantity(name, str(text), SIZE_UNITS, usual, 1))


def parse_time(text: str | float | None) -> float | None:
    """Seconds of a time as people write it.

    >>> parse_time("10m"), parse_time("1h30min")
    (600.0, 5400.0)
    """
    return None if text is None else seconds_of("max_time", text)


def seconds_of(name: str, text: str | float) -> float:
    """The same, of the option with this name.

    >>> seconds_of("autotune", "2 min")
    120.0
    """
    parts = re.findall(r"[0-9.]+\s*[a-zA-Z]+", str(text))
    if len(parts) < 2 or "".join(parts) != "".join(str(text).split()):
        parts = [str(text)]
    return sum(_quantity(name, part, TIME_UNITS, "s, m or h, such as 10m", 1e-3, str(text)) for part in parts)


def parse_speed(text: str | float | None) -> float | None:
    """Texts a second as people write them.

    >>> parse_speed("300k")
    300000.0
    """
    return None if text is None else _quantity("min_speed", str(text), SPEED_UNITS, "k or m, such as 300k", 1e-3)


def _quantity(name: str, text: str, units: Units, usual: str, least: float, whole: str | None = None) -> float:
    """A number with its unit; `whole` is what the user gave, if `text` is a part of it."""
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([a-zA-Z]*)\s*", text)
    if match and match[2].lower() in units and least <= (value := float(match[1]) * units[match[2].lower()]) < MOST:
        return value
    given = brief(text if whole is None else whole)
    raise InputError(f"{name} is {given}: it must be a positive number with a unit of {usual}.")
