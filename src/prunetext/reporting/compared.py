"""The content of a page about a comparison: every method at every size, with intervals over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from prunetext.reporting import charts

_ANY = "any"  # the size of a baseline that has its own


def compared_content(
    name: str, rows: Sequence[Mapping[str, Any]], lines: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What the template says of a comparison: its rows, one for each model, and its lines, as plain values."""
    return {
        "name": name,
        "data": rows[0]["data"],
        "sentence": headline(lines),
        "sizes": [
            (_of_size(size), [line_content(each) for each in lines if each["size"] == size])
            for size in dict.fromkeys(line["size"] for line in lines)
        ],
        "rows": rows,
        "seeds": len({row["seed"] for row in rows}),
        "machine": ", ".join(f"{key} {value}" for key, value in rows[0]["machine"].items()),
        "chart": charts.compared_chart([drawn_line(each) for each in lines]),
    }


def headline(lines: Sequence[Mapping[str, Any]]) -> str:
    """The most accurate method at the largest size that any has kept.

    >>> headline([{"size": "1/2", "method": "taylor/local", "test": 91.0, "over": 0}])
    'At 1/2 of the bytes, taylor/local is best: 91.00 % on test.'
    """
    best = next((line for line in lines if not line.get("over")), None)
    if best is None:
        return "No method was as small as asked for."
    return f"At {_of_size(best['size'])}, {best['method']} is best: {best['test']:.2f} % on test."


def line_content(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line for the template."""
    return {**line, "margin": None if math.isinf(line["margin"]) else line["margin"], "over": bool(line["over"])}


def drawn_line(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line for the chart."""
    half = 0.0 if math.isinf(line["margin"]) else line["margin"]
    said = f"{line['method']} at {_of_size(line['size'])}: {line['test']:.2f} %, {line['bytes']:,.0f} bytes"
    ends = {"low": line["test"] - half, "high": line["test"] + half}
    return {"method": line["method"], "value": line["test"], "bytes": line["bytes"], "said": said, **ends}


def _of_size(size: str) -> str:
    return "sizes of their own" if size == _ANY else f"{size} of the bytes" if "/" in size else size
