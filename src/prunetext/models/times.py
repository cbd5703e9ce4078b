"""Measured times of a model's parts, by which a search chooses the units that go for a speed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from prunetext.data.dataset import Input
from prunetext.models.groups import Cost, Group
from prunetext.models.protocol import Model, Trained


@runtime_checkable
class Times(Protocol):
    """A measurement of how long the parts of a model take on this machine, in nanoseconds of a text.

    cost = times.cost(model)
    cost({}) - cost(kept)                       # what a text takes less when only these units are kept
    """

    def fits(self, model: Model) -> bool:
        """Whether it is about models of this one's shape."""
        ...

    def cost(self, model: Model) -> Cost:
        """The time of a text, given what is kept of all groups; the model is inspected now."""
        ...

    def groups(self, model: Model, groups: Sequence[Group]) -> tuple[Group, ...]:
        """The groups of a model, with measured costs in time; those without any save none."""
        ...

    def covers(self, groups: Sequence[Group]) -> bool:
        """Whether it knows what these groups take, as far as they take time."""
        ...

    def multiple(self, group: Group) -> int:
        """The number of whose multiples a group should keep: others take as long as the next multiple."""
        ...

    def completed(self, model: Model, seconds: float) -> Times:
        """The same, knowing that the whole model takes so many seconds a text: what is left stands outside of parts."""
        ...

    def fields(self) -> Mapping[str, Any]:
        """Plain values, for JSON."""
        ...


class Timing(NamedTuple):
    """How a family's times come about.

        timing = load_family("transformer").timing
        timing.measure(trained, ["great film", "dull"], "int8", 4.0).fields()

    measure: times of a model as a packed file of these numbers, on texts like these, in about so many seconds. read:
    times of what `fields` gave; ValueError if that is damaged.
    """

    measure: Callable[[Trained, Sequence[Input], str, float], Times]
    read: Callable[[Mapping[str, Any]], Times]
