"""The content of a page about a comparison: every method at every size, with intervals over seeds."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from prunetext.comparison.rows import ComparedRow, ComparedRows
from prunetext.comparison.summary import Line, summarise
from prunetext.errors import RunError
from prunetext.reporting import charts

ROWS = "rows.jsonl"  # in the folder of a comparison
_ANY = "any"  # the size of a baseline that has its own


def is_comparison(folder: Path) -> bool:
    """Whether a folder holds a comparison."""
    return (folder / ROWS).is_file()


def compared_content(folder: Path) -> dict[str, Any]:
    """What the template says of a comparison; RunError if it has no row yet."""
    rows = list(ComparedRows(folder / ROWS))
    if not rows:
        raise RunError(f"{folder}: no model of this comparison is done yet. Continue it.")
    lines = summarise(rows)
    best = lines[0]
    return {
        "name": folder.name,
        "data": rows[0].data,
        "sentence": f"At {_of_size(best.size)}, {best.method} is best: {best.test:.2f} % on test.",
        "sizes": [(_of_size(size), [shown(each) for each in lines if each.size == size]) for size in _sizes(lines)],
        "rows": [_row(each) for each in rows],
        "seeds": len({row.seed for row in rows}),
        "machine": ", ".join(f"{key} {value}" for key, value in rows[0].machine.items()),
        "chart": charts.compared_chart([drawn(each) for each in lines]),
    }


def shown(line: Line) -> dict[str, Any]:
    """A line for the template."""
    margin = None if math.isinf(line.margin) else line.margin
    return {**line._asdict(), "margin": margin, "over": bool(line.over)}


def drawn(line: Line) -> dict[str, Any]:
    """A line for the chart."""
    half = 0.0 if math.isinf(line.margin) else line.margin
    said = f"{line.method} at {_of_size(line.size)}: {line.test:.2f} %, {line.bytes:,.0f} bytes"
    ends = {"low": line.test - half, "high": line.test + half}
    return {"method": line.method, "value": line.test, "bytes": line.bytes, "said": said, **ends}


def _sizes(lines: list[Line]) -> list[str]:
    return list(dict.fromkeys(line.size for line in lines))


def _of_size(size: str) -> str:
    return "sizes of their own" if size == _ANY else f"{size} of the bytes" if "/" in size else size


def _row(row: ComparedRow) -> dict[str, Any]:
    return {**row._asdict(), "machine": None}
