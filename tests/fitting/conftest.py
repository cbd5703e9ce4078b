"""A small run on toy data, whose options its tests vary."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.kills import KilledError, kill
from helpers.runs import QUICK, fit
from prunetext.data.dataset import Data, Examples
from prunetext.fitting.carrying import carried_out
from prunetext.fitting.finishing import Result
from prunetext.fitting.folder import Run
from prunetext.fitting.plan import plan_fit

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


@pytest.fixture(scope="session")
def killed() -> Callable[..., None]:
    """Fit as `run` does, and be killed when it asks for this file."""

    def fitted(data: Data, out: Path, at: str, told: Callable[..., None] | None = None) -> None:
        class Killed(Run):
            def path(self, name: str) -> Path:
                return kill() if name == at else super().path(name)

        plan = plan_fit(data, None, None, out, None, {**SMALL, "teacher": "none"}, QUICK)
        run = Killed(out, plan.recipe, overwrite=False)
        with torch.random.fork_rng(devices=[]), run, pytest.raises(KilledError):
            carried_out(plan, run, told)

    return fitted


@pytest.fixture(scope="module")
def whole(data: Data, run: Callable[..., Result], tmp_path_factory: pytest.TempPathFactory) -> Result:
    """An uninterrupted run; no test changes it."""
    return run(data, tmp_path_factory.mktemp("whole"))
