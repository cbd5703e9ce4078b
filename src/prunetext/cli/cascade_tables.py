"""How a cascade looks in a terminal: the curve of its thresholds, the models alone and together, the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from prunetext.cli.output import Cells, Output
from prunetext.cli.tables import print_inspection
from prunetext.fitting.cascading.choosing import spread_over
from prunetext.runtime.cascade_files import EVERY_TEXT

if TYPE_CHECKING:
    from prunetext.fitting.cascading.making import Cascade
    from prunetext.modelfiles.cascades import CascadeInspection
    from prunetext.statistics.evaluation import Score

SHOWN_OF_CURVE = 12  # rows, and the chosen one
NAMES_OF_PARTS = {"first": "TextCNN", "second": "transformer", "cascade": "cascade"}
SURE_BY = {
    "top": "the probability of its label",
    "margin": "the label nearest to its threshold, as a probability with a threshold of 0.5",
}


def print_cascade(found: Cascade) -> None:
    """Print what was noticed, the curve, the three models on test, and the verdict."""
    out = Output()
    for note in found.notes:
        out.print(note)
    out.print("\nTexts that go on to the transformer, by threshold; * is the chosen one:")
    out.print()
    table = Cells("threshold", "go on, dev", f"{found.title}, dev", "go on, test", f"{found.title}, test", "µs a text")
    told = spread_over(found.curve, SHOWN_OF_CURVE)
    for row in found.curve:
        if row in told or row.chosen:
            shares = (f"{100 * each:.2f} %" for each in (row.passed, row.dev, row.passed_test, row.test))
            threshold = {0.0: "none", EVERY_TEXT: "all"}.get(row.threshold, f"{row.threshold:.4f}")
            table.add_row(threshold + " *" * row.chosen, *shares, f"{row.micros:,.1f}")
    out.print(table)
    out.print()
    other = found.metric != "accuracy"
    table = Cells("model", "accuracy", "95 % interval", *[found.title] * other, "file bytes", "µs a text")
    for name, model in found.models.items():
        score, value = cast("Score", model.score), [f"{100 * model.value:.2f} %"] * other
        interval = f"{100 * score.low:.2f} to {100 * score.high:.2f}"
        speed = f"{1e6 / model.texts_per_second:,.1f}"
        table.add_row(
            NAMES_OF_PARTS[name], f"{100 * score.accuracy:.2f} %", interval, *value, f"{model.bytes:,}", speed
        )
    out.print(table)
    texts = found.models["cascade"].score.n
    out.print(f"\nOn {texts:,} test texts, one thread. {100 * found.passed:.2f} % of them go on to the transformer.")
    out.print(found.sentence())
    out.print(str(found.path))


def print_cascade_inspection(found: CascadeInspection) -> None:
    """Print the threshold, and what is in both models."""
    out = Output()
    out.print(f"{found.path}: {found.format}, {found.size:,} bytes of both models")
    out.print(
        f"A text goes on to the second model below a confidence of {found.threshold:g}, by {SURE_BY[found.confidence]}."
    )
    said = found.provenance.get("passed"), found.provenance.get("verdict")
    if isinstance(said[0], float) and isinstance(said[1], dict):
        out.print(f"Of test, {100 * said[0]:.2f} % went on; against the transformer alone: {said[1].get('name')}.")
    for each in (found.first, found.second):
        out.print()
        print_inspection(each)
