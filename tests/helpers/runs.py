"""Runs of toy data: what they take, fits and prunings that take no more, and finished ones that a test may change."""

from __future__ import annotations

import dataclasses
import shutil
from functools import partial
from pathlib import Path

from prunetext.fitting import api
from prunetext.fitting.effort import Effort
from prunetext.fitting.folder import SOURCE
from prunetext.fitting.recovery import Recovery

QUICK = Effort(
    training={"batch_size": 16, "learning_rate": 1e-2, "embedding_rate": 4e-2, "patience": 99},
    recovery=Recovery(epochs=0.34, batch=1),
    schedules={"local": "first=1.6,last=1.1", "lottery": "last=1.1"},
    speed_seconds=0.0,
)
# With a checkpoint after every step.
CAREFUL = dataclasses.replace(QUICK, training={**QUICK.training, "checkpoint_seconds": -1.0})

fit = partial(api.fit, effort=QUICK)
prune = partial(api.prune, effort=QUICK)
sensitivity = partial(api.sensitivity, effort=QUICK)


def copy_run(folder: Path, target: Path) -> Path:
    """Copy a folder that holds `data` and a `run` on them; the copied run knows its own data. Returns the target."""
    shutil.copytree(folder, target)
    source = target / "run" / SOURCE
    source.write_text(source.read_text("utf-8").replace(str(folder), str(target)), "utf-8")
    return target
