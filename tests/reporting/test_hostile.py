"""Texts, labels and values as hostile as can be, in every table of the page: they are text there, and nothing else."""

import dataclasses
import json
from pathlib import Path

import pytest

from helpers.browser import chromium, opened
from helpers.pages import Parts
from prunetext.data.dataset import Examples
from prunetext.data.duplicates import Near
from prunetext.judging.damage import Doubtful, Flip
from prunetext.judging.words import LostWord
from prunetext.reporting.api import Page, run_page
from prunetext.reporting.facts import Facts, read_facts
from prunetext.reporting.judged import JudgedTexts, judge_texts

HARM = (
    "</script><script>document.title = 'broken'</script>",
    "\"><img src=x onerror='document.title=1'>",
    "</td></table><style>*{display:none}</style>",
    "{{ 7 * 7 }} {% raw %} <!--",
    "\u202egnp.exe \u2067<b>",
    "0",
)
WHERE = ("flip", "pair", "doubtful", "near", "word", "label", "value", "note", "missed")


@pytest.fixture(scope="module")
def facts(folder: Path, page: Page) -> Facts:
    return read_facts(folder / "run")


@pytest.fixture(scope="module")
def judged(facts: Facts) -> JudgedTexts:
    return judge_texts(facts, slices=["source"])


def filled(facts: Facts, texts: JudgedTexts, harm: tuple[str, ...]) -> bytes:
    """The page with these in every place, each behind the name of the place."""
    assert texts.evaluation is not None
    damage = texts.evaluation.damage
    assert damage is not None
    place = {name: [f"{name}: {each}" for each in harm] for name in WHERE}
    labels = place["label"]
    flips = [
        Flip(0, "lost", text, label, label, "pos", 0.9, 0.8) for text, label in zip(place["flip"], labels, strict=True)
    ]
    pairs = [
        Flip(0, "gained", (text, text), (), (), (label,), 0.9, 0.8)
        for text, label in zip(place["pair"], labels, strict=True)
    ]
    told = dataclasses.replace(
        damage,
        flips=(*flips, *pairs),
        doubtful=tuple(
            Doubtful(0, text, label, label, 0.9) for text, label in zip(place["doubtful"], labels, strict=True)
        ),
        near=tuple(Near(2 * at, 2 * at + 1, 0.9) for at in range(len(harm))),
        words=tuple(LostWord(each, 3, 2, 2, 1.0) for each in place["word"]),
        slices=tuple(damage.slices[0]._replace(column=each, value=each) for each in place["value"]),
        follows=tuple(damage.follows[0]._replace(column=each) for each in place["value"]),
        notes=tuple(place["note"]),
    )
    more = texts._replace(name=harm[0], notes=tuple(place["note"]), evaluation=texts.evaluation._replace(damage=told))
    result = {**facts.result, "missed": place["missed"], "notes": place["note"]}
    return run_page(facts._replace(result=result), more._replace(examples=with_near(place["near"], texts.examples)))


def with_near(texts: list[str], examples: Examples | None) -> Examples:
    """Each of these texts twice, in front of the examples."""
    assert examples is not None
    twice = [each for each in texts for _ in range(2)]
    return Examples([*twice, *examples.texts], [*["pos"] * len(twice), *examples.labels])


def test_everything_hostile_is_text(facts: Facts, judged: JudgedTexts) -> None:
    found = Parts(filled(facts, judged, HARM).decode())
    harmless = Parts(filled(facts, judged, tuple("x" * len(HARM))).decode())
    assert [tag for tag, _ in found.elements] == [tag for tag, _ in harmless.elements]
    said = "".join(found.text)
    for each in HARM:
        for name in WHERE:
            assert f"{name}: {each}" in said, (name, each)
    marked = [given["data-label"] for tag, given in found.elements if tag == "tr" and "data-label" in given]
    assert {f"label: {each}" for each in HARM} <= set(marked)
    assert [label for label, _ in json.loads(found.scripts["data"])["thresholds"]] == ["", "</b>neg", "pos"]


def test_it_does_nothing_in_a_browser(facts: Facts, judged: JudgedTexts, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(filled(facts, judged, HARM))
    with chromium() as browser, opened(browser, path) as (window, wrong):
        assert window.title().endswith("prunetext")
        assert window.locator("img, iframe").count() == 0
        window.locator("#changed").scroll_into_view_if_needed()
        assert f"flip: {HARM[0]}" in window.locator("#changed .marked").all_inner_texts()
    assert wrong == []


@pytest.mark.parametrize("room", [900_000, 400_000, 200_000])
def test_it_keeps_to_its_room_at_the_cost_of_models_and_texts(facts: Facts, judged: JudgedTexts, room: int) -> None:
    html = run_page(facts, judged._replace(dense=b"\0" * 500_000), room)
    assert len(html) <= room
    assert b'id="model-dense"' not in html
    assert b"Recipe" in html
