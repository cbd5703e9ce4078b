"""The runtime's own reader of decimal numbers gives the float that Python gives, to the bit."""

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prunetext.runtime import _native

digits = st.text("0123456789", max_size=30)


@settings(max_examples=2000)
@given(value=st.floats(1e-6, 1e6) | st.floats(0, 1) | st.floats(allow_nan=False, allow_infinity=False))
def test_what_python_writes_is_read_back(value: float) -> None:
    if abs(value) < 2.3e-308:  # below the normal numbers, which no file has, the last bit may differ
        value = 0.0
    assert _native.parse_number(repr(value)) == value
    assert _native.parse_number(f"{value:.25e}") == value


@settings(max_examples=2000)
@given(whole=digits, part=digits, exponent=st.integers(-40, 40))
def test_any_digits_are_rounded_as_python_rounds_them(whole: str, part: str, exponent: int) -> None:
    if whole or part:
        text = f"{whole}.{part}e{exponent}"
        assert _native.parse_number(text) == float(text)


@settings(max_examples=500)
@given(
    mantissa=st.integers(2**52, 2**53 - 1), exponent=st.integers(-100, 100), nudge=st.sampled_from(["", "1", "0001"])
)
def test_halves_are_rounded_to_even(mantissa: int, exponent: int, nudge: str) -> None:
    from decimal import Decimal, localcontext

    with localcontext(prec=400):
        half = format((2 * Decimal(mantissa) + 1) * Decimal(2) ** exponent, "f")
    text = half + ("" if "." in half else ".") + nudge
    assert _native.parse_number(text) == float(text)


def test_more_digits_than_can_matter_still_break_a_tie() -> None:
    tie = str(2**53 + 1) + "." + "0" * 900
    assert _native.parse_number(tie) == 2.0**53
    assert _native.parse_number(tie + "1") == 2.0**53 + 2


@pytest.mark.parametrize(
    "text", ["", "-", ".", "+1", " 1", "1 ", "1e", "1e+", "e5", "1..2", "1,5", "inf", "nan", "0x1p3", "--1"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    assert math.isnan(_native.parse_number(text))


def test_a_long_number_takes_little_time() -> None:
    start = time.process_time()
    assert _native.parse_number("0." + "0" * 1_000_000 + "1" * 1_000_000) == 0
    assert _native.parse_number("1e999999999999999999999") == math.inf
    assert _native.parse_number("1e-999999999999999999999") == 0
    for _ in range(200):
        _native.parse_number("0." + "7" * 800)
    assert time.process_time() - start < 1
