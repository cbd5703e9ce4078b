"""Charts as SVG, drawn by Vega-Lite when the page is written: no script draws, so they print, and nothing is fetched.

    svg = frontier_chart(rows, "bytes", "file bytes", "points lost on dev")

vl-convert holds Vega-Lite and its renderer in one package; that of Altair's saved charts. An SVG takes the page's own
colours (`currentColor`), so it is right in light and in dark, and each mark says to a screen reader what it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from prunetext.errors import require

_ACCENT = "#d00001"  # stands for the page's accent in what the renderer gives
_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_INK = "currentColor"
_CONFIG = {
    "background": None,
    "font": "inherit",
    "view": {"stroke": None},
    "axis": {
        **dict.fromkeys(("labelColor", "titleColor", "gridColor", "domainColor", "tickColor"), _INK),
        "gridOpacity": 0.15,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "rule": {"color": _INK, "opacity": 0.5},
    "line": {"color": _INK},
    "text": {"color": _INK},
}


def svg_of(spec: dict[str, Any], label: str) -> str:
    """Draw a chart; label: what it is, for those who do not see it."""
    convert = require("vl_convert", extra="report")
    whole = {"$schema": _SCHEMA, "width": 420, "height": 240, "config": _CONFIG, **spec}
    svg: str = convert.vegalite_to_svg(whole, allowed_base_urls=[])
    svg = svg.replace(_ACCENT, "var(--accent)")
    svg = re.sub(r'<svg ([^>]*?)width="(\d+)" height="(\d+)"', r"<svg \1", svg, count=1)
    named = label.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return svg.replace("<svg ", f'<svg role="graphics-document" aria-label="{named}" ', 1)


def frontier_chart(rows: Sequence[dict[str, Any]], by: str, title: str, lost: str) -> str:
    """Every candidate of a search: the points lost, with their interval, over bytes or speed.

    rows: with the field `by`, and drop, low, high, chosen and said.
    """
    x = {"field": by, "type": "quantitative", "title": title, "scale": {"type": "log", "nice": False, "padding": 20}}
    x["axis"] = {"format": "~s", "tickCount": 5}
    point = {
        "y": {"field": "drop", "type": "quantitative"},
        "description": {"field": "said"},
        "color": _accent("chosen"),
        "shape": {
            "field": "chosen",
            "scale": {"domain": [True, False], "range": ["diamond", "circle"]},
            "legend": None,
        },
    }
    rule = {"y": {"field": "low", "type": "quantitative", "title": lost}, "y2": {"field": "high"}}
    layers = [
        {"mark": {"type": "rule", "aria": False}, "encoding": rule},
        {"mark": {"type": "point", "filled": True, "size": 80, "opacity": 1}, "encoding": point},
    ]
    return svg_of({"data": {"values": list(rows)}, "encoding": {"x": x}, "layer": layers}, f"{lost} over {title}")


def models_chart(rows: Sequence[dict[str, Any]], by: str, title: str, score: str) -> str:
    """The models side by side: their score on test, with its interval, over bytes or speed."""
    x = {"field": by, "type": "quantitative", "title": title, "scale": {"type": "log", "padding": 30}}
    x["axis"] = {"format": "~s", "tickCount": 5}
    scale = {"zero": False}
    rule = {"y": {"field": "low", "type": "quantitative", "title": score, "scale": scale}, "y2": {"field": "high"}}
    point = {"y": {"field": "value", "type": "quantitative"}, "description": {"field": "said"}, "color": _accent("own")}
    text = {"y": {"field": "value", "type": "quantitative"}, "text": {"field": "name"}}
    layers = [
        {"mark": {"type": "rule", "aria": False}, "encoding": rule},
        {"mark": {"type": "point", "filled": True, "size": 80, "opacity": 1}, "encoding": point},
        {"mark": {"type": "text", "align": "left", "dx": 8, "dy": -8, "aria": False}, "encoding": text},
    ]
    return svg_of({"data": {"values": list(rows)}, "encoding": {"x": x}, "layer": layers}, f"{score} over {title}")


def calibration_chart(rows: Sequence[dict[str, Any]]) -> str:
    """How often a model is right, over how sure it is; rows: with probability, right, model and said."""
    ends = [{"probability": 0.0, "right": 0.0}, {"probability": 1.0, "right": 1.0}]
    axis = {"type": "quantitative", "scale": {"domain": [0, 1], "clamp": True}, "axis": {"format": "%", "tickCount": 5}}
    least = min([row["probability"] for row in rows] + [row["right"] for row in rows], default=0.0)
    axis["scale"] = {"domain": [max(0.0, int(least * 10) / 10), 1], "clamp": True}
    place = {
        "x": {"field": "probability", "title": "probability of the label", **axis},
        "y": {"field": "right", "title": "share of right labels", **axis},
    }
    of = {**place, "color": {**_accent("packed"), "legend": None}, "description": {"field": "said"}}
    layers = [
        {
            "data": {"values": ends},
            "mark": {"type": "line", "strokeDash": [4, 4], "opacity": 0.5, "aria": False},
            "encoding": place,
        },
        {"mark": {"type": "line", "aria": False}, "encoding": {**of, "detail": {"field": "packed"}}},
        {"mark": {"type": "point", "filled": True, "opacity": 1, "size": 50}, "encoding": of},
    ]
    return svg_of({"data": {"values": list(rows)}, "layer": layers}, "how often each model is right, by how sure it is")


def sensitivity_chart(rows: Sequence[dict[str, Any]]) -> str:
    """The rise of the loss of each group alone, over the share of it that is removed."""
    encoding = {
        "x": {"field": "share", "type": "quantitative", "title": "share removed", "axis": {"format": "%"}},
        "y": {"field": "loss", "type": "quantitative", "title": "rise of the loss, nats", "scale": {"type": "symlog"}},
        "detail": {"field": "group"},
    }
    points = {**encoding, "description": {"field": "said"}}
    last = {"aggregate": {"argmax": "share"}, "field": "group"}
    text = {
        "x": {"aggregate": "max", "field": "share", "type": "quantitative"},
        "y": {"aggregate": {"argmax": "share"}, "field": "loss", "type": "quantitative"},
        "text": last,
        "detail": {"field": "group"},
    }
    layers = [
        {"mark": {"type": "line", "aria": False, "opacity": 0.6}, "encoding": encoding},
        {"mark": {"type": "point", "filled": True, "opacity": 1, "color": _INK}, "encoding": points},
        {"mark": {"type": "text", "align": "left", "dx": 6, "aria": False}, "encoding": text},
    ]
    return svg_of({"data": {"values": list(rows)}, "layer": layers}, "what each group alone could do without")


def steps_chart(rows: Sequence[dict[str, Any]], lost: str) -> str:
    """The bytes of each step of a search in its order; accepted ones have the accent."""
    encoding = {
        "x": {"field": "step", "type": "ordinal", "title": "step", "axis": {"labelAngle": 0}},
        "y": {"field": "bytes", "type": "quantitative", "title": "file bytes", "axis": {"format": "~s"}},
        "color": _accent("accepted"),
        "description": {"field": "said"},
    }
    return svg_of({"data": {"values": list(rows)}, "mark": "bar", "encoding": encoding}, f"steps of the search, {lost}")


def _accent(field: str) -> dict[str, Any]:
    """The page's accent where the field is true."""
    return {"field": field, "scale": {"domain": [True, False], "range": [_ACCENT, _INK]}, "legend": None}


