"""Schedules: how much each step keeps and how training goes on, as a function of what happened so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, cast

from prunetext.errors import InputError
from prunetext.pruning.budget import Budget, parse_size
from prunetext.pruning.criteria.criterion import make_method, number
from prunetext.pruning.curve import limit_of
from prunetext.pruning.steps import MULTIPLICATIONS, Outcome, Step, Stop, aim, enough, goals, not_kept, smallest

SMALL_STEP = -math.log(0.8)  # remove a fifth: what `incremental` begins with
LEAST_STEP = 0.97  # even next to the wanted size
TOUCHES = 3  # small cuts to reach a size that a schedule has just missed
REFUTED = 1.05  # times the size of a clearly bad model: below this, nothing is tried
NEAR_END = 0.25  # of the way between a refused and an accepted model, on a logarithmic scale: none is nearer
TWICE = 0.05  # difference of two sizes, on a logarithmic scale, below which they count as one
MOST_ROWS = 24  # of the history of a search between good and bad
LEAST_KEPT, NEARLY = 0.125, 1.15  # of the bytes, below which a search for accuracy alone does not go, and about so many
SINKING = 0.995  # times the size of the smallest model so far: what is larger was no step down
SMALLEST = 0.005  # share of the bytes below which no schedule goes by itself


class Schedule(NamedTuple):
    """A schedule: `next` says what to do, given history (whose first row is the unpruned model) and the budget.

    `refuses` names the kinds of groups that it cannot be combined with, and why.
    """

    next: Callable[[Sequence[Outcome], Budget], Step | Stop]
    refuses: Mapping[str, str] = {}
    untrained: bool = False  # whether it begins with untrained weights
    recovery: float = 1.0  # epochs that models train after a cut, as a multiple of the usual ones
    continues: bool = False  # whether the way to a smaller size leads on from a larger one

    @property
    def recovers(self) -> bool:
        """Whether models train after a cut."""
        return self.recovery > 0


SCHEDULES = {
    "global": "prunetext.pruning.schedules:global_",
    "incremental": "prunetext.pruning.schedules:incremental",
    "local": "prunetext.pruning.schedules:local",
    "lottery": "prunetext.pruning.schedules:lottery",
    "oneshot": "prunetext.pruning.schedules:oneshot",
}


def load_schedule(text: str) -> Schedule:
    """Make a schedule from its name and the parameters after it; an unknown one raises `InputError`.

    >>> load_schedule("oneshot:keep=0.1").next([Outcome(1.0, 1000, 0.0, True)], Budget(max_drop=0.5)).keep
    0.1
    """
    return cast(Schedule, make_method("schedule", text, SCHEDULES))


def oneshot(keep: str = "0.1", units: str = "0", work: str = "0", recovery: str = "1") -> Schedule:
    """Cut once to the wanted size, or to `keep` of the bytes if the budget names none, and recover.

    With `units=0.9` nine tenths of the units of each group go instead, whatever the bytes; with `work=0.6` units go
    until six tenths of the multiplications of a text are left. `recovery` is a multiple of the usual recovery's epochs;
    with `recovery=0` nothing is trained after the cut.
    """
    share, epochs = number("oneshot:keep", keep, SMALLEST, 1), number("oneshot:recovery", recovery, 0, 100)
    removed, left = number("oneshot:units", units, 0, 0.999), number("oneshot:work", work, 0, 1)
    if removed and left:
        raise InputError("oneshot:units and oneshot:work both say how much goes. Leave one of the two out.")
    by_itself = bool(removed or left)  # whatever the budget says

    def step(history: Sequence[Outcome], budget: Budget) -> Step | Stop:
        last, asked = history[-1], goals(history, history[0], budget)
        if len(history) == 1 and by_itself:
            return Step(left or share, MULTIPLICATIONS if left else "bytes", units=removed, epochs=epochs)
        if (met := enough(history, last, budget)) is not None:
            return met
        if len(history) <= max(1, len(asked)) and last.accepted and not by_itself:  # one for each of size and speed
            goal = aim(history, last, budget, share)
            return Step(goal.share, goal.measure, epochs=epochs)
        if asked and last.accepted and not by_itself and len(history) < len(asked) + TOUCHES:
            return touch_up(history, budget)._replace(epochs=epochs)
        if not last.accepted:
            return not_kept(budget)
        how = f"{last.keep:.1%} of the bytes" if not left else f"{left:.1%} of the multiplications"
        return Stop(f"a cut {f'of {removed:.1%} of the units' if removed else f'to {how}'} was asked for")

    return Schedule(step, recovery=epochs)


def local(first: str = "2", last: str = "1.25", enough: str = "48kB") -> Schedule:
    """Prune more of a fully trained model, step by step, until accuracy can no longer be kept; then find the border.

    Each step leaves one `first`th of the bytes of the model before, until one clearly loses more than is allowed. The
    border then lies between the smallest model that is accepted and the largest below it that is not. The next step
    goes from the former to the size at which the curve through all models meets the limit, and so on, until less than
    a factor of `last` is between the two; one that fails by less than dev can tell is drawn a second time before that.
    A size budget is approached in the same steps and ends the search when it is met; without an accuracy budget, every
    model is accepted. Without a size or a speed, the search ends at a model of `enough` bytes, or of an eighth of the
    unpruned one's if that is less: a smaller one is hardly faster, and dev can hardly tell what it costs. `enough=0`
    goes on.
    """
    large, fine = (
        math.log(number(f"local:{name}", text, 1.01, 100)) for name, text in (("first", first), ("last", last))
    )
    small = 0 if enough == "0" else parse_size(enough, "local:enough") or 0
    return Schedule(lambda history, budget: bracketed(history, budget, large, fine, small), continues=True)


def lottery(step: str = "4", last: str = "1.6") -> Schedule:
    """Find a sparse model that could have been trained from the start: prune, rewind to early weights, train again.

    Step by step, but the kept units go back to their weights after the first epoch and are trained as the dense model
    was. The first step cuts the bytes to one `step`th, the finest to one `last`th.
    Sources: Frankle and Carbin 2019, "The Lottery Ticket Hypothesis"; Frankle et al. 2020, "Linear Mode Connectivity
    and the Lottery Ticket Hypothesis", for early instead of first weights.
    """
    first, fine = math.log(number("lottery:step", step, 1.2, 100)), math.log(number("lottery:last", last, 1.01, 100))

    def following(history: Sequence[Outcome], budget: Budget) -> Step | Stop:
        found = stepwise(history, budget, first, last=fine)
        return found._replace(training="first", rewind=True) if isinstance(found, Step) else found

    return Schedule(
        following,
        {"bits": "a vector that goes back to its early weights has not learnt its few bits"},
        untrained=True,
        continues=True,
    )


def incremental(regrow: str = "0.2") -> Schedule:
    """Alternate a pruning phase and a recovery phase in which units may return, with a larger range each time.

    Phase one cuts deeper than the step asks for and trains only the head, at a small rate. In phase two a share
    `regrow` of the cut returns, units with the largest gradients first, and recovery has a larger rate. The first step
    removes a fifth of the bytes; after a step that holds the next is half as large again, after one that fails half as
    large, from the last good model.
    Source for the return of units: Evci et al. 2020, "Rigging the Lottery: Making All Tickets Winners".
    """
    returning = number("incremental:regrow", regrow, 0, 0.9)

    def following(history: Sequence[Outcome], budget: Budget) -> Step | Stop:
        found = stepwise(history, budget, SMALL_STEP, growth=1.5, last=SMALL_STEP / 2)
        return found._replace(regrow=returning) if isinstance(found, Step) else found

    return Schedule(
        following,
        {
            "taps": "a narrower filter has no gradient for the taps that it lost",
            "bits": "bits have no gradient by which they could return",
            "layers": "a layer that went learns nothing by which it could return",
            "hidden": "a hidden dimension that returns changes all norms",
        },
        continues=True,
    )


def global_(final: str = "0.02", steps: str = "10", warmup: str = "0.2") -> Schedule:
    """Prune during training, everything at once, until the model no longer converges; take the last one that did.

    Training begins with untrained weights. After `warmup` of the dense model's epochs the kept share falls from 1 to
    the wanted size (or `final`) in `steps` steps, as 1 − (1 − wanted) · (1 − (1 − t)³) at share t of the ramp. It ends
    with four fifths of the epochs; the last fifth trains the rest. Without a size or a speed, two steps in a row end it
    whose dev accuracy is below the best one so far by more than two points plus the allowed drop.
    Source: Zhu and Gupta 2017, "To prune, or not to prune", eq. 1.
    """
    least, count = number("global:final", final, SMALLEST, 1), int(number("global:steps", steps, 1, 100, whole=True))
    warm = number("global:warmup", warmup, 0.01, 0.7)
    ramp = 0.8 - warm

    def following(history: Sequence[Outcome], budget: Budget) -> Step | Stop:
        done = len(history) - 1  # steps: the warm-up, `count` of the ramp, the rest
        goal = aim(history, history[0], budget, least)
        if done == 0:
            return Step(1.0, start="untrained", training="first", epochs=warm)
        drops = [outcome.drop for outcome in history[1:]]
        limit = min(drops) + 2 + (budget.max_drop or 0)
        if not (budget.max_size or budget.min_speed) and len(drops) > 2 and min(drops[-2:]) > limit:
            return Stop("training no longer converged")
        if done > count + 1:
            if (met := enough(history, history[-1], budget)) is not None:
                return met
            if goals(history, history[-1], budget) and done <= count + 1 + TOUCHES:
                return touch_up(history, budget)
            return Stop("training is over")
        keep = 1 - (1 - goal.share) * (1 - (1 - min(1.0, done / count)) ** 3)
        at = warm + ramp * min(done, count) / count
        epochs = ramp / count if done <= count else 1 - 0.8
        return Step(keep, goal.measure, start="last", training="first", epochs=epochs, rate=max(0.1, 1 - at))

    return Schedule(following, untrained=True)


def touch_up(history: Sequence[Outcome], budget: Budget) -> Step:
    """A last small cut of a model that is still a little above a size, or below a speed."""
    goal = aim(history, history[-1], budget)
    now = history[-1].share(goal.measure)
    return Step(min(goal.share, now * LEAST_STEP), goal.measure, start="last")


def bracketed(history: Sequence[Outcome], budget: Budget, first: float, last: float, small: int) -> Step | Stop:
    """Steps of `first` on a logarithmic scale of the bytes (or the time) that can be pruned, then between good and bad.

    The search ends when the largest refused model below the smallest accepted one is nearer to it than `last`, or,
    where only accuracy is asked for, when that has `small` bytes or few more.
    """
    good, newest, allowed = smallest(history), history[-1], budget.max_drop or 0.0
    if (met := enough(history, good, budget)) is not None:
        return met
    least = min(small / history[0].bytes, LEAST_KEPT)
    if small and not goals(history, good, budget) and good.keep <= NEARLY * least:
        return Stop(f"the packed file has {good.bytes:,} bytes, and a smaller one would hardly be faster")
    goal = aim(history, good, budget, least)
    fixed = history[0].least / history[0].bytes if goal.measure == "bytes" else history[0].least_time

    def left(row: Outcome) -> float:
        return max(row.share(goal.measure) - fixed, 1e-6)

    def down_to(share: float, start: str = "best") -> Step:
        share = max(fixed + share, goal.share)
        return Step(min(share, good.share(goal.measure) * LEAST_STEP), goal.measure, start)

    sank = len(history) == 1 or left(newest) < SINKING * min(map(left, history[:-1]))
    fell = sank or newest.keep < SINKING * min(row.keep for row in history[:-1])
    bad = [row for row in history if left(row) < left(good) and not row.accepted]
    if not bad:
        late = newest.keep * SINKING > good.keep  # a smaller one has been accepted since
        return down_to(left(good) * math.exp(-first)) if fell or late else Stop("nothing more can be removed")
    if len(history) > MOST_ROWS:
        return not_kept(budget)
    if sank and newest.fitted - newest.fitted_error <= allowed:
        return down_to(left(newest) * math.exp(-first), "last")
    border = max(bad, key=left)
    near = sum(abs(math.log(left(row) / left(border))) < TWICE for row in history)
    if near < 3 and math.log(left(good) / left(border)) > last:
        # Where a step between the two was no smaller than the bad one, the next goes less far.
        part = up_to_limit(good, border, allowed) if near == 1 else 1 - NEAR_END
        return down_to(left(border) ** (1 - part) * left(good) ** part)
    if near > 1 or border.fitted - border.fitted_error > limit_of(allowed):
        return not_kept(budget)
    return Step(border.share(goal.measure), goal.measure, again=1)


def up_to_limit(good: Outcome, bad: Outcome, allowed: float) -> float:
    """Where between a bad and a good model the limit is met, from 0 to 1, if drops fall as a power of the size.

    >>> good, bad = Outcome(0.5, 500, 0, fitted=0.1), Outcome(0.25, 250, 0, fitted=1.6)
    >>> round(up_to_limit(good, bad, 0.4 / 0.9), 6)
    0.5
    """
    low, high, limit = (
        math.log(max(each, 0.01)) for each in (good.fitted, bad.fitted, limit_of(allowed) - bad.fitted_error)
    )
    part = (high - limit) / (high - low) if high > low else 0.5
    return min(max(part, NEAR_END), 1 - NEAR_END)


def stepwise(
    history: Sequence[Outcome],
    budget: Budget,
    first: float,
    *,
    last: float,
    growth: float = 1.0,
) -> Step | Stop:
    """Steps on a logarithmic scale of the bytes (or the time) that can be pruned at all.

    After a step that held, the next is `growth` times as large; after a failure, half as large. The first is `first`,
    the smallest `last`. If a model was clearly worse than allowed, its size and smaller ones are not tried again.
    """
    good, step, refuted = history[0], first, list[Outcome]()
    for outcome in history[1:]:
        if outcome.accepted:
            if outcome.keep > good.keep * SINKING and outcome.time > good.time * SINKING:
                if outcome is history[-1] and outcome.keep * SINKING < good.keep:
                    return Stop("nothing more can be removed")
                continue  # a smaller one has been accepted since
            good, step = outcome, step * growth
        else:
            step /= 2
            if outcome.drop - outcome.error / 2 > (budget.max_drop or 0):
                refuted.append(outcome)
    if (met := enough(history, good, budget)) is not None:
        return met
    goal = aim(history, good, budget)
    now, start = good.share(goal.measure), history[0]
    fixed = start.least / start.bytes if goal.measure == "bytes" else start.least_time
    worst = max((outcome.share(goal.measure) for outcome in refuted), default=0.0)
    while step >= last and fixed + (now - fixed) * math.exp(-step) < worst * REFUTED:
        step /= 2
    if step < last:
        return not_kept(budget)
    keep = max(fixed + (now - fixed) * math.exp(-step), goal.share)
    return Step(min(keep, now * LEAST_STEP), goal.measure)
