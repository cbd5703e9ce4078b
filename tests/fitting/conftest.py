"""A small run on toy data, whose options its tests vary."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prunetext.data.dataset import Data, Examples
from prunetext.fitting.api import Result, fit

SMALL = {"dimensions": 12, "filters": 6, "widths": "1,2", "epochs": 8.0, "max_drop": 3.0, "criterion": "taylor"}


@pytest.fixture(scope="session")
def data(toy_data: Callable[..., Data]) -> Data:
    return toy_data(train=128, dev=80, test=80, classes=2, noise=0.05)


@pytest.fixture(scope="session")
def run() -> Callable[..., Result]:
    """Fit a small model, where no other options are given."""

    def fitted(data: Data | Examples, out: Path, **options: Any) -> Result:
        return fit(data, out=out, **{**SMALL, **options})

    return fitted


@pytest.fixture(scope="module")
def whole(
    data: Data, run: Callable[..., Result], tmp_path_factory: pytest.TempPathFactory, quick_training: None
) -> Result:
    """An uninterrupted run; no test changes it."""
    return run(data, tmp_path_factory.mktemp("whole"))
