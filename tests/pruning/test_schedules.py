"""What each schedule asks for; all of them end, whatever comes of their steps."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.schedules import START, WHOLE, outcome_of, played
from prunetext.errors import InputError
from prunetext.pruning.budget import Budget
from prunetext.pruning.curve import limit_of
from prunetext.pruning.schedules import NEAR_END, SCHEDULES, load_schedule
from prunetext.pruning.steps import OVERSHOOT, Outcome, Step, Stop

DROP = Budget(max_drop=0.5)
NO_SMALLER = "a smaller model no longer kept accuracy within 0.5 points on dev"


def failing(keep: float, drop: float, error: float = 0.0) -> Outcome:
    """A refused model of which all together tell this drop."""
    return outcome_of(keep, accepted=False)._replace(drop=drop, error=error, fitted=drop, fitted_error=error)


def asked(*history: Outcome, budget: Budget = DROP) -> float:
    step = load_schedule("local").next([START, *history], budget)
    assert isinstance(step, Step)
    return step.keep


def test_each_step_leaves_a_half_until_one_clearly_fails() -> None:
    assert asked() == pytest.approx(1 / 2)
    assert asked(outcome_of(0.5, accepted=True)) == pytest.approx(1 / 4)
    held, unsure = outcome_of(0.5, accepted=True), failing(0.25, 0.8, 0.4)  # 0.8 − 0.4 is within 0.5
    assert load_schedule("local").next([START, held, unsure], DROP) == Step(pytest.approx(1 / 8), start="last")
    assert 0.25 < asked(held, failing(0.25, 1.0, 0.4)) < 0.5


def test_between_a_good_and_a_bad_model_it_goes_to_where_the_limit_is_met() -> None:
    held, limit = outcome_of(0.5, accepted=True)._replace(fitted=limit_of(0.5) / 2), limit_of(0.5)
    assert asked(held, failing(0.25, 2 * limit)) == pytest.approx(0.25 * math.sqrt(2)), "in the middle of both drops"
    assert asked(held, failing(0.1, 5.0), failing(0.25, 1.01 * limit)) == pytest.approx(0.25 * 2**NEAR_END), (
        "but not too near to either"
    )
    assert asked(held._replace(fitted=0.99 * limit), failing(0.25, 4.0)) == pytest.approx(0.5 / 2**NEAR_END)


def test_a_model_that_fails_by_less_than_dev_can_tell_is_drawn_a_second_time_but_no_third() -> None:
    schedule = load_schedule("local")
    good, clear = outcome_of(0.3, accepted=True), failing(0.1, 5.0)
    for drop, error, again in ((0.7, 0.4, True), (0.7, 0.2, False)):
        near = failing(0.27, drop, error)
        step = schedule.next([START, good, clear, near], DROP)
        assert step == (Step(pytest.approx(0.27), again=1) if again else Stop(NO_SMALLER))
        assert schedule.next([START, good, clear, near, near._replace(drop=0.9)], DROP) == Stop(NO_SMALLER)


def test_it_stops_when_good_and_bad_are_close() -> None:
    history, steps, reason = played(DROP, lambda number, keep: keep > 0.2)
    good = min(each.keep for each in history if each.accepted)
    bad = max(each.keep for each in history if not each.accepted)
    assert bad < 0.2 < good < bad * 1.25
    assert len(steps) < 9
    assert reason == NO_SMALLER
    history, steps, reason = played(DROP, lambda number, keep: False)
    assert len(steps) < 6
    assert reason == NO_SMALLER


def test_a_smaller_model_that_is_accepted_later_is_what_the_next_step_goes_from() -> None:
    late, newest = outcome_of(0.25, accepted=True), outcome_of(0.5, accepted=True)
    for name in ("local", "lottery", "incremental"):
        step = load_schedule(name).next([START, late, newest], DROP)
        assert isinstance(step, Step), "something was removed"
        assert step.keep < 0.25
        assert load_schedule(name).next([START, late, outcome_of(0.2499, accepted=True)], DROP) == Stop(
            "nothing more can be removed"
        )


def test_a_size_is_reached_by_any_number_of_steps() -> None:
    history, _, reason = played(Budget(max_size=15_000), lambda number, keep: True, name="local:first=1.1")
    assert reason == "the packed file is within 15,000 bytes"
    assert len(history) > 25


def test_a_failure_of_lottery_goes_back_and_tries_half_as_far() -> None:
    def next_of(*history: Outcome) -> float:
        step = load_schedule("lottery:step=4,last=1.4").next([START, *history], DROP)
        assert isinstance(step, Step)
        assert step.start == "best"
        return step.keep

    failed = outcome_of(0.25, accepted=False)
    assert next_of(failed) == pytest.approx(1 / math.sqrt(4))
    assert next_of(outcome_of(0.4, accepted=True), outcome_of(0.1, accepted=False)) == pytest.approx(0.4 / 2)
    # After a smaller step has held, the next is as small.
    again = next_of(outcome_of(0.4, accepted=True), outcome_of(0.1, accepted=False), outcome_of(0.22, accepted=True))
    assert again == pytest.approx(0.22 / 2)
    # Where a model was clearly worse than allowed, or below, is nothing to be found.
    refuted = [outcome_of(0.25, accepted=False), outcome_of(0.5, accepted=True)]
    assert next_of(*refuted) == pytest.approx(0.25 * math.sqrt(2))
    noisy = outcome_of(0.25, accepted=False)._replace(drop=0.6, error=0.4)
    assert next_of(noisy, noisy, outcome_of(0.5, accepted=True)) == pytest.approx(0.5 / math.sqrt(2))
    refuted.append(outcome_of(0.25 * math.sqrt(2), accepted=False))
    assert load_schedule("lottery:step=4,last=1.4").next([START, *refuted], DROP) == Stop(NO_SMALLER)


def test_a_size_is_reached_and_ends_the_search() -> None:
    budget = Budget(max_size=30_000)
    history, steps, reason = played(budget, lambda number, keep: True)
    assert reason == "the packed file is within 30,000 bytes"
    assert history[-1].bytes <= 30_000 < history[-2].bytes
    assert steps[-1].keep == pytest.approx(30_000 * OVERSHOOT / WHOLE)  # and not far beyond it


def test_a_size_is_reached_although_every_model_is_a_little_larger_than_asked() -> None:
    history, _, _ = played(Budget(max_size=30_000), lambda number, keep: True, lambda keep: keep * 1.015)
    assert history[-1].bytes <= 30_000


def test_a_model_within_the_size_from_the_start_is_not_pruned() -> None:
    history, _, reason = played(Budget(max_size=WHOLE), lambda number, keep: True)
    assert len(history) == 1
    assert reason == "the packed file is within 200,000 bytes"


def test_a_size_that_accuracy_does_not_allow_is_said() -> None:
    budget = Budget(max_drop=1, max_size=30_000)
    history, _, reason = played(budget, lambda number, keep: keep > 0.4)
    assert 0.4 < min(each.keep for each in history if each.accepted) < 0.4 * 1.3
    assert reason == "a smaller model no longer kept accuracy within 1 points on dev"


def test_a_floor_ends_the_search() -> None:
    _, _, reason = played(DROP, lambda number, keep: True, lambda keep: max(keep, 0.02), "local:enough=0")
    assert reason == "nothing more can be removed"


@pytest.mark.parametrize(("name", "size"), [("local", WHOLE / 8), ("local:enough=20kB", 20_000)])
def test_for_accuracy_alone_it_ends_where_the_file_is_small_enough(name: str, size: float) -> None:
    history, steps, reason = played(DROP, lambda number, keep: True, name=name)
    assert size <= history[-1].bytes < 1.15 * size
    assert all(step.keep * WHOLE >= size for step in steps)
    assert reason == f"the packed file has {history[-1].bytes:,} bytes, and a smaller one would hardly be faster"
    asked, _, _ = played(Budget(max_drop=0.5, max_size=10_000), lambda number, keep: True, name=name)
    assert asked[-1].bytes <= 10_000


@given(
    name=st.sampled_from(["local", "incremental", "lottery", "oneshot", "global", "global:steps=3,final=0.2"]),
    answers=st.lists(st.booleans(), min_size=60, max_size=60),
    size=st.none() | st.integers(1, 2 * WHOLE),
    floor=st.floats(0.01, 0.9),
    error=st.floats(0.9, 1.1),
)
def test_every_schedule_ends_and_goes_down_from_the_model_it_starts_from(
    name: str, answers: list[bool], size: int | None, floor: float, error: float
) -> None:
    budget = Budget(max_drop=0.5, max_size=size)
    history, steps, reason = played(
        budget, lambda number, keep: answers[number - 1], lambda keep: max(floor, keep * error), name
    )
    assert reason
    for number, step in enumerate(steps, start=1):
        good = min((each for each in history[:number] if each.accepted), key=lambda each: each.bytes)
        assert 0 < step.keep <= 1
        assert step.start != "best" or step.keep < good.keep


def test_global_follows_the_cubic_ramp_in_one_training_and_ends_where_it_no_longer_converges() -> None:
    budget = Budget(max_size=20_000)
    history, steps, reason = played(budget, lambda number, keep: True, name="global:steps=4,warmup=0.2")
    goal = 20_000 * OVERSHOOT / WHOLE
    ramp = [1 - (1 - goal) * (1 - (1 - at / 4) ** 3) for at in (1, 2, 3, 4)]
    assert [step.keep for step in steps] == pytest.approx([1.0, *ramp, goal])
    assert [step.start for step in steps] == ["untrained"] + ["last"] * 5
    assert [step.epochs for step in steps] == pytest.approx([0.2, *[0.15] * 4, 0.2])  # one training in all
    assert all(step.training == "first" for step in steps)
    rates = [step.rate for step in steps]
    assert rates == sorted(rates, reverse=True)
    assert reason == "the packed file is within 20,000 bytes"
    assert history[-1].bytes <= 20_000

    def drops(number: int, keep: float) -> bool:
        return keep > 0.3

    history, _, reason = played(DROP, drops, name="global")  # what is not accepted has lost 2 points here
    assert reason == "training is over"
    lost = [START, *(each._replace(drop=0.1 if each.accepted else 9.0) for each in history[1:])]
    assert load_schedule("global").next(lost, DROP) == Stop("training no longer converged")


def test_incremental_has_a_larger_range_after_each_success_and_lets_units_return() -> None:
    _, steps, _ = played(Budget(max_size=50_000), lambda number, keep: True, name="incremental:regrow=0.3")
    assert {step.regrow for step in steps} == {0.3}
    keeps = [1.0, *(step.keep for step in steps[:-1])]
    ranges = [math.log(before / after) for before, after in pairwise(keeps)]
    assert ranges[0] == pytest.approx(math.log(1 / 0.8))
    assert [later / earlier for earlier, later in pairwise(ranges)] == pytest.approx([1.5] * (len(ranges) - 1))


def test_lottery_rewinds_and_trains_as_the_dense_model_was() -> None:
    _, steps, _ = played(Budget(max_size=20_000), lambda number, keep: True, name="lottery:step=2.5")
    assert steps[0].keep == pytest.approx(0.4)
    assert all(step.rewind and step.training == "first" and step.epochs == 1 for step in steps)


def test_a_speed_is_approached_in_time_and_after_the_size() -> None:
    budget = Budget(max_size=100_000, min_speed=400_000)
    start = START._replace(speed=100_000.0)
    schedule = load_schedule("local")
    first = schedule.next([start], budget)
    assert isinstance(first, Step)
    assert (first.measure, first.keep) == ("bytes", pytest.approx(0.5))
    small = Outcome(0.45, 90_000, 0.0, accepted=True, time=0.9, speed=111_111.0)
    for time in (0.9, 1.0, 1.02):  # words and dimensions can go without a gain in time
        second = schedule.next([start, small._replace(time=time)], budget)
        assert isinstance(second, Step)
        assert (second.measure, second.keep) == ("time", pytest.approx(time / 2))
    fast = small._replace(time=0.24, speed=416_000.0)
    assert schedule.next([start, small, fast], budget) == Stop(
        "the packed file is within 100,000 bytes and it labels 400,000 texts a second or more"
    )
    only = load_schedule("oneshot").next([start], Budget(min_speed=400_000))
    assert isinstance(only, Step)
    assert (only.measure, only.keep) == ("time", pytest.approx(0.25 * OVERSHOOT))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sudden", "schedule 'sudden' is unknown. Choose one of global, incremental, local, lottery, oneshot."),
        ("local:step=2", "schedule 'local' has no parameter 'step'. It takes enough, first, last."),
        ("oneshot:keep=2", "oneshot:keep=2 is not a number from 0.005 to 1. Give a number, such as oneshot:keep=0.1."),
        (
            "oneshot:work=0.5,units=0.5",
            "oneshot:units and oneshot:work both say how much goes. Leave one of the two out.",
        ),
        ("local:enough=small", "local:enough is 'small': it must be a positive number with a unit of B, kB, MB or KiB"),
        ("global:steps=2.5", "global:steps=2.5 is not a whole number from 1 to 100."),
    ],
)
def test_unknown_names_and_values_are_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        load_schedule(text)
    assert str(error.value).startswith(sentence)


def test_each_schedule_is_found_by_its_name() -> None:
    assert list(SCHEDULES) == sorted(SCHEDULES)
    for name in SCHEDULES:
        assert callable(load_schedule(name).next)


def test_a_step_towards_a_speed_is_a_share_of_the_time_that_filters_take() -> None:
    budget = Budget(max_drop=0.5, min_speed=1_000_000)
    start = START._replace(speed=500_000.0, least_time=0.6)  # the rest is reading the text
    schedule = load_schedule("local")
    assert schedule.next([start], budget) == Step(pytest.approx(0.6 + 0.4 / 2), "time")
    slow = Outcome(0.95, 190_000, 9.0, time=0.62, speed=800_000.0, fitted=9.0)  # by bytes it is hardly smaller
    step = schedule.next([start, slow], budget)
    assert isinstance(step, Step)
    assert (step.measure, step.start) == ("time", "best")
    assert 0.62 < step.keep < 1
