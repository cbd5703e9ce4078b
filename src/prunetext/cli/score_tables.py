"""How scores look in a terminal: how close they come to the true ones, and inside which parts of the texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunetext.cli.output import Cells, Output

if TYPE_CHECKING:
    from prunetext.judging.evaluation import Evaluation
    from prunetext.judging.scored_slices import ScoredColumn
    from prunetext.statistics.closeness import Closeness

SCORE_COLUMNS = ("Spearman", "95 % interval", "Pearson", "MAE", "RMSE", "within 1")


def closeness_cells(found: Closeness) -> list[str]:
    """The cells of a row under `SCORE_COLUMNS`."""
    interval = f"{found.low:.3f} to {found.high:.3f}"
    near = f"{100 * found.within_one:.1f} %"
    return [f"{found.spearman:.4f}", interval, f"{found.pearson:.4f}", f"{found.mae:.4g}", f"{found.rmse:.4g}", near]


def print_scored(found: Evaluation, against: str | None, max_drop: float) -> None:
    """Print how close scores are, the parts of the texts, and the comparison if there is one."""
    out = Output()
    for note in found.notes:
        out.print(note)
    table = Cells("model", *SCORE_COLUMNS, "texts")
    for name, each in (("scores", found.score), (against, found.reference)):
        if each is not None:
            table.add_row(str(name), *closeness_cells(each), f"{each.n:,}")  # type: ignore[arg-type]
    out.print(table)
    if found.metric.startswith("auc:"):
        out.print(f"\n{found.title} {found.value:.4f}")
    for column in found.parts:
        print_column(out, column)
    if found.verdict is not None:
        out.print(f"\n{found.compared(max_drop)}")


def print_column(out: Output, column: ScoredColumn) -> None:
    """Print the parts of the texts by one column."""
    out.print()
    table = Cells(column.column, "texts", "Spearman", f"AUC from {column.bound:g}", "mean score", "mean true score")
    for each in column.parts:
        ranks = ("–" if number is None else f"{number:.3f}" for number in (each.spearman, each.auc))
        table.add_row(each.value, f"{each.n:,}", *ranks, f"{each.mean:.4g}", f"{each.true_mean:.4g}")
    out.print(table)
    for sentence in column.sentences():
        out.print(sentence)
