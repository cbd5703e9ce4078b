"""The effort of a run: settings of training, recovery, steps and measurements."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from prunetext.fitting.recovery import Recovery
from prunetext.models.protocol import Model
from prunetext.models.times import Times
from prunetext.training.settings import Settings


@dataclass(frozen=True)
class Effort:
    """Values that are not options of a run; tests and experiments pass them.

    >>> Effort(schedules={"local": "first=2"}).schedule("local"), Effort().schedule("local")
    ('local:first=2', 'local')

    training: changes to the settings of the dense model's training. schedules: parameters for schedules without any.
    speed_seconds: how long a speed is measured, at least. speed: gives a candidate's texts a second, and times
    tells those of its parts; without speed, both are measured.
    """

    training: Mapping[str, Any] = field(default_factory=dict)
    recovery: Recovery = field(default_factory=Recovery)
    schedules: Mapping[str, str] = field(default_factory=dict)
    speed_seconds: float = 0.3
    speed: Callable[[Model], float] | None = None
    times: Times | None = None

    def schedule(self, name: str) -> str:
        """The schedule with its parameters."""
        own = self.schedules.get(name)
        return name if own is None else f"{name}:{own}"

    def settings(self, settings: Settings) -> Settings:
        """The settings of the dense model's training, with these changes."""
        return dataclasses.replace(settings, **self.training)


def usual(effort: Effort | None) -> Effort:
    """The given effort, or the usual one."""
    return Effort() if effort is None else effort
