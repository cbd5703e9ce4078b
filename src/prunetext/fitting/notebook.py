"""How a result shows itself in a notebook: the verdict, the models side by side, and a plot of the search.

Everything takes the page's own colour (`currentColor`), so it can be read in light and in dark. Nothing is fetched, no
script runs, and each text is escaped: notes can hold labels, which come from files of other people.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from prunetext.statistics.closeness import Closeness

if TYPE_CHECKING:
    from prunetext.fitting.frontier import Candidate
    from prunetext.judging.side_by_side import Judged
    from prunetext.statistics.evaluation import Verdict

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 440, 200, 52, 16, 12, 40  # of the plot, and its margins
LINE_HEIGHT = 12
COLOURS = {"kept": "#2e9e4f", "lost": "#e0483e"}  # dark enough on white, and light enough on black
_USUAL_COLOUR, _ACCENT = "#8a919a", "#3b82e0"
_FAINT = "rgba(128,128,128,.35)"
_CELL = f"text-align:right;padding:.2em .8em;border-bottom:1px solid {_FAINT}"
_FIRST = _CELL.replace("right", "left", 1)


def result_html(
    verdict: Verdict,
    judged: Judged,
    size: int,
    missed: Sequence[str],
    frontier: Sequence[Candidate],
    notes: Sequence[str],
) -> str:
    """The HTML of a run's result, for `_repr_html_`; its arguments are fields of the result."""
    colour = COLOURS.get(verdict.name, _USUAL_COLOUR)
    parts = [
        '<div class="prunetext" style="font-family:system-ui,sans-serif;max-width:46rem;line-height:1.45">',
        f'<p style="margin:.2em 0 .6em;padding-left:.7em;border-left:.35em solid {colour}">'
        f"<strong>{escape(verdict.name)}</strong> · {size:,} bytes · "
        f"{_value(judged, judged.packed.value)} {escape(judged.title)} on {judged.packed.score.n:,} test texts<br/>"
        f"{escape(verdict.sentence(judged.title))}</p>",
        *(f'<p style="margin:.3em 0;color:{COLOURS["lost"]}">{escape(each)}</p>' for each in missed),
        models_table(judged),
    ]
    if len(frontier) > 1:
        parts.append(frontier_plot(frontier, judged.title))
    if notes:
        said = "".join(f"<li>{escape(each)}</li>" for each in notes)
        parts.append(f"<details><summary>{len(notes):,} notes</summary><ul>{said}</ul></details>")
    return "".join([*parts, "</div>"])


def models_table(judged: Judged) -> str:
    """The models side by side."""
    first = "Spearman" if judged.scored else "accuracy"
    other = judged.title.lower() != first.lower()
    titles = ["model", first, "95 % interval", *[judged.title] * other, "file bytes", "texts/s"]
    rows = []
    for name, row in judged.shown().items():
        main = row.score.spearman if isinstance(row.score, Closeness) else row.score.accuracy
        interval = " to ".join(_value(judged, each).removesuffix(" %") for each in (row.score.low, row.score.high))
        values = [name, _value(judged, main), interval, *[_value(judged, row.value)] * other]
        rows.append(_row("td", [*values, f"{row.bytes:,}", f"{row.texts_per_second:,.0f}"], bold=name == "packed"))
    head = _row("th", titles)
    return (
        '<table style="border-collapse:collapse;background:none;color:inherit;font-variant-numeric:tabular-nums">'
        f"<thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"
    )


def frontier_plot(frontier: Sequence[Candidate], title: str) -> str:
    """A plot of all models of a search: points lost on dev, with their interval, over the bytes of the file."""
    across = _Scale([math.log(each.bytes) for each in frontier], LEFT + 12, WIDTH - RIGHT - 12)
    heights = [number for each in frontier for number in (each.low, each.high, 0.0)]
    up = _Scale(heights, HEIGHT - BOTTOM, TOP)
    ends = sorted({min(each.bytes for each in frontier), max(each.bytes for each in frontier)})
    beside = [0.0, *(at for at in (up.low, up.high) if abs(up(at) - up(0)) > LINE_HEIGHT)]
    shapes = [
        _line(LEFT, up(0), WIDTH - RIGHT, up(0), "stroke-dasharray='3 3' stroke-opacity='.5'"),
        *(_text(LEFT - 6, up(at) + 4, "end", f"{at:.1f}") for at in beside),
        *(_text(across(math.log(at)), HEIGHT - BOTTOM + 16, "middle", f"{at:,}") for at in ends),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "middle", "file bytes"),
    ]
    on_top = sorted(frontier, key=lambda candidate: candidate.chosen)
    shapes += [_mark(across(math.log(each.bytes)), up, each) for each in on_top]
    what = f"Points of {title} lost on dev, over the bytes of the file, for {len(frontier):,} models of the search"
    return (
        f"<figure style='margin:.8em 0'><svg role='img' aria-label=\"{escape(what)}\" viewBox='0 0 {WIDTH} {HEIGHT}' "
        f"style='width:100%;max-width:{WIDTH}px;height:auto;color:inherit' fill='currentColor' font-size='11'>"
        f"{''.join(shapes)}</svg><figcaption style='font-size:.85em;opacity:.75'>{escape(what)}. "
        "The diamond was chosen.</figcaption></figure>"
    )


class _Scale:
    """Places numbers between two ends."""

    def __init__(self, values: Iterable[float], first: float, last: float) -> None:
        values = list(values)
        self.low, self.high, self.first, self.last = min(values), max(values), first, last

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(self.first + share * (self.last - self.first), 1)


def _mark(x: float, up: _Scale, each: Candidate) -> str:
    """A candidate: its interval, and a point that says its numbers when it is pointed at."""
    y, colour = up(each.drop), _ACCENT if each.chosen else "currentColor"
    said = f"<title>{each.number}: {each.bytes:,} bytes, {each.drop:.2f} points lost</title>"
    if each.chosen:
        shape = f"<path d='M{x} {y - 6:.1f}l6 6l-6 6l-6 -6z' fill='{colour}'>{said}</path>"
    else:
        shape = f"<circle cx='{x}' cy='{y}' r='3.5' fill='{colour}'>{said}</circle>"
    return _line(x, up(each.low), x, up(each.high), "stroke-opacity='.5'") + shape


def _line(x: float, y: float, to_x: float, to_y: float, more: str) -> str:
    return f"<line x1='{x}' y1='{y}' x2='{to_x}' y2='{to_y}' stroke='currentColor' {more}/>"


def _text(x: float, y: float, anchor: str, said: str) -> str:
    return f"<text x='{x}' y='{y}' text-anchor='{anchor}'>{escape(said)}</text>"


def _row(tag: str, values: Sequence[str], *, bold: bool = False) -> str:
    style = "background:none;color:inherit" + (";font-weight:600" if bold else "")
    cells = (f'<{tag} style="{_CELL if at else _FIRST}">{escape(value)}</{tag}>' for at, value in enumerate(values))
    return f'<tr style="{style}">{"".join(cells)}</tr>'


def _value(judged: Judged, value: float) -> str:
    """A metric: of scores, a plain number; of labels, a share."""
    return f"{value:.3f}" if judged.scored else _percent(value)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
