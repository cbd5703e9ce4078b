"""What a comparison has of a model that is to be asked for test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from prunetext.data.dataset import Examples
from prunetext.statistics.answers import Answering


class Given(NamedTuple):
    """What a peer is made of: the labels, and the texts of train and dev by the names of their splits."""

    labels: list[str]
    texts: Mapping[str, Examples]


class Made(NamedTuple):
    """A model, its bytes, how long it took to make, and the shortest way in which it labels texts, which is timed."""

    model: Answering
    bytes: int
    predict: Callable[[list[str]], list[str]]
    seconds: float


Maker = Callable[[Given, int | None], Made | None]  # from texts and a number of bytes; None if nothing is so small
