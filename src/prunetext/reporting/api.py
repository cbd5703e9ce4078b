"""`prunetext.report`: one page about a run, with the model inside."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from prunetext.data.columns import column_names
from prunetext.errors import InputError, require
from prunetext.reporting.compared import compared_content
from prunetext.reporting.content import MOST_TABLE_ROWS, content_of, damage_content, data_of_page
from prunetext.reporting.facts import Facts, read_facts
from prunetext.reporting.judged import JudgedTexts, judge_texts
from prunetext.reporting.page import rendered
from prunetext.runtime.calls import A_PATH, A_STR, READING_KINDS, SOME_DATA, STRS, takes
from prunetext.runtime.writing import write_whole

PAGE, PAGE_ENDINGS = "report.html", (".html", ".htm")
MOST_PAGE = 3_000_000  # bytes


class Page(NamedTuple):
    """A page that was written: its file and bytes, the file of all changed labels if there are any, and notes."""

    path: Path
    size: int
    flips: Path | None
    notes: list[str]


@takes(run=A_PATH, data=SOME_DATA, slices=STRS, split=A_STR, out=A_PATH, **READING_KINDS)
def report(
    run: str | Path,
    *,
    data: Any = None,
    slices: str | Sequence[str] = (),
    split: str | None = None,
    out: str | Path | None = None,
    text: str | None = None,
    text_b: str | None = None,
    label: str | None = None,
    score: str | None = None,
    label_separator: str | None = None,
    encoding: str = "utf-8",
    skip_empty: bool = False,
    format: str | None = None,
    quoting: str = "auto",
) -> Page:
    """Write one HTML file about a finished run: proof that one can look at, and a box to try the model.

        page = prunetext.report("runs/reviews")
        page.path                    # runs/reviews/report.html

    The page holds the packed model, and the dense one beside it, and needs no network. data: labelled texts to judge
    both models on, by default the run's own test, read again from its source; if that is gone or has changed, the page
    says so. slices: further columns of the data by which damage is told apart, such as "source,language". split and the
    options of reading go with data, and are as for `prunetext.evaluate`. out: the file, by default report.html in the
    folder of the run; all changed labels lie beside it as JSON Lines. Needs the extra report. `RunError` if the folder
    has no finished run.
    """
    require("jinja2", extra="report")
    require("vl_convert", extra="report")
    folder = Path(run).expanduser()
    target = Path(out).expanduser() if out is not None else folder / PAGE
    if target.is_dir():
        raise InputError(f"{target} is a folder. Give a file as --out.")
    if target.suffix.lower() not in PAGE_ENDINGS:  # such as the model, or the data
        raise InputError(f"{target}: a page is a file whose name ends with .html. Give one as --out.")
    facts = read_facts(folder)
    if facts.packed.suffix != ".safetensors":
        raise InputError(f"{folder}: its model is a transformer, which no page can hold. Use evaluate and inspect.")
    if not target.parent.is_dir():
        raise InputError(f"{target}: its folder does not exist. Give a file in a folder that exists as --out.")
    names = {"text": text, "text_b": text_b, "label": label, "score": score, "label_separator": label_separator}
    reading = {**names, "encoding": encoding, "skip_empty": skip_empty, "format": format, "quoting": quoting}
    texts = judge_texts(facts, data, column_names(slices), split, **reading)
    html = run_page(facts, texts)
    write_whole(target, html, private=True)
    flips = write_flips(target, texts)
    return Page(target, len(html), flips, [texts.missing] if texts.missing else list(texts.notes))


def run_page(facts: Facts, texts: JudgedTexts, room: int = MOST_PAGE) -> bytes:
    """The page about a run, with all models and rows for which there is room: so many bytes."""
    content, data = content_of(facts, texts), data_of_page(facts, texts)
    packed = {"packed": facts.packed.read_bytes()}
    both = {**packed, "dense": texts.dense}
    fewest = MOST_TABLE_ROWS // 20
    rooms = [(most, both) for most in (MOST_TABLE_ROWS, MOST_TABLE_ROWS // 4, fewest)]
    for most, models in (*rooms, (fewest, packed), (0, packed), (0, {})):
        html = rendered("run.html", {**content, **damage_content(texts, most)}, data, models)
        if len(html) <= room:
            break
    return html


def write_comparison(
    folder: str | Path, rows: Sequence[Mapping[str, Any]], lines: Sequence[Mapping[str, Any]]
) -> Page | None:
    """Write the page of a comparison into its folder: every method at every size. None if nothing was compared.

    found = prunetext.compare("reviews.csv", out="runs/compared")
    write_comparison("runs/compared", [row._asdict() for row in found.rows], [each._asdict() for each in found.lines])
    """
    if not rows:
        return None
    target = Path(folder).expanduser() / PAGE
    html = rendered("compare.html", compared_content(target.parent.name, rows, lines), {"thresholds": []}, {})
    write_whole(target, html, private=True)
    return Page(target, len(html), None, [])


def write_flips(page: Path, texts: JudgedTexts) -> Path | None:
    """All changed labels beside the page, as JSON Lines; None if none changed, and no file of an earlier page stays."""
    damage = None if texts.evaluation is None else texts.evaluation.damage
    path = page.with_name(f"{page.stem}.flips.jsonl")
    if damage is None or not damage.flips:
        path.unlink(missing_ok=True)
        return None
    lines = (json.dumps(each._asdict(), ensure_ascii=False) + "\n" for each in damage.flips)
    write_whole(path, "".join(lines).encode("utf-8", "backslashreplace"), private=True)
    return path
