"""Makers of the installed packages' models, which a comparison has beside its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

from prunetext.peers import fasttext, tfidf
from prunetext.peers.made import Maker


def others(*, sized: bool, autotune: int, find: Callable[[str], object] = find_spec) -> dict[str, Maker]:
    """How to make models with the other packages that are installed; `sized` makers keep to a number of bytes.

    autotune: seconds for fastText to search the best model of that size; 0 leaves it out. find: tells whether a
    package is installed.
    """
    found: dict[str, Maker] = {}
    if find("sklearn") is not None:
        found[tfidf.LINEAR] = tfidf.linear
    if find("fasttext") is not None and not sized:
        found["fastText .bin"] = fasttext.binary
    elif find("fasttext") is not None:
        found["fastText .ftz"] = fasttext.quantised
        if autotune:
            found["fastText autotuned"] = partial(fasttext.autotuned, seconds=autotune)
    return found
