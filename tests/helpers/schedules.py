"""Schedules without models: rows of a history as tests write them, and a driver that plays."""

from collections.abc import Callable

from prunetext.pruning.budget import Budget
from prunetext.pruning.schedules import load_schedule
from prunetext.pruning.steps import Outcome, Step, Stop

WHOLE = 200_000  # bytes of the unpruned model
START = Outcome(1.0, WHOLE, 0.0, accepted=True)


def outcome_of(keep: float, *, accepted: bool) -> Outcome:
    """A model of so many bytes, which loses much or nothing."""
    drop = 0.0 if accepted else 2.0
    return Outcome(keep, round(keep * WHOLE), drop, accepted, fitted=drop)


def played(
    budget: Budget,
    accepts: Callable[[int, float], bool],
    real: Callable[[float], float] = lambda keep: keep,
    name: str = "local",
) -> tuple[list[Outcome], list[Step], str]:
    """Play the driver: each step comes out with `real(keep)` of the bytes, and is accepted or not."""
    history, steps, schedule = [START], [], load_schedule(name)
    while True:
        step = schedule.next(history, budget)
        if isinstance(step, Stop):
            return history, steps, step.reason
        steps.append(step)
        keep = real(step.keep)
        history.append(outcome_of(keep, accepted=accepts(len(steps), keep)))
        assert len(history) < 60, "it does not end"
