"""A slice is flagged by an exact probability, corrected for the number of slices."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from prunetext.statistics.slices import (
    LEVEL,
    TextSlice,
    corrected,
    slice_changes,
    smallest_drop,
    worse_than_random,
)

OUTCOMES = st.lists(st.sampled_from([-1, 0, 1]), min_size=2, max_size=9)


@given(OUTCOMES, st.data())
def test_the_probability_is_that_of_all_ways_to_draw_the_slice(outcomes: list[int], data: st.DataObject) -> None:
    change = np.array(outcomes)
    size = data.draw(st.integers(1, len(outcomes) - 1))
    inside = np.arange(len(change)) < size
    ways = [change[list(rows)].sum() for rows in itertools.combinations(range(len(change)), size)]
    seen = change[inside].sum()
    expected = np.mean([each >= seen for each in ways])
    found = worse_than_random(change == 1, change == -1, inside)
    if seen <= change.sum() * size / len(change):
        assert found == 1.0, "no more than its share"
    else:
        assert found == pytest.approx(expected)


@pytest.mark.parametrize(("n", "lost", "size", "seen"), [(25_000, 700, 300, 30), (7600, 80, 80, 80), (10**6, 9, 20, 1)])
def test_without_gains_it_is_hypergeometric_far_into_the_tail(n: int, lost: int, size: int, seen: int) -> None:
    change, inside = np.zeros(n, bool), np.zeros(n, bool)
    change[:lost] = True
    inside[lost - seen : lost - seen + size] = True
    found = worse_than_random(change, np.zeros(n, bool), inside)
    assert found == pytest.approx(float(hypergeom.sf(seen - 1, n, lost, size)), rel=1e-6)


def test_a_great_many_changes_are_told_as_few_are() -> None:
    """Where too many pairs of numbers are possible, the normal approximation comes close to draws."""
    draw = np.random.default_rng(0)
    change = draw.permutation(np.repeat([1, -1, 0], [90_000, 89_000, 21_000]))
    inside = np.zeros(len(change), bool)
    inside[: len(change) // 2] = True
    change[inside] = np.sort(change[inside])
    lost, gained = change == 1, change == -1
    sums = [int(change[draw.permutation(len(change))[: inside.sum()]].sum()) for _ in range(400)]
    expected = float(np.mean(np.array(sums) >= change[inside].sum()))
    assert worse_than_random(lost, gained, inside) == pytest.approx(expected, abs=0.1) or expected > 0.5


@given(st.lists(st.floats(0, 1), max_size=12))
def test_the_correction_keeps_the_order_and_is_at_most_that_of_bonferroni(chances: list[float]) -> None:
    found = corrected(chances)
    assert all(p <= each <= min(1.0, p * len(chances)) for p, each in zip(chances, found, strict=True))
    order = sorted(range(len(chances)), key=chances.__getitem__)
    assert [found[at] for at in order] == sorted(found)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 2)), min_size=1, max_size=80), st.randoms())
def test_the_order_of_the_texts_says_nothing(rows: list[tuple[bool, bool, int]], random: st.DataObject) -> None:
    def found(some: list[tuple[bool, bool, int]]) -> list[object]:
        before, now, group = (np.array(column) for column in zip(*some, strict=True))
        slices = [TextSlice("group", str(at), group == at) for at in range(3)]
        return list(slice_changes(slices, before, now))

    other = list(rows)
    random.shuffle(other)  # type: ignore[attr-defined]
    assert found(rows) == found(other)


def test_the_harmed_slice_comes_first_and_small_slices_are_not_tested() -> None:
    before, now = np.ones(1000, bool), np.ones(1000, bool)
    now[:12] = False
    now[500:510] = False
    harmed, tiny, rest = np.arange(1000) < 60, np.arange(1000) < 12, np.arange(1000) >= 60
    slices = [TextSlice("c", "rest", rest), TextSlice("c", "tiny", tiny), TextSlice("c", "harmed", harmed)]
    found = slice_changes(slices, before, now)
    assert [(each.value, each.flagged, each.lost) for each in found] == [
        ("harmed", True, True),
        ("tiny", False, False),
        ("rest", False, False),
    ]
    first = found[0]
    assert (first.n, first.changed, first.drop, first.now) == (60, 12, 20.0, 0.8)
    assert 0 < first.low < first.drop < first.high
    assert first.rest == pytest.approx(100 * 10 / 940)
    assert (found[1].p, found[1].drop) == (1.0, 100.0)


def test_a_slice_that_all_texts_share_is_never_flagged() -> None:
    (found,) = slice_changes([TextSlice("c", "all", np.ones(50, bool))], np.ones(50, bool), np.zeros(50, bool))
    assert (found.p, found.drop, found.flagged) == (1.0, 100.0, False)


def test_random_slices_are_flagged_in_few_reports() -> None:
    draw, flagged = np.random.default_rng(0), 0
    before, now = draw.random(2000) < 0.9, np.zeros(2000, bool)
    now[:] = before ^ (draw.random(2000) < 0.03)
    for _ in range(100):
        slices = [TextSlice("c", str(at), draw.random(2000) < draw.uniform(0.02, 0.6)) for at in range(10)]
        flagged += any(each.flagged for each in slice_changes(slices, before, now))
    assert flagged <= 12, "5 % are expected at most"


@given(st.integers(20, 5000), st.floats(0, 0.3))
def test_the_smallest_drop_is_seen_four_times_in_five(n: int, share: float) -> None:
    smallest = smallest_drop(round(share * n), n)
    assert 0 < smallest <= 100
    assert smallest_drop(round(share * n), 4 * n) < smallest
    assert smallest_drop(min(n, round(share * n) + 10), n) >= smallest


def test_the_smallest_drop_has_its_power() -> None:
    """Of samples with just this drop, about four in five have a lower bound above zero."""
    n, changed, draw = 2000, 100, np.random.default_rng(0)
    drop = smallest_drop(changed, n) / 100
    lost = (changed / n + drop) / 2
    counts = draw.multinomial(n, [lost, changed / n - lost, 1 - changed / n], 1000)
    score = (counts[:, 0] - counts[:, 1]) / np.sqrt(counts[:, 0] + counts[:, 1])
    assert (score > 1.645).mean() == pytest.approx(0.8, abs=0.05)
    assert LEVEL == 0.05
