"""The runtime's own e^x: the same bits natively and in the reference, and next to the true value."""

import math
from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prunetext.runtime import _native
from prunetext.runtime.reference import exponential, logistic

numbers = st.floats(-746, 710) | st.floats(-40, 0) | st.floats(-1, 1) | st.floats()


def same(one: float, other: float) -> bool:
    return one.hex() == other.hex()


@settings(max_examples=2000)
@given(x=numbers)
def test_native_and_reference_give_the_same_bits(x: float) -> None:
    assert same(_native.exponential(x), exponential(x))


@settings(max_examples=1000)
@given(x=st.floats(-745, 709.7) | st.floats(-40, 0))
def test_it_is_less_than_one_unit_in_the_last_place_off(x: float) -> None:
    with localcontext(prec=60):
        true = Decimal(x).exp()
        off = abs(Decimal(exponential(x)) - true) / Decimal(math.ulp(float(true)))
    assert off < (1 if x > -708 else 1.5)  # what is below the normal numbers is rounded a second time


@pytest.mark.parametrize(
    ("x", "power"),
    [
        (0.0, 1.0),
        (-0.0, 1.0),
        (-math.inf, 0.0),
        (math.inf, math.inf),
        (-1e300, 0.0),
        (-746.0, 0.0),
        (-745.1, 5e-324),
        (709.0, math.exp(709.0)),
        (710.0, math.inf),
        (5e-324, 1.0),
    ],
)
def test_its_ends_are_those_of_float64(x: float, power: float) -> None:
    assert _native.exponential(x) == exponential(x) == power


def test_no_number_stays_none() -> None:
    assert math.isnan(_native.exponential(math.nan))
    assert math.isnan(exponential(math.nan))


@settings(max_examples=500)
@given(x=st.floats(-800, 800))
def test_probabilities_move_by_no_more_than_the_last_places(x: float) -> None:
    """What files gave before they had an exp of their own."""
    power = math.exp(-abs(x))
    assert logistic(x) == pytest.approx((power if x < 0 else 1) / (1 + power), rel=1e-12, abs=1e-300)