def compared_chart(rows: Sequence[dict[str, Any]]) -> str:
    """The accuracy of methods over size, a line for each; rows: method, value, low, high, bytes and said."""
    x = {"field": "bytes", "type": "quantitative", "title": "file bytes", "scale": {"type": "log"}}
    x["axis"] = {"format": "~s", "tickCount": 5}
    of = {"detail": {"field": "method"}}
    y = {"field": "value", "type": "quantitative", "title": "accuracy on test, %", "scale": {"zero": False}}
    rule = {"y": {**y, "field": "low"}, "y2": {"field": "high"}}
    text = {"y": y, "text": {"field": "method"}, **of}
    layers = [
        {"mark": {"type": "rule", "aria": False}, "encoding": rule},
        {"mark": {"type": "line", "opacity": 0.4, "aria": False}, "encoding": {"y": y, **of}},
        {
            "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1, "color": _INK},
            "encoding": {"y": y, "description": {"field": "said"}},
        },
        {
            "transform": [
                {"window": [{"op": "rank", "as": "place"}], "groupby": ["method"], "sort": [{"field": "bytes"}]},
                {"filter": "datum.place === 1"},
            ],
            "mark": {"type": "text", "align": "left", "dx": 6, "dy": 8, "fontSize": 10, "aria": False},
            "encoding": text,
        },
    ]
    size = {"width": 640, "height": 380}
    return svg_of({**size, "data": {"values": list(rows)}, "encoding": {"x": x}, "layer": layers}, "accuracy over size")
