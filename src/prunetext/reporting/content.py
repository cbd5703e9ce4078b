"""What a page about a run says, as plain values: the template lays them out, and writes no number of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from prunetext.data.dataset import Examples
from prunetext.data.duplicates import Near
from prunetext.judging.damage import DamageReport, Doubtful, Flip
from prunetext.judging.unpruned import labelled_by
from prunetext.reporting import charts
from prunetext.reporting.facts import Facts
from prunetext.reporting.judged import JudgedTexts, threshold_table

_Row = TypeVar("_Row")
MOST_TABLE_ROWS = 400  # of a table in the page; all changed labels lie beside it
LONGEST_TEXT = 500  # characters of a text in the page
_LONGEST_VALUE = 80  # of a label, or of another value
_LONGEST_COMMAND = 4_000
_LONGEST_LABEL = 500  # of one that the page's script is to explain
_WORST = 40  # words, doubtful labels, and pairs of texts that are nearly the same
_MOST_SENTENCES = 100


def content_of(facts: Facts, texts: JudgedTexts) -> dict[str, Any]:
    """All that the template needs but the models and the damage."""
    told = facts.verdict
    found: dict[str, Any] = {
        "name": _value(facts.name),
        "metric": told.metric,
        "verdict": told.name,
        "sentence": shortly(told.sentence),
        "models": models_of(facts),
        "missed": told_sentences(facts.result.get("missed", [])),
        "notes": told_sentences(facts.result.get("notes", [])),
        "reason": facts.result.get("reason", ""),
        "removed": {kind: f"{100 * share:.1f} %" for kind, share in facts.result.get("removed", {}).items()},
        "frontier": candidates_of(facts),
        "steps": steps_of(facts),
        "sensitivity": [{**row, "group": _value(row["group"])} for row in sampled(facts.sensitivity)],
        "options": {
            name: _value(str(value)) for name, value in facts.recipe.items() if value is not None and name != "checksum"
        },
        "command": shortly(facts.command(), _LONGEST_COMMAND),
        "picked": facts.picked is not None,
        "signature": facts.signature(),
        "missing": shortly(texts.missing),
        "texts": _value(texts.name),
        "chosen": told_sentences(texts.notes),
        "longest": LONGEST_TEXT,
        "charts": charts_of(facts, texts),
    }
    return found


def data_of_page(facts: Facts, texts: JudgedTexts) -> dict[str, Any]:
    """What the page's script reads."""
    if texts.examples is None:
        return {"thresholds": []}
    said = labelled_by(facts.packed, texts.examples)
    return {"thresholds": [(_value(label), curve) for label, curve in threshold_table(texts.examples, *said)]}


def told_sentences(given: Sequence[str]) -> list[str]:
    """Sentences that a page has room for."""
    return [shortly(each) for each in given[:_MOST_SENTENCES]]


def models_of(facts: Facts) -> list[dict[str, Any]]:
    """The models side by side on test."""
    named = {"dense": "dense", "pruned": "pruned", "packed": "packed", "baseline": "tf-idf + LR"}
    rows = []
    for key, name in named.items():
        row = facts.result.get(key)
        if row is not None:
            value = row.get("value", row["accuracy"])
            shares = {each: f"{100 * row[each]:.2f} %" for each in ("accuracy", "low", "high", "macro_f1")}
            rows.append({**shares, "name": name, "value": f"{100 * value:.2f} %", "own": key == "packed"})
            rows[-1] |= {"bytes": row["bytes"], "texts_per_second": row["texts_per_second"], "n": row["n"]}
    return rows


def candidates_of(facts: Facts) -> list[dict[str, Any]]:
    """Every candidate of the search; a run of an earlier version has none."""
    rows = []
    for row in facts.result.get("frontier", []):
        speed = "" if row["texts_per_second"] is None else f", {row['texts_per_second']:,.0f} texts/s"
        drop = f"{row['drop']:.2f} points lost, {row['low']:.2f} to {row['high']:.2f}"
        chosen = ", chosen" if row["chosen"] else ""
        rows.append({**row, "said": f"candidate {row['number']}: {row['bytes']:,} bytes{speed}; {drop}{chosen}"})
    return sampled(rows)


