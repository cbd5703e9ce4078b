"""The text of a benchmark: the cells of its two tables, and the lines below them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prunetext.benchmarking.api import Bench
    from prunetext.benchmarking.rows import BenchRow

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]  # columns, and rows of as many cells

BATCH_COLUMNS = ("all texts", "bytes", "accuracy", "texts/s", "MB/s", "×", "texts/s, all threads", "MB/s", "×")
SINGLE_COLUMNS = ("one text", "median µs", "×", "p99 µs", "×", "cold start ms", "×", "memory kB", "×")


def tables(found: Bench) -> list[Table]:
    """Speeds of batches, with sizes; then, for models and peers, the times of one text and of a new process."""
    return [
        (BATCH_COLUMNS, list(map(_batch, found.rows))),
        (SINGLE_COLUMNS, [_single(row) for row in found.rows if row.kind != "floor"]),
    ]


def circumstances(found: Bench) -> list[str]:
    """The meaning of the numbers, their conditions, and the missing peers."""
    machine = found.machine
    return [
        f"{found.texts:,} texts of {found.mean_bytes:,.0f} bytes, {found.passes} passes and {found.starts} starts, "
        f"{machine['cores']} threads of {machine['cpu']}, Python {machine['python']}.",
        "Medians; × is how many times better prunetext is, pair by pair: median (least to greatest).",
        *(f"Without {name}: {reason}." for name, reason in found.missing.items()),
    ]


def _batch(row: BenchRow) -> tuple[str, ...]:
    size = "" if row.bytes is None else f"{row.bytes:,}"
    accuracy = "" if row.accuracy is None else f"{100 * row.accuracy:.2f} %"
    cells = [f"{row.name} {row.version}".strip(), size, accuracy]
    for threads in ("", "_all"):
        texts, ratio = _median(row, f"texts_per_second{threads}", "{:,.0f}")
        cells += [texts, _median(row, f"megabytes_per_second{threads}", "{:,.1f}")[0], ratio]
    return tuple(cells)


def _single(row: BenchRow) -> tuple[str, ...]:
    cells = [row.name]
    for measure, form in (("p50", "{:,.1f}"), ("p99", "{:,.1f}"), ("cold_start", "{:,.1f}")):
        cells += _median(row, measure, form)
    return (*cells, *_median(row, "memory", "{:,.0f}", 1000))


def _median(row: BenchRow, measure: str, form: str, unit: int = 1) -> tuple[str, str]:
    """The median of a measure and its ratio, if any."""
    value, ratio = row.measures.get(measure), row.ratios.get(measure)
    shown = "" if value is None else form.format(value.median / unit)
    return shown, "" if ratio is None else f"{ratio.median:.3g} ({ratio.min:.3g} to {ratio.max:.3g})"
