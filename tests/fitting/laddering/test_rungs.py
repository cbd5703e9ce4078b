"""A ladder as values: which factors it has, and what its file may say."""

import json
from typing import Any

import pytest

from prunetext.errors import InputError
from prunetext.fitting.laddering.rungs import LadderState, Rung, checked_ladder, factors_of
from prunetext.statistics.evaluation import Verdict

RUNG = Rung(2.0, "2x", 2.1, 420.0, 9000, 0.91, 0.9, Verdict("kept", 0.1, -0.1, 0.3, None), ("too slow.",))
STATE = LadderState({"seed": 0}, (1.5, 2.0, 10.0), 200.0, 380.0, 900.0, (RUNG,), (10.0,))


def test_a_ladder_comes_back_from_json() -> None:
    values = json.loads(json.dumps(STATE.fields()))
    assert checked_ladder(values) == STATE
    assert not STATE.is_whole
    assert [STATE.knows(factor) for factor in STATE.factors] == [False, True, True]


@pytest.mark.parametrize("speeds", ["", "2,", "a", "0.5", "nan", "inf", "1e9", [], [0], list(range(1, 30))])
def test_what_names_no_factors_is_refused(speeds: Any) -> None:
    with pytest.raises(InputError, match="it must name up to 20 numbers from 1 to 1000"):
        factors_of(speeds)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "prunetext-ladder/2"},
        {"more": 1},
        {"recipe": None},
        {"base": 0},
        {"whole": "380"},
        {"least": float("nan")},
        {"factors": []},
        {"factors": [1.5, 10.0]},
        {"out_of_reach": [7.0]},
        {"rungs": None},
        {"rungs": [{}]},
        {"rungs": [3]},
        {"rungs": [RUNG.fields(), RUNG.fields()]},
        {"rungs": [{**RUNG.fields(), "dev": float("nan")}]},
        {"rungs": [{**RUNG.fields(), "folder": "../../elsewhere"}]},
        {"rungs": [{**RUNG.fields(), "measured": -1.0}]},
        {"rungs": [{**RUNG.fields(), "bytes": 0.5}]},
        {"rungs": [{**RUNG.fields(), "dev": "high"}]},
        {"rungs": [{**RUNG.fields(), "verdict": {"name": "kept"}}]},
        {"rungs": [{**RUNG.fields(), "verdict": {**RUNG.verdict._asdict(), "drop": None}}]},
        {"rungs": [{**RUNG.fields(), "missed": None}]},
    ],
)
def test_a_damaged_ladder_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        checked_ladder({**json.loads(json.dumps(STATE.fields())), **changes})