def steps_of(facts: Facts) -> list[dict[str, Any]]:
    """The steps of the search in their order."""
    rows = []
    for number, row in enumerate(facts.history):
        said = f"step {number}: {row['bytes']:,} bytes, {row['drop']:.2f} points lost on dev"
        rows.append({**row, "step": number, "said": f"{said}, {'accepted' if row['accepted'] else 'refused'}"})
    return sampled(rows)


def charts_of(facts: Facts, texts: JudgedTexts) -> dict[str, str]:
    """The charts by name."""
    lost = "points lost on dev"
    found: dict[str, str] = {}
    frontier = candidates_of(facts)
    if len(frontier) > 1:
        found["frontier_bytes"] = charts.frontier_chart(frontier, "bytes", "file bytes", lost)
        timed = [row for row in frontier if row["texts_per_second"]]
        if len(timed) > 1:
            found["frontier_speed"] = charts.frontier_chart(timed, "texts_per_second", "texts a second", lost)
    models = _drawn_models(facts)
    found["models_bytes"] = charts.models_chart(models, "bytes", "file bytes", f"{facts.verdict.metric} on test, %")
    found["models_speed"] = charts.models_chart(models, "texts", "texts a second", f"{facts.verdict.metric} on test, %")
    if facts.sensitivity:
        rows = [{**row, "said": sensitivity_said(row)} for row in facts.sensitivity]
        found["sensitivity"] = charts.sensitivity_chart(rows)
    if facts.history:
        found["steps"] = charts.steps_chart(steps_of(facts), lost)
    damage = None if texts.evaluation is None else texts.evaluation.damage
    if damage is not None:
        found["calibration"] = charts.calibration_chart(_reliability(damage))
    return found


def sensitivity_said(row: dict[str, Any]) -> str:
    """One row in words."""
    left = f"{row['group']} without {100 * row['share']:.0f} %: loss {row['loss']:+.3f} nats"
    return f"{left}, {row['drop']:.2f} points lost, {row['bytes']:,} bytes"


def _drawn_models(facts: Facts) -> list[dict[str, Any]]:
    rows = []
    for key, name in (("dense", "dense"), ("packed", "packed"), ("baseline", "tf-idf + LR")):
        row = facts.result.get(key)
        if row is not None:
            value = 100 * row.get("value", row["accuracy"])
            ends = (100 * row["low"], 100 * row["high"]) if facts.judged_by_accuracy else (value, value)
            speed = row["texts_per_second"]
            said = f"{name}: {value:.2f} %, {row['bytes']:,} bytes, {speed:,.0f} texts/s"
            rows.append({"name": name, "value": value, "low": ends[0], "high": ends[1], "bytes": row["bytes"]})
            rows[-1] |= {"texts": speed, "said": said, "own": key == "packed"}
    return rows


def _reliability(damage: DamageReport) -> list[dict[str, Any]]:
    rows = []
    for packed, bins in ((False, damage.before), (True, damage.now)):
        name = "packed" if packed else "dense"
        for each in bins:
            sure = f"{name}: {each.n:,} texts with {100 * each.probability:.1f} %"
            said = f"{sure}, of which {100 * each.right:.1f} % are right"
            rows.append({"probability": each.probability, "right": each.right, "packed": packed, "said": said})
    return rows


