"""One step of a search, its outcome, and the goals that are left."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from prunetext.pruning.budget import Budget

KEY = re.compile("([0-9a-f]{16}(-cut)?)?")  # of the weights of a candidate: a name of a file, and of no other place
OVERSHOOT = 0.99  # aim a little below a size: strings and headers are only estimated
MULTIPLICATIONS = "work"  # a measure of a step


class Step(NamedTuple):
    """The next step: cut a model to so many packed bytes, then train it further."""

    keep: float  # share of the unpruned model's packed bytes (or time); 1 removes nothing
    measure: str = "bytes"  # or "time", that a text takes, or "work": multiplications, of the model that is cut
    start: str = "best"  # from the "best" (smallest accepted) model, the "last" one, or the "untrained" one
    training: str = "recovery"  # or "first": as the dense model is trained, not as a pruned one recovers
    epochs: float = 1.0  # in epochs of that training
    rate: float = 1.0  # of that training's learning rate
    rewind: bool = False  # whether what is kept goes back to its weights after one epoch
    regrow: float = 0.0  # share of what is cut that may return after a gentle phase in which the rest is held
    units: float = 0.0  # if given, the share of the units of each group to remove, whatever the bytes
    again: int = 0  # how many models were made in this way before: another is drawn with another seed


class Stop(NamedTuple):
    """The reason why the search ends, in words."""

    reason: str


class Outcome(NamedTuple):
    """One row of history: the outcome of a step, and whether the budget's search rule accepted it."""

    keep: float  # share of packed bytes that the model really has
    bytes: int
    drop: float  # points of the metric on the search part of dev
    accepted: bool = False
    error: float = 0.0  # standard error of the drop
    time: float = 1.0  # share of the time that a text takes the unpruned model; measured if the budget names a speed
    speed: float | None = None  # texts a second, measured then
    least: int = 0  # bytes of the unpruned model that no pruning can remove; 0 in later rows,
    least_time: float = 0.0  # and the share of its time
    key: str = ""  # names the weights
    left: Mapping[str, int] = {}  # units of each kind
    held: bool = True  # whether it still has the classes that are watched
    harm: float | None = None  # points that the dense model expects to lose, on texts without labels
    fitted: float = 0.0  # the drop as all candidates together tell it,
    fitted_error: float = 0.0  # and its standard error

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Outcome:
        """The outcome with these fields, as a file gives them; ValueError or TypeError if they are none.

        >>> Outcome.of({"keep": 1.0, "bytes": 9, "drop": 0.0, "accepted": True}).bytes
        9
        """
        found = cls(**values)
        if not isinstance(found.left, dict):
            raise ValueError("its outcome is none")
        numbers: list[Any] = [
            found.keep,
            found.bytes,
            found.drop,
            found.error,
            found.time,
            found.least,
            found.fitted,
            found.fitted_error,
        ]
        numbers += [found.least_time, *found.left.values()]
        numbers += [each for each in (found.speed, found.harm) if each is not None]
        sound = all(type(each) in (int, float) and math.isfinite(each) for each in numbers)
        sound = sound and type(found.accepted) is type(found.held) is bool and found.bytes > 0
        if not (sound and (found.harm or 0) >= 0 and isinstance(found.key, str) and KEY.fullmatch(found.key)):
            raise ValueError("its outcome is none")
        return found

    def share(self, measure: str) -> float:
        """Its share of the unpruned model's bytes or time."""
        return self.keep if measure == "bytes" else self.time


class Goal(NamedTuple):
    """A size or a speed of the budget, as a share of the unpruned model's."""

    measure: str
    share: float
    met: bool


def goals(history: Sequence[Outcome], now: Outcome, budget: Budget) -> list[Goal]:
    """The goals of the budget besides accuracy, and whether the model `now` meets them."""
    found, start = [], history[0]
    if budget.max_size:
        found.append(Goal("bytes", budget.max_size / start.bytes * start.keep, now.bytes <= budget.max_size))
    if budget.min_speed:
        share = (start.speed or 0.0) / budget.min_speed
        found.append(Goal("time", share, (now.speed or 0.0) >= budget.min_speed))
    return found


def beyond(whole: Outcome, budget: Budget) -> bool:
    """Whether pruning cannot reach the budget's size, as far as the unpruned model's row tells."""
    return budget.max_size is not None and whole.least > budget.max_size


def smallest(history: Sequence[Outcome]) -> Outcome:
    """The accepted row with the fewest bytes, the latest of several."""
    return min(reversed([row for row in history if row.accepted]), key=lambda row: row.bytes)


def missed(history: Sequence[Outcome], budget: Budget) -> bool:
    """Whether no accepted row reaches the size and the speed of the budget."""
    return not any(row.accepted and all(goal.met for goal in goals(history, row, budget)) for row in history)


def enough(history: Sequence[Outcome], now: Outcome, budget: Budget) -> Stop | None:
    """The end of a search that has reached its size and speed."""
    asked = goals(history, now, budget)
    if not asked or not all(goal.met for goal in asked):
        return None
    size = f"the packed file is within {budget.max_size:,} bytes" if budget.max_size else ""
    speed = f"it labels {budget.min_speed:,.0f} texts a second or more" if budget.min_speed else ""
    return Stop(" and ".join(filter(None, (size, speed))))


def aim(history: Sequence[Outcome], now: Outcome, budget: Budget, otherwise: float = 0.0) -> Goal:
    """The next target: the first goal that is not met; without one, bytes down to `otherwise`."""
    unmet = [goal for goal in goals(history, now, budget) if not goal.met]
    return unmet[0]._replace(share=unmet[0].share * OVERSHOOT) if unmet else Goal("bytes", otherwise, met=False)


def not_kept(budget: Budget) -> Stop:
    """The end of a search that can go no further."""
    drop = f"{budget.max_drop:g}" if budget.max_drop is not None else "the"
    return Stop(f"a smaller model no longer kept {budget.metric} within {drop} points on dev")
