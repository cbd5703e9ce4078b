"""Runs of toy data: what they take, fits and prunings that take no more, and finished ones that a test may change."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from prunetext.fitting import api
from prunetext.fitting.effort import Effort
from prunetext.fitting.parts import KEPT, RESULT, SOURCE, belonging
from prunetext.fitting.recovery import Recovery
from prunetext.runtime.states import read_state, write_state

# The files of a finished run with a TextCNN.
WHOLE = (*KEPT, "model.safetensors")

QUICK = Effort(
    training={"batch_size": 16, "learning_rate": 1e-2, "embedding_rate": 4e-2, "patience": 99},
    recovery=Recovery(epochs=0.34, batch=1),
    schedules={"local": "first=1.6,last=1.1", "lottery": "last=1.1"},
    speed_seconds=0.0,
)
# With a checkpoint after every step.
CAREFUL = dataclasses.replace(QUICK, training={**QUICK.training, "checkpoint_seconds": -1.0})

# The words of toy data share letters with others of their class, and teachers take their time: a test of these asks for
# them.
fit = partial(api.fit, effort=QUICK, tokenizer="bert/1", teacher="none")
prune = partial(api.prune, effort=QUICK)
sensitivity = partial(api.sensitivity, effort=QUICK)


def copy_run(folder: Path, target: Path) -> Path:
    """Copy a folder that holds `data` and a `run` on them; the copied run knows its own data. Returns the target."""
    shutil.copytree(folder, target)
    change_state(target / "run", SOURCE, lambda text: text.replace(str(folder), str(target)))
    return target


def change_state(run: Path, name: str, change: Callable[[str], str]) -> None:
    """Change one of a finished run's small files as if the run had written it so."""
    write_state(run / name, json.loads(change(json.dumps(read_state(run / name)))))
    write_state(run / RESULT, {**read_state(run / RESULT), "files": belonging(run)})
