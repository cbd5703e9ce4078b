"""Sizes and times as people write them."""

import pytest

from prunetext.errors import InputError
from prunetext.pruning.budget import parse_size, parse_speed, parse_time


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64kB", 64_000),
        ("64 KB", 64_000),
        ("64k", 64_000),
        ("1.5MB", 1_500_000),
        ("900", 900),
        (900, 900),
        (" 2m ", 2_000_000),
        ("12b", 12),
        (None, None),
        (".5kb", 500),
        (64e3, 64_000),
        ("64KiB", 65_536),
        ("64 kib", 65_536),
        ("1MiB", 1 << 20),
        ("2Gi", 2 << 30),
        ("900 bytes", 900),
    ],
)
def test_sizes(text: str | float | None, size: int | None) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10m", 600),
        ("90s", 90),
        ("1.5h", 5400),
        ("7", 7),
        (7.5, 7.5),
        ("1H", 3600),
        (None, None),
        ("10min", 600),
        ("10 minutes", 600),
        ("1 hour", 3600),
        ("30sec", 30),
        ("500ms", 0.5),
        ("1h30m", 5400),
        ("1h 30min 5s", 5405),
        ("2days", 172_800),
    ],
)
def test_times(text: str | float | None, seconds: float | None) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize(
    ("text", "speed"), [("300k", 300_000), ("0.3M", 300_000), ("120", 120), (2.5, 2.5), ("7 K", 7_000), (None, None)]
)
def test_speeds(text: str | float | None, speed: float | None) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "k", "-3", "0", "fast", "300kB", "nan", "9" * 400])
def test_speeds_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match=r"^min_speed is '.*': it must be a positive number .* such as 300k\.$"):
        parse_speed(text)


@pytest.mark.parametrize(
    "text", ["", "kB", "-3kB", "0", "64 parsecs", "1e3", "nan", "inf", "0.2", "64kB64", "9" * 400, "64KiB 1B"]
)
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match=r"^max_size is '.*': it must be .* such as 64kB\.$"):
        parse_size(text)


@pytest.mark.parametrize("text", ["", "m", "-3m", "0s", "64kB", "nan", "1:30", "9" * 400, "1h30", "1h-5m", "10 moons"])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match=r"^max_time is '.*': it must be a positive number .* such as 10m\.$"):
        parse_time(text)
