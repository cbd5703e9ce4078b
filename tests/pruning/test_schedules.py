"""The local schedule: it halves its step on failure, goes back to the last good model, and always ends."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.errors import InputError
from prunetext.pruning.budget import Budget
from prunetext.pruning.schedules import FIRST_STEP, LAST_STEP, OVERSHOOT, Outcome, Step, Stop, load_schedule, local

WHOLE = 200_000
START = Outcome(1.0, WHOLE, 0.0, accepted=True)
DROP = Budget(max_drop=0.5)


def outcome(keep: float, *, accepted: bool) -> Outcome:
    return Outcome(keep, round(keep * WHOLE), 0.0 if accepted else 2.0, accepted)


def search(
    budget: Budget, accepts: Callable[[int, float], bool], real: Callable[[float], float] = lambda keep: keep
) -> tuple[list[Outcome], list[Step], str]:
    """Play the driver: each step comes out with `real(keep)` of the bytes, and is accepted or not."""
    history, steps = [START], []
    while True:
        step = local(history, budget)
        if isinstance(step, Stop):
            return history, steps, step.reason
        steps.append(step)
        keep = real(step.keep)
        history.append(outcome(keep, accepted=accepts(len(steps), keep)))
        assert len(history) < 60, "it does not end"


def asked(*history: Outcome, budget: Budget = DROP) -> float:
    step = local([START, *history], budget)
    assert isinstance(step, Step)
    return step.keep


def test_the_first_step_halves_the_bytes_and_a_step_that_holds_is_followed_by_one_as_large() -> None:
    assert asked() == pytest.approx(0.5)
    assert asked(outcome(0.5, accepted=True)) == pytest.approx(0.25)
    assert asked(outcome(0.5, accepted=True), outcome(0.25, accepted=True)) == pytest.approx(0.125)


def test_a_failure_goes_back_and_tries_half_as_far() -> None:
    failed = outcome(0.5, accepted=False)
    assert asked(failed) == pytest.approx(math.exp(-FIRST_STEP / 2))
    assert asked(outcome(0.4, accepted=True), outcome(0.2, accepted=False)) == pytest.approx(0.4 * 0.5**0.5)
    # After a smaller step has held, the next is as small.
    again = asked(outcome(0.4, accepted=True), outcome(0.2, accepted=False), outcome(0.28, accepted=True))
    assert again == pytest.approx(0.28 * 0.5**0.5)


def test_it_stops_when_no_step_worth_its_recovery_holds() -> None:
    history, steps, reason = search(DROP, lambda number, keep: False)
    assert [step.keep for step in steps] == pytest.approx([0.5**share for share in (1, 0.5, 0.25)])
    assert FIRST_STEP / 2 ** len(steps) < LAST_STEP
    assert reason == "a smaller model no longer kept accuracy within 0.5 points on dev"
    assert not any(each.accepted for each in history[1:])


def test_a_size_is_reached_and_ends_the_search() -> None:
    budget = Budget(max_size=30_000)
    history, steps, reason = search(budget, lambda number, keep: True)
    assert reason == "the packed file is within 30,000 bytes"
    assert history[-1].bytes <= 30_000 < history[-2].bytes
    assert steps[-1].keep == pytest.approx(30_000 * OVERSHOOT / WHOLE)  # and not far beyond it


def test_a_size_is_reached_although_every_model_is_a_little_larger_than_asked() -> None:
    history, _, _ = search(Budget(max_size=30_000), lambda number, keep: True, lambda keep: keep * 1.015)
    assert history[-1].bytes <= 30_000


def test_a_model_within_the_size_from_the_start_is_not_pruned() -> None:
    history, _, reason = search(Budget(max_size=WHOLE), lambda number, keep: True)
    assert len(history) == 1
    assert reason == "the packed file is within 200,000 bytes"


def test_a_size_that_accuracy_does_not_allow_is_said() -> None:
    budget = Budget(max_drop=1, max_size=30_000)
    history, _, reason = search(budget, lambda number, keep: keep > 0.4)
    good = [each for each in history if each.accepted][-1]
    assert 0.4 < good.keep < 0.4 * 1.3
    assert reason == "a smaller model no longer kept accuracy within 1 points on dev"


def test_a_floor_ends_the_search() -> None:
    _, _, reason = search(DROP, lambda number, keep: True, lambda keep: max(keep, 0.02))
    assert reason == "nothing more can be removed"


@given(
    answers=st.lists(st.booleans(), min_size=60, max_size=60),
    size=st.none() | st.integers(1, 2 * WHOLE),
    floor=st.floats(0.01, 0.9),
    error=st.floats(0.9, 1.1),
)
def test_it_always_ends_and_always_goes_down_from_the_last_good_model(
    answers: list[bool], size: int | None, floor: float, error: float
) -> None:
    budget = Budget(max_drop=0.5, max_size=size)
    history, steps, reason = search(
        budget, lambda number, keep: answers[number - 1], lambda keep: max(floor, keep * error)
    )
    assert reason
    for number, step in enumerate(steps, start=1):
        good = [each for each in history[:number] if each.accepted][-1]
        assert 0 < step.keep < good.keep


def test_an_unknown_schedule_is_one_sentence() -> None:
    with pytest.raises(InputError, match=r"^schedule 'sudden' is unknown\. Choose one of local\.$"):
        load_schedule("sudden")
