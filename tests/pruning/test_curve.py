"""What all candidates tell of each: by the harm that the dense model expects, or by a curve of drops over sizes."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.pruning.budget import Budget
from prunetext.pruning.curve import MULTIPLE_SPREAD, POWER, USUAL_MULTIPLE, accepted_rows, drop_curve, multiple_of
from prunetext.pruning.steps import Outcome

WHOLE = 400_000


def row(size: int, drop: float, error: float = 0.0, harm: float | None = None) -> Outcome:
    return Outcome(size / WHOLE, size, drop, error=error, harm=harm)


rows_of = st.lists(
    st.tuples(st.integers(10, WHOLE - 1), st.floats(-5, 60), st.floats(0, 5)), min_size=0, max_size=12
).map(lambda found: [row(WHOLE, 0.0), *(row(*each) for each in found)])


@given(history=rows_of)
def test_it_never_rises_with_the_size_and_bends_one_way(history: list[Outcome]) -> None:
    curve = drop_curve(history)
    sizes = np.geomspace(10, WHOLE, 40)
    drops = [curve.at(size) for size in sizes]
    falls = [later - earlier for earlier, later in pairwise(drops)]
    assert all(fall <= 1e-6 for fall in falls)
    assert all(later >= earlier - 1e-6 for earlier, later in pairwise(falls)), "equal steps of the logarithm"


def test_sure_drops_that_fall_and_bend_are_kept() -> None:
    history = [row(WHOLE >> at, drop, 0.001) for at, drop in enumerate((0.0, 0.1, 0.3, 0.8, 2.0))]
    curve = drop_curve(history)
    for each in history:
        assert curve.at(each.bytes) == pytest.approx(each.drop, abs=0.03)


def test_the_drop_of_a_noisy_candidate_is_told_by_its_neighbours() -> None:
    others = [row(WHOLE, 0.0), row(200_000, 0.05, 0.1), row(50_000, 0.1, 0.2), row(12_000, 3.0, 0.8)]
    for drop in (-0.6, 0.7):
        rows = accepted_rows([*others, row(100_000, drop, 0.6)], Budget(max_drop=0.5))
        assert rows[-1].fitted == pytest.approx(0.07, abs=0.15), drop
        assert [each.accepted for each in rows] == [True, True, True, False, False], "too unsure"


def test_a_candidate_of_which_dev_is_sure_counts_for_itself() -> None:
    history = [row(WHOLE, 0.0), row(100_000, 1.5, 0.02), row(50_000, 0.1, 0.02)]
    rows = accepted_rows(history, Budget(max_drop=0.5))
    assert rows[1].fitted > 1
    assert [each.accepted for each in rows] == [True, False, True]


@given(history=rows_of, drop=st.floats(0, 20))
def test_the_whole_model_is_accepted_and_nothing_that_is_not_held(history: list[Outcome], drop: float) -> None:
    rows = accepted_rows([each._replace(held=at != 1) for at, each in enumerate(history)], Budget(max_drop=drop))
    assert rows[0].accepted
    assert not any(each.accepted for each in rows[1:2])
    assert accepted_rows(rows, Budget(max_drop=drop)) == rows, "what was accepted before does not matter"
    assert all(each.accepted for each in accepted_rows(history, Budget(max_size=10)))
    assert all(math.isfinite(each.fitted) for each in rows)


@pytest.mark.parametrize("multiple", [0.4, 0.8, 1.4])
def test_candidates_that_lose_much_tell_what_a_little_harm_is_worth(multiple: float) -> None:
    harms = [0.0, 0.1, 0.4, 1.5, 6.0]
    history = [row(WHOLE >> at, multiple * harm**POWER, 0.05 + 0.15 * harm, harm) for at, harm in enumerate(harms)]
    found, doubt = multiple_of(history)
    assert doubt < MULTIPLE_SPREAD
    assert abs(found - multiple) <= 0.8 * abs(USUAL_MULTIPLE - multiple) + 0.01, (
        "nearer to it than before dev was asked"
    )
    lucky, unlucky = (row(20_000, drop, 0.6, 0.5) for drop in (-0.5, 1.1))
    for other in (lucky, unlucky):
        last = accepted_rows([*history, other], Budget(max_drop=0.5))[-1]
        assert last.fitted == pytest.approx(found * 0.5**POWER, abs=0.3), "dev hardly counts against harm"


def test_without_a_word_from_dev_harm_counts_for_what_is_usual() -> None:
    rows = accepted_rows([row(WHOLE, 0.0, 0.0, 0.0), row(9000, 0.0, 50.0, 2.0)], Budget(max_drop=5))
    assert rows[1].fitted == pytest.approx(USUAL_MULTIPLE * 2**POWER, abs=0.05)
    assert rows[1].fitted_error == pytest.approx(MULTIPLE_SPREAD * 2**POWER, rel=0.6)


def test_many_texts_of_dev_outvote_harm() -> None:
    history = [row(WHOLE, 0.0, 0.0, 0.0), row(90_000, 0.5, 0.05, 1.0), row(50_000, 2.0, 0.05, 1.2)]
    drops = [each.fitted for each in accepted_rows(history, Budget(max_drop=0.5))]
    assert drops == pytest.approx([0.0, 0.5, 2.0], abs=0.15)


def test_a_model_that_changes_no_label_of_dev_is_accepted_although_nothing_may_be_lost() -> None:
    history = [row(WHOLE, 0.0, 0.1, 0.0), row(90_000, 0.0, 0.1, 0.02), row(50_000, 0.0, 1.0, 2.5)]
    history.append(row(60_000, 0.05, 0.1, 0.02))
    assert [each.accepted for each in accepted_rows(history, Budget(max_drop=0))] == [True, True, False, False]
