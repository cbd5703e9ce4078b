"""What `prunetext.evaluate` has found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from prunetext.judging.damage import DamageReport
    from prunetext.judging.scored_slices import ScoredColumn
    from prunetext.statistics.calibration import Rejection
    from prunetext.statistics.closeness import Closeness
    from prunetext.statistics.evaluation import ClassScore, Score, Verdict


class Evaluation(NamedTuple):
    """The result of `evaluate`; with another model to compare with, it has `reference` and `verdict`.

    `calibration_error` is the expected calibration error, a share in 0..1; `rejection` is the effect of a packed file's
    threshold, if it has one. `damage`: which texts and which parts of them the model does worse than the other one.
    Where texts have scores, `score` and `reference` are `Closeness`, there are no classes and no damage, and `parts`
    has each value of the columns that slices name.
    """

    score: Score | Closeness
    per_class: list[ClassScore]
    reference: Score | Closeness | None
    verdict: Verdict | None
    notes: list[str]
    calibration_error: float | None = None
    rejection: Rejection | None = None
    metric: str = "accuracy"
    value: float = 0.0  # of the metric, a share
    reference_value: float | None = None
    micro_f1: float | None = None  # if texts can have several labels
    damage: DamageReport | None = None
    parts: tuple[ScoredColumn, ...] = ()  # where texts have scores, for each column of slices

    @property
    def scored(self) -> bool:
        """Whether texts have scores."""
        return hasattr(self.score, "spearman")

    @property
    def title(self) -> str:
        """The metric's name as people write it."""
        from prunetext.statistics.metrics import title_of

        return title_of(self.metric)

    def compared(self, max_drop: float) -> str:
        """Say the verdict in plain words; empty if there was nothing to compare with.

        print(found.compared(0.5))    # 'kept: the model loses 0.10 points against it, between -0.14 and 0.35 (…'
        """
        verdict = self.verdict
        if verdict is None:
            return ""
        ending = f"; but {verdict.doubt}." if verdict.doubt else "."
        if verdict.name == "undecided" and not verdict.doubt:
            needed = "more labelled texts are unlikely to give kept"
            if verdict.needed is not None:
                needed = f"about {verdict.needed:,} labelled texts are needed to decide"
            ending = f"; {needed}."
        of = "" if self.metric == "accuracy" else f" of {self.title}"
        return (
            f"{verdict.name}: the model loses {verdict.drop:.2f} points{of} against it, between {verdict.low:.2f} and "
            f"{verdict.high:.2f} (each bound with 95 % confidence); {max_drop:g} are allowed{ending}"
        )

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON: those of the score, and below them the classes and the verdict."""
        fields: dict[str, Any] = {**self.score._asdict(), "metric": self.metric, "value": self.value}
        if self.micro_f1 is not None:
            fields["micro_f1"] = self.micro_f1
        if self.per_class:
            fields["per_class"] = [each._asdict() for each in self.per_class]
        if self.parts:
            fields["slices"] = [each.fields() for each in self.parts]
        if self.verdict is not None and self.reference is not None:
            reference = {**self.reference._asdict(), "value": self.reference_value}
            fields |= {"verdict": self.verdict._asdict(), "against": reference}
        if self.damage is not None:
            fields["damage"] = self.damage.fields()
        if self.calibration_error is not None:
            fields["calibration_error"] = self.calibration_error
        if self.rejection is not None:
            fields["rejection"] = self.rejection._asdict()
        return {**fields, "notes": self.notes}
