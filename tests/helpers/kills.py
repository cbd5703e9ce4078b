"""Ways to end work in its middle."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from prunetext.training.loop import Progress


MORE_THAN_A_PIPE_HOLDS = 1 << 21  # bytes


class KilledError(Exception):
    """What stands for SIGKILL: nothing catches it."""


def kill(*_: object, **__: object) -> NoReturn:
    """Stand in the place of a function that is never to return."""
    raise KilledError


def interrupt(*_: object, **__: object) -> NoReturn:
    """Stand in the place of a function during which Ctrl-C is pressed."""
    raise KeyboardInterrupt


def stop_at(stage: str, step: int, error: type[BaseException] = KilledError) -> Callable[[str, Progress], None]:
    """Make what follows the progress of a run and ends it there."""

    def progress(name: str, now: Progress) -> None:
        if (name, now.done) == (stage, step):
            raise error

    return progress
