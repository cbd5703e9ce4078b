"""A small comparison that several tests look at: two methods, two sizes, two seeds and the baselines."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import prunetext
from helpers.runs import QUICK
from prunetext.comparison.api import Comparison
from prunetext.data.dataset import Data

SMALL: dict[str, Any] = {"dimensions": 24, "filters": 16, "widths": "1,2", "epochs": 3.0, "tokenizer": "bert/1"}
PLAN: dict[str, Any] = {"methods": "taylor/local,magnitude/oneshot", "sizes": "7/10,17/20", "seeds": 2}


class Seen(NamedTuple):
    """What a comparison was asked, what it found, and how often it trained a dense model."""

    out: Path
    found: Comparison
    dense: int
    stages: list[str]


Compare = Callable[..., Seen]


@pytest.fixture(scope="session")
def data(toy_data: Callable[..., Data]) -> Data:
    return toy_data(train=128, dev=60, test=60, noise=0.05)


@pytest.fixture(scope="session")
def comparing(data: Data) -> Compare:
    """Compare on the toy data, by this plan where no other is given."""

    def run(out: Path, data: Data = data, **options: Any) -> Seen:
        stages: list[str] = []
        dense, progress = [], options.pop("progress", None)

        def told(stage: str, now: Any) -> None:
            stages.append(stage)
            if (stage, now.done) == ("train", now.total):
                dense.append(now)
            if progress is not None:
                progress(stage, now)

        found = prunetext.compare(data, out=out, progress=told, **{**PLAN, **SMALL, "effort": QUICK, **options})
        return Seen(out, found, len(dense), stages)

    return run


@pytest.fixture(scope="module")
def whole(comparing: Compare, tmp_path_factory: pytest.TempPathFactory, without_fasttext: None) -> Seen:
    """The whole plan, made once; no test changes it."""
    return comparing(tmp_path_factory.mktemp("compare") / "out")
