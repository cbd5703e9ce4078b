"""Making a cascade of two finished runs: read them, choose the threshold on dev, judge it on test, write the folder."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from prunetext.errors import InputError
from prunetext.fitting.cascading.choosing import ChosenThreshold, Limits, chosen_threshold, passings
from prunetext.fitting.cascading.folder import refuse_target, write_cascade
from prunetext.fitting.cascading.halves import Halves, halves_of
from prunetext.fitting.cascading.judged import (
    BOTH,
    FIRST,
    SECOND,
    AskedBoth,
    CurveRow,
    both_asked,
    curve_of,
    judged_cascade,
    micros_of,
)
from prunetext.fitting.effort import Effort
from prunetext.fitting.rules import check_max_drop
from prunetext.judging.side_by_side import ModelRow
from prunetext.pruning.budget import DEFAULT_DROP
from prunetext.pruning.problem import Told
from prunetext.runtime.cascade_files import CASCADE_FORMAT, CONFIDENCE_RULES
from prunetext.statistics.answers import LEARNT_DEV
from prunetext.statistics.bootstrap import foresee_verdict
from prunetext.statistics.evaluation import Verdict
from prunetext.statistics.metrics import title_of

IN_THE_FOLDER = 6  # digits of a number in the description


@dataclass(frozen=True)
class Cascade:
    """A cascade that was made; `result.json` in its folder has all of it.

    `models` are the TextCNN (`first`) and the transformer (`second`) alone, and the cascade, on test. `passed` is the
    share of test that goes on to the transformer. `verdict` is that of the cascade against the transformer alone.
    """

    path: Path
    size: int
    threshold: float
    passed: float
    models: dict[str, ModelRow]
    verdict: Verdict
    metric: str
    curve: list[CurveRow]
    missed: list[str]
    notes: list[str]

    @property
    def title(self) -> str:
        """The metric's name as people write it."""
        return title_of(self.metric)

    def sentence(self) -> str:
        """The verdict in plain words."""
        return self.verdict.sentence(self.title, "the transformer alone", "the cascade")

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        models = {name: {**row.score._asdict(), **row._asdict()} for name, row in self.models.items()}
        for row in models.values():
            del row["score"]
            if row["micro_f1"] is None:
                del row["micro_f1"]
        return {
            "path": str(self.path),
            "bytes": self.size,
            "threshold": self.threshold,
            "passed": self.passed,
            **models,
            "verdict": self.verdict._asdict(),
            "metric": self.metric,
            "curve": [row._asdict() for row in self.curve],
            "missed": self.missed,
            "notes": self.notes,
        }


def made_cascade(
    cnn: Path,
    encoder: Path,
    out: Path,
    data: Any,
    max_drop: float | None,
    max_micros: float | None,
    told: Told,
    effort: Effort,
    *,
    overwrite: bool,
) -> Cascade:
    """Make a cascade; the arguments are those of `prunetext.cascade`."""
    check_limits(max_drop, max_micros)
    refuse_target(out, overwrite=overwrite)
    halves = halves_of(cnn, encoder, data, out)
    dev, test = both_asked(halves, halves.judged_dev, "dev", told), both_asked(halves, halves.test, "test", told)
    micros = {
        name: micros_of(half, family, halves.test, effort.speed_seconds)
        for name, half, family in ((FIRST, halves.first, "textcnn"), (SECOND, halves.second, "transformer"))
    }
    rows = passings(dev.measure, dev.confidence, dev.first, dev.second)
    limits = limits_of(max_drop, max_micros, micros)
    chosen = chosen_threshold(rows, limits)

    def mean_of(passed: float) -> float:
        return micros[FIRST] + passed * micros[SECOND]

    curve = curve_of(rows, chosen.row, dev, test, mean_of)
    allowed = DEFAULT_DROP if max_drop is None else max_drop
    micros[BOTH] = mean_of(test.passed(chosen.row.threshold))
    judged = judged_cascade(halves, test, chosen.row, curve, micros, allowed)
    missed = missed_by(chosen, limits, max_micros, mean_of(chosen.row.passed))
    notes = notes_on(halves, test, chosen, limits, allowed)
    size, metric = judged.models[BOTH].bytes, test.measure.name
    threshold, passed = chosen.row.threshold, judged.passed
    found = Cascade(out, size, threshold, passed, judged.models, judged.verdict, metric, curve, missed, notes)
    parts = {FIRST: halves.first.path, SECOND: halves.second.path}
    result = {name: value for name, value in found.fields().items() if name not in ("path", "curve")}
    asked = {"max_drop": limits.max_drop, "max_micros": max_micros}
    write_cascade(out, description(halves, found, asked), parts, result, (row._asdict() for row in curve))
    return found


