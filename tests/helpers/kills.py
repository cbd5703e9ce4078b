"""Ways to end work in its middle."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from pathlib import Path

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


@contextmanager
def ctrl_c_when_read(pipe: Path) -> Iterator[None]:
    """Within it, Ctrl-C is pressed while this thread reads a pipe of one line."""
    os.mkfifo(pipe)
    reader = threading.get_ident()

    def press() -> None:
        with pipe.open("wb", buffering=0) as writer:  # which waits for a reader
            writer.write(b"x" * MORE_THAN_A_PIPE_HOLDS)
            signal.pthread_kill(reader, signal.SIGINT)

    pressing = threading.Thread(target=press, daemon=True)
    pressing.start()
    yield
    pressing.join(10)
