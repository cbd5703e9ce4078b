"""What a run measures of time: speeds of packed models, and times of their parts, each once."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prunetext.errors import DamagedError
from prunetext.fitting.parts import SCRATCH, remade
from prunetext.fitting.plan import Plan
from prunetext.judging.choosing_numbers import AUTO_NUMBERS
from prunetext.judging.speed import speed_rows, texts_per_second
from prunetext.models.protocol import Model, Packing
from prunetext.models.times import Times
from prunetext.pruning.store import weights_digest
from prunetext.runtime.api import load
from prunetext.runtime.classifier import Classifier
from prunetext.runtime.states import read_state, write_state
from prunetext.training.loop import threads

USUAL_PACKING = Packing()
TABLE_SECONDS, MOST_OF_TIME = 4.0, 1 / 30  # of measuring times of parts: at most, and as a share of max_time
TIMED_PASSES = 3  # over the texts, to know the processor time of all
_MOST_SPEEDS, _DIGEST = 10_000, 64  # in a file; characters of a name


class RunTimes:
    """The clock of a run: what it has measured stays in the run's folder, so a resumed run decides as before.

        clock = RunTimes(plan, run.path("times.json"), run.notes)
        clock.speed(model)                  # texts a second of its packed file
        clock.times(model)                  # of parts of such models, if the family measures any

    path: of the file with what has been measured. notes: gets a sentence if that is damaged.

    A family that measures no parts measures its speeds anew, and keeps none. Nothing is measured before it is asked
    for: a run without a speed in its budget does not depend on a clock.
    """

    def __init__(self, plan: Plan, path: Path, notes: list[str]) -> None:
        self.plan, self.path, self.notes = plan, path, notes
        self._kept: dict[str, Any] | None = None

    def speed(self, model: Model) -> float:
        """Texts a second of a model's packed file on one thread, on the dev texts."""
        plan = self.plan
        if plan.effort.speed is not None:
            return plan.effort.speed(model)
        if plan.family.timing is None:
            return measured_speed(plan, self.path.with_name(SCRATCH), model, plan.speed_seconds)
        speeds, name = self._known()["speeds"], weights_digest(model)
        if name not in speeds:
            speeds[name] = measured_speed(plan, self.path.with_name(SCRATCH), model, plan.speed_seconds)
            self._write()
        return float(speeds[name])

    def times(self, model: Model) -> Times | None:
        """Times of parts, measured on this model if on none before; None if they are not about such models."""
        found = self._times(model)
        return found if found is not None and found.fits(model) else None

    def _times(self, model: Model) -> Times | None:
        plan, timing = self.plan, self.plan.family.timing
        if plan.effort.speed is not None or timing is None:
            return plan.effort.times
        kept = self._known()
        if kept["parts"] is None:
            most = plan.budget.max_time
            seconds = TABLE_SECONDS if most is None else min(TABLE_SECONDS, MOST_OF_TIME * most)
            trained, inputs = plan.trained(model), timed_inputs(plan)
            found = timing.measure(trained, inputs, usual_packing(plan).table, seconds)
            kept["parts"] = found.completed(
                model, processor_seconds(plan, self.path.with_name(SCRATCH), model)
            ).fields()
            self._write()
        found = timing.read(kept["parts"])
        assert isinstance(found, Times)
        return found

    def _known(self) -> dict[str, Any]:
        """What has been measured; a damaged file is measured anew, and a note says so."""
        if self._kept is None:
            try:
                self._kept = checked_times(read_state(self.path), self.plan.family.timing.read)
            except FileNotFoundError:
                self._kept = {"speeds": {}, "parts": None}
            except (DamagedError, ValueError) as error:
                reason = error.reason if isinstance(error, DamagedError) else str(error)
                self.notes.append(remade(self.path.parents[1], self.path, reason))
                self._kept = {"speeds": {}, "parts": None}
        return self._kept

    def _write(self) -> None:
        write_state(self.path, self._known())


def checked_times(values: Mapping[str, Any], read: Any) -> dict[str, Any]:
    """What a run wrote of its times; ValueError if it is something else.

    read: of the family, which checks times of parts.
    """
    speeds, parts = values.get("speeds"), values.get("parts")
    if values.keys() != {"speeds", "parts"} or not isinstance(speeds, dict) or len(speeds) > _MOST_SPEEDS:
        raise ValueError("it holds no times")
    for name, speed in speeds.items():
        if len(name) > _DIGEST or type(speed) not in (int, float) or not (speed > 0 and math.isfinite(speed)):
            raise ValueError("a speed in it is none")
    if parts is not None:
        read(parts)
    return {"speeds": speeds, "parts": parts}


def usual_packing(plan: Plan) -> Packing:
    """The settings with which candidates are packed: as small as their numbers may be."""
    numbers = plan.recipe.get("numbers", AUTO_NUMBERS)
    return USUAL_PACKING if numbers == AUTO_NUMBERS else USUAL_PACKING._replace(table=numbers)


def timed_inputs(plan: Plan) -> list[Any]:
    """The texts of dev on which speeds are measured."""
    dev = plan.splits()["dev"]
    return list(dev.subset(speed_rows(len(dev), plan.family.timed).tolist()).inputs)


def measured_speed(plan: Plan, scratch: Path, model: Model, seconds: float) -> float:
    """The packed model's speed in texts a second, on one thread, on the dev texts, measured for so many seconds.

    scratch: where the file is written.
    """
    return speed_of(plan, packed_for_timing(plan, scratch, model), seconds)


def speed_of(plan: Plan, classifier: Classifier, seconds: float) -> float:
    """Texts a second of a packed file, on one thread, on the dev texts."""
    inputs = timed_inputs(plan)
    return texts_per_second(lambda: classifier.predict(inputs, threads=1), len(inputs), seconds)


def speed_of_result(plan: Plan, path: Path, searched: float, numbers: Mapping[str, str]) -> float:
    """Texts a second of the final packed file: what the search measured, but for other numbers than it packs with.

    numbers: of each part of the file, if parts can have different ones.
    """
    others = set(numbers.values()) - {usual_packing(plan).table}
    if plan.budget.min_speed is None or plan.effort.speed is not None or not others:
        return searched
    return speed_of(plan, load(path), plan.speed_seconds)


def processor_seconds(plan: Plan, scratch: Path, model: Model) -> float:
    """The seconds of the processor that a text takes the packed model, as times of parts are measured: at best."""
    inputs, classifier, found = timed_inputs(plan), packed_for_timing(plan, scratch, model), []
    with threads(1):
        for _ in range(TIMED_PASSES):
            began = time.process_time()
            classifier.predict(inputs, threads=1)
            found.append(time.process_time() - began)
    return min(found) / len(inputs)


def packed_for_timing(plan: Plan, scratch: Path, model: Model) -> Classifier:
    """A model's packed file, loaded."""
    trained = plan.trained(model, plan.task.even_thresholds(len(plan.labels)))
    plan.family.pack(trained, scratch, usual_packing(plan))
    return load(scratch)