def check_limits(max_drop: float | None, max_micros: float | None) -> None:
    """Refuse limits out of range."""
    check_max_drop(max_drop)
    if max_micros is not None and not 0 < max_micros <= 1e12:
        raise InputError(f"max_micros is {max_micros}: it must be more than 0 microseconds, such as 50.")


def limits_of(max_drop: float | None, max_micros: float | None, micros: dict[str, float]) -> Limits:
    """The limits of a threshold; half a point may be lost if nothing is asked for.

    >>> limits_of(None, 50.0, {"first": 10.0, "second": 400.0})
    Limits(max_drop=None, most_passed=0.1)
    """
    if max_micros is None:
        return Limits(DEFAULT_DROP if max_drop is None else max_drop, None)
    return Limits(max_drop, (max_micros - micros[FIRST]) / micros[SECOND])


def missed_by(chosen: ChosenThreshold, limits: Limits, max_micros: float | None, mean: float) -> list[str]:
    """The limits that no threshold keeps, each in a sentence."""
    row, found = chosen.row, []
    if chosen.lost:
        found.append(
            f"max_drop was missed: the threshold loses {row.drop:.2f} ± {row.error / 2:.2f} points on dev, and "
            f"{limits.max_drop:g} were allowed. It is the most accurate one."
        )
    if chosen.late:
        found.append(
            f"max_micros was missed: a text takes {mean:,.1f} microseconds, and {max_micros:g} were allowed. "
            + ("No text goes on." if row.passed == 0 else "As few texts go on as max_drop allows.")
        )
    return found


def notes_on(halves: Halves, test: AskedBoth, chosen: ChosenThreshold, limits: Limits, max_drop: float) -> list[str]:
    """What the reader of the result should know."""
    notes, count, passed = [], len(halves.rows), chosen.row.passed
    if count < len(halves.dev):
        notes.append(
            f"The threshold was chosen on the {count:,} of {len(halves.dev):,} texts of dev that neither model has "
            "learnt; two runs of fit --no-refit leave all of them."
        )
    if passed in (0, 1) and not chosen.lost and not chosen.late:
        alone = ("TextCNN", "transformer")[int(passed)]
        how = f"The {alone} alone answers: "
        if limits.max_drop is None:
            notes.append(f"{how}no other threshold within max_micros is more accurate on dev.")
        elif passed == 0:
            notes.append(f"{how}it loses no more than {limits.max_drop:g} points on dev.")
        else:
            most = f"at most {limits.max_drop:g} points"
            notes.append(f"{how}{count:,} texts of dev show of no other threshold that it loses {most}.")
    if sentence := foresee_verdict(test.measure, len(halves.labels), max_drop).sentence(test.measure.title):
        notes.append(sentence)
    return notes


def description(halves: Halves, found: Cascade, asked: dict[str, float | None]) -> dict[str, Any]:
    """What the file of a cascade says, but for its models: nothing in it was measured by a clock."""
    recipe = {name: halves.second.recipe.get(name) for name in ("seed", "data", "source")}
    for half in (halves.first, halves.second):
        if LEARNT_DEV in half.recipe:
            recipe[LEARNT_DEV] = half.recipe[LEARNT_DEV]
    task = halves.first.model.task
    provenance = {
        "recipe": recipe,
        "metric": found.metric,
        **asked,
        "dev": len(halves.rows),
        "passed": round(found.passed, IN_THE_FOLDER),
        "test": {name: rounded({**row.score._asdict(), "value": row.value}) for name, row in found.models.items()},
        "verdict": rounded({name: value for name, value in found.verdict._asdict().items() if value != ""}),
        "curve": [
            rounded({name: value for name, value in row._asdict().items() if name != "micros"}) for row in found.curve
        ],
        "versions": {"prunetext": version("prunetext")},
    }
    return {
        "format": CASCADE_FORMAT,
        "task": task,
        "labels": halves.labels,
        "confidence": CONFIDENCE_RULES[task],
        "threshold": found.threshold,
        "provenance": provenance,
    }


def rounded(values: dict[str, Any]) -> dict[str, Any]:
    """The same with fewer digits.

    >>> rounded({"drop": 1 / 3, "n": 3})
    {'drop': 0.333333, 'n': 3}
    """
    return {name: round(value, IN_THE_FOLDER) if isinstance(value, float) else value for name, value in values.items()}