def damage_content(texts: JudgedTexts, most: int = MOST_TABLE_ROWS) -> dict[str, Any]:
    """The damage for the template, under its name, in tables of so many rows; empty if there are no texts."""
    damage = None if texts.evaluation is None else texts.evaluation.damage
    if damage is None or texts.examples is None:
        return {}
    few = min(most, _WORST)
    told = {
        "sentences": told_sentences(damage.sentences()),
        "slices": [_fields(each) for each in damage.slices[:most]],
        "left_out": max(0, len(damage.slices) - most),
        "follows": [
            {**_fields(each), "parts": [_fields(part) for part in sorted(each.parts, key=lambda part: -part.n)[:most]]}
            for each in damage.follows[:most]
        ],
        "flips": [flip_content(each) for each in sampled(damage.flips, most)],
        "flip_count": len(damage.flips),
        "words": [_fields(each) for each in damage.words[:few]],
        "word_count": len(damage.words),
        "doubtful": [doubtful_content(each) for each in damage.doubtful[:few]],
        "doubtful_count": len(damage.doubtful),
        "near": [near_content(each, texts.examples) for each in oddest(damage.near, texts.examples)[:few]],
        "near_count": len(damage.near),
    }
    return {"damage": told}


def _fields(row: Any) -> dict[str, Any]:
    """A row of a table, with texts that a page can hold."""
    fields = row.fields() if hasattr(row, "fields") else row._asdict()
    return {name: _value(each) if isinstance(each, str) else each for name, each in fields.items()}


def sampled(rows: Sequence[_Row], most: int = MOST_TABLE_ROWS) -> list[_Row]:
    """At most so many rows, from all of them at even steps: of flips, of each kind as large a part as it has.

    >>> sampled("abcdef", 3)
    ['a', 'c', 'e']
    """
    if len(rows) <= most:
        return list(rows)
    step = len(rows) / max(most, 1)
    return [rows[int(number * step)] for number in range(most)]


def flip_content(flip: Flip) -> dict[str, Any]:
    """A flip with its labels as words.

    explained: the label that its text is marked for, uncut: the new one, or the one that went if there is no new one.
    """
    before, now = ((each,) if isinstance(each, str) else each for each in (flip.before, flip.now))
    marked = next((each for each in (*now, *before) if (each in now) != (each in before)), None)
    labels = {name: _labels(getattr(flip, name)) for name in ("gold", "before", "now")}
    sure = {name: f"{100 * getattr(flip, name):.0f} %" for name in ("sure_before", "sure_now")}
    text = shortened(flip.text)
    more = {
        "explained": marked if marked is not None and len(marked) <= _LONGEST_LABEL else None,
        "only": len(now) != 1 and marked is not None and _value(marked),
        "whole": text == ([flip.text] if isinstance(flip.text, str) else list(flip.text)),
    }
    return {"row": flip.row, "kind": flip.kind, "text": text, **labels, **sure, **more}


def doubtful_content(found: Doubtful) -> dict[str, Any]:
    """A text whose label is probably wrong."""
    return {**_fields(found), "text": shortened(found.text)}


def oddest(near: Sequence[Near], examples: Examples) -> list[Near]:
    """Pairs of texts that are nearly the same, those with different labels first, then the most alike."""
    gold = examples.gold
    return sorted(near, key=lambda each: (gold[each.one] == gold[each.other], -each.resemblance, each.one))


def near_content(found: Near, examples: Examples) -> dict[str, Any]:
    """Two texts that are nearly the same, one above the other, with their labels."""
    both = examples.subset([found.one, found.other])
    texts = [each for text in both.inputs for each in shortened(text)]
    return {"texts": texts, "labels": list(map(_labels, both.gold)), "resemblance": found.resemblance}


def shortened(text: str | tuple[str, str]) -> list[str]:
    """One text or two, cut to what a page can hold."""
    texts = [text] if isinstance(text, str) else list(text)
    return [shortly(each) for each in texts]


def shortly(given: str, longest: int = LONGEST_TEXT) -> str:
    """The beginning of what is too long.

    >>> shortly("a great film", 7)
    'a great…'
    """
    return given if len(given) <= longest else f"{given[:longest]}…"


def _labels(given: str | tuple[str, ...]) -> str:
    return _value(given if isinstance(given, str) else ", ".join(given) or "(none)")


def _value(given: str) -> str:
    return shortly(given, _LONGEST_VALUE)
