"""A model that a comparison judges on test, and the data to make it from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from prunetext.data.dataset import Examples
from prunetext.statistics.answers import Answering


class Given(NamedTuple):
    """The data to make a peer from: the labels, and the texts of train and dev by the names of their splits."""

    labels: list[str]
    texts: Mapping[str, Examples]


class Made(NamedTuple):
    """A model, its bytes, the time that it took to make, and its fastest way of labelling texts, which is timed."""

    model: Answering
    bytes: int
    predict: Callable[[list[str]], list[str]]
    seconds: float


Maker = Callable[[Given, int | None], Made | None]  # from texts and a number of bytes; None if nothing is so small
