"""The bins say what the expected calibration error is made of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.statistics.calibration import calibration_error
from prunetext.statistics.reliability import error_of, reliability

ANSWERS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


@given(ANSWERS)
def test_the_bins_hold_every_text_and_give_the_error(answers: list[tuple[float, bool]]) -> None:
    tops, right = (np.array(column) for column in zip(*answers, strict=True))
    found = reliability(tops, right)
    assert sum(each.n for each in found) == len(answers)
    assert [each.probability for each in found] == sorted(each.probability for each in found)
    assert error_of(found) == pytest.approx(calibration_error(tops, right))
