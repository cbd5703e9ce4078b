"""What the schedule `oneshot` asks for."""

import pytest

from helpers.schedules import WHOLE, played
from prunetext.pruning.budget import Budget
from prunetext.pruning.schedules import load_schedule
from prunetext.pruning.steps import MULTIPLICATIONS, OVERSHOOT

DROP = Budget(max_drop=0.5)


def test_oneshot_takes_one_step_to_the_size_or_to_its_share() -> None:
    _, steps, reason = played(Budget(max_size=30_000), lambda number, keep: True, name="oneshot")
    assert [step.keep for step in steps] == [pytest.approx(30_000 * OVERSHOOT / WHOLE)]
    assert reason == "the packed file is within 30,000 bytes"
    _, steps, reason = played(DROP, lambda number, keep: True, name="oneshot:keep=0.2")
    assert [step.keep for step in steps] == [0.2]
    assert reason == "a cut to 20.0% of the bytes was asked for"
    _, steps, reason = played(DROP, lambda number, keep: False, name="oneshot:units=0.9")
    assert [step.units for step in steps] == [0.9]
    assert reason == "a smaller model no longer kept accuracy within 0.5 points on dev"


def test_oneshot_cuts_multiplications_without_a_recovery_if_so_asked() -> None:
    _, steps, reason = played(DROP, lambda number, keep: True, name="oneshot:work=0.6,recovery=0")
    assert [(step.keep, step.measure, step.epochs) for step in steps] == [(0.6, MULTIPLICATIONS, 0.0)]
    assert reason == "a cut to 60.0% of the multiplications was asked for"
    recovers = [load_schedule(f"oneshot:recovery={epochs}").recovers for epochs in (0, 0.5)]
    assert recovers == [False, True]
