"""A method is a criterion, a schedule and the kinds of groups that are pruned; some do not go together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from prunetext.errors import InputError
from prunetext.pruning.criteria.criterion import CRITERIA, Criterion, load_criterion
from prunetext.pruning.schedules import SCHEDULES, Schedule, load_schedule

RENAMED = {"precision": "bits"}  # kinds that had another name


class Method(NamedTuple):
    """A method decides which units go, how many at a time, and of which kinds."""

    name: str  # of the criterion, with its parameters
    criterion: Criterion
    schedule: Schedule
    kinds: tuple[str, ...]

    @property
    def needs_untrained(self) -> bool:
        """Whether its schedule begins with untrained weights."""
        return self.schedule.untrained


def load_method(criterion: str, schedule: str, kinds: Iterable[str]) -> Method:
    """Make a method from names; an impossible combination raises `InputError` with the reason.

    >>> load_method("taylor", "local", ["heads", "neurons"]).kinds
    ('heads', 'neurons')
    """
    method = Method(criterion, load_criterion(criterion), load_schedule(schedule), tuple(kinds))
    for what, name, reason in refusals(method, schedule.partition(":")[0]):
        raise InputError(f"{what} does not go with {name}: {reason}. Change one of the two.")
    return method


def parse_kinds(text: str, kinds: Mapping[str, str]) -> tuple[str, ...]:
    """Kinds of groups, in the order of the family's table.

    >>> parse_kinds("neurons,heads", {"heads": "of attention", "neurons": "of a layer"})
    ('heads', 'neurons')
    """
    given = {part.strip() for part in text.split(",")}
    if unknown := sorted(given - kinds.keys()):
        if (now := RENAMED.get(unknown[0])) in kinds:
            raise InputError(f"groups has {unknown[0]!r}, which is now called {now}. Give {now}.")
        raise InputError(f"groups has {unknown[0]!r}. Choose any of {', '.join(kinds)}, with commas.")
    return tuple(kind for kind in kinds if kind in given)


def refusals(method: Method, schedule: str) -> Iterator[tuple[str, str, str]]:
    """Parts of a method that do not go together, and the reasons."""
    criterion = method.name.partition(":")[0]
    for name, reason in method.criterion.refuses.items():
        if name == schedule or name in method.kinds:
            yield f"criterion {criterion}", f"{'schedule' if name == schedule else 'groups'} {name}", reason
    for name, reason in method.schedule.refuses.items():
        if name in method.kinds:
            yield f"schedule {schedule}", f"groups {name}", reason


def combinations(kinds: Iterable[str]) -> Iterator[tuple[str, str, str, str]]:
    """Every criterion, schedule and kind, and the reason why they do not go together ("" if they do)."""
    kinds = tuple(kinds)
    for criterion in CRITERIA:
        for schedule in SCHEDULES:
            for kind in kinds:
                method = Method(criterion, load_criterion(criterion), load_schedule(schedule), (kind,))
                yield criterion, schedule, kind, next((reason for _, _, reason in refusals(method, schedule)), "")
