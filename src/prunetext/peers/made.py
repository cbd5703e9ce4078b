"""What a comparison has of a model that is to be asked for test."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from prunetext.fitting.stages import Job


class Made(NamedTuple):
    """A model: its bytes, how it labels texts, and how long it took to make."""

    name: str
    bytes: int
    predict: Callable[[list[str]], list[str]]
    seconds: float


Maker = Callable[["Job", int | None], Made | None]  # from a job and a number of bytes; None if nothing is so small
