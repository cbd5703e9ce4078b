"""What rows say together: means, Student's interval over seeds, the order of lines, counted verdicts."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.comparison.rows import ComparedRow
from prunetext.comparison.summary import margin, summarise

BUDGETS = {"1/2": 20_000, "1/10": 4_000, "any": 90_000, "64kB": 64_000}
STUDENT = {2: 12.7062, 3: 4.3027, 4: 3.1824}  # 97.5 % points of t with one freedom fewer, from a table


def row(method: str, size: str, seed: int, test: float, verdict: str = "kept", **other: float) -> ComparedRow:
    numbers = {"bytes": 3_000, "drop": 1.0, "seconds": 2.0, "texts_per_second": 1e5, **other}
    own = {"data": "toy", "fingerprint": "0", "budget": BUDGETS[size] + seed, "dev": 0.0, "dense": 0.0}
    bounds = {"low": 0.0, "high": 0.0, "machine": {}}
    return ComparedRow(method=method, size=size, seed=seed, test=test, verdict=verdict, **numbers, **own, **bounds)  # type: ignore[arg-type]


def test_lines_are_means_over_seeds() -> None:
    rows = [
        row("taylor/local", "1/2", 0, 90.0, "kept", bytes=3_000, drop=0.5, seconds=1.0, texts_per_second=100),
        row("taylor/local", "1/2", 1, 91.0, "lost", bytes=3_100, drop=1.5, seconds=2.0, texts_per_second=200),
        row("taylor/local", "1/2", 2, 95.0, "kept", bytes=3_500, drop=4.0, seconds=6.0, texts_per_second=600),
        row("taylor/local", "1/10", 0, 50.0, "undecided"),
    ]
    large, small = summarise(rows)
    assert large[:4] == ("1/2", "taylor/local", 3, 92.0)
    assert large.margin == pytest.approx(STUDENT[3] * math.sqrt(7 / 3), rel=1e-4)  # 4 + 1 + 9 over 2, over 3
    assert large[5:] == (2.0, 3_200.0, 300.0, 3.0, "2 kept, 1 lost", 0)
    assert small[:4] == ("1/10", "taylor/local", 1, 50.0)
    assert small.margin == math.inf
    assert small.verdicts == "1 undecided"
    assert summarise([]) == []


def test_verdicts_are_counted_in_one_order() -> None:
    names = ["lost", "undecided", "kept", "lost", "undecided", "lost"]
    (line,) = summarise([row("obs/local", "1/2", seed, 90.0, name) for seed, name in enumerate(names)])
    assert line.verdicts == "1 kept, 2 undecided, 3 lost"


def test_sizes_come_from_the_largest_and_the_most_accurate_first() -> None:
    tests = {"any": (99.0, 98.0), "1/10": (70.0, 80.0), "64kB": (60.0, 50.0), "1/2": (10.0, 20.0)}
    rows = [
        row(method, size, seed, test + seed)
        for size, pair in tests.items()
        for method, test in zip(("first", "second"), pair, strict=True)
        for seed in (0, 1)
    ]
    Random(0).shuffle(rows)
    order = ["64kB first", "64kB second", "1/2 second", "1/2 first", "1/10 second", "1/10 first"]
    lines = summarise(rows)
    assert [f"{line.size} {line.method}" for line in lines] == [*order, "any first", "any second"]
    assert {line.seeds for line in lines} == {2}


@pytest.mark.parametrize("values", [[90.0, 91.0], [90.0, 91.0, 93.5], [1.0, 2.0, 3.0, 9.0]])
def test_the_interval_is_student_s(values: list[float]) -> None:
    n, mean = len(values), sum(values) / len(values)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1))
    assert margin(values) == pytest.approx(STUDENT[n] * deviation / math.sqrt(n), rel=1e-4)


@given(st.lists(st.floats(0, 100), min_size=2, max_size=9), st.floats(-50, 50), st.floats(0.1, 10))
def test_the_interval_moves_and_grows_with_the_values(values: list[float], shift: float, factor: float) -> None:
    assert margin([value + shift for value in values]) == pytest.approx(margin(values), abs=1e-6)
    assert margin([value * factor for value in values]) == pytest.approx(margin(values) * factor, abs=1e-6)


def test_what_is_larger_than_its_size_is_counted() -> None:
    rows = [row("taylor/local", "1/2", seed, 90.0, "kept", bytes=BUDGETS["1/2"] + 1) for seed in (0, 1)]
    (line,) = summarise(rows)
    assert line.over == 1  # the budget of seed 1 is one byte larger
