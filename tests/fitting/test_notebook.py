"""What a notebook shows of a result: whole, escaped, and the same in light and in dark."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import prunetext
from prunetext.data.dataset import Examples
from prunetext.fitting.effort import Effort
from prunetext.fitting.finishing import Result
from prunetext.fitting.frontier import Candidate
from prunetext.fitting.notebook import HEIGHT, WIDTH, frontier_plot

HOSTILE = "<script>alert('x')</script> & \"more\""


def test_it_has_the_verdict_the_models_and_the_plot(whole: Result) -> None:
    shown = whole._repr_html_()
    tree = ElementTree.fromstring(shown)
    words = " ".join(tree.itertext())
    assert whole.verdict.sentence("accuracy") in words
    assert f"{whole.size:,} bytes" in words
    assert [row[0].text for row in tree.iter("tr")] == ["model", *whole.judged.shown()]
    marks = [each for each in tree.iter() if each.tag in ("circle", "path")]
    assert len(marks) == len(whole.frontier) > 1
    assert [each.tag for each in marks].count("path") == 1


def test_texts_of_other_people_are_escaped(whole: Result) -> None:
    verdict = whole.verdict._replace(name="undecided", doubt=HOSTILE)
    hostile = dataclasses.replace(whole, notes=[HOSTILE], missed=[HOSTILE], verdict=verdict)
    shown = hostile._repr_html_()
    tree = ElementTree.fromstring(shown)
    assert not list(tree.iter("script"))
    assert " ".join(tree.itertext()).count(HOSTILE) >= 2
    assert "http" not in shown, "nothing is fetched"


def test_colours_are_those_of_the_page(whole: Result) -> None:
    """Ink is the page's own, and there is no ground: what is white in one theme would be unreadable in the other."""
    shown = whole._repr_html_()
    assert not re.search(r"(?<![-\w])color:#(?!2e9e4f|e0483e)|background:(?!none)|prefers-color-scheme", shown)
    assert "currentColor" in shown


def test_a_search_of_one_model_has_no_plot(whole: Result) -> None:
    assert "<svg" not in dataclasses.replace(whole, frontier=whole.frontier[:1])._repr_html_()


@pytest.mark.filterwarnings("ignore")
@given(
    st.lists(
        st.tuples(st.integers(1, 10**9), st.floats(-100, 100), st.floats(0, 50), st.floats(0, 50)),
        min_size=2,
        max_size=30,
    )
)
def test_everything_lies_inside_the_plot(rows: list[tuple[int, float, float, float]]) -> None:
    frontier = [
        Candidate(number, size, None, drop, drop - below, drop + above, accepted=True, chosen=number == 1)
        for number, (size, drop, below, above) in enumerate(rows, start=1)
    ]
    tree = ElementTree.fromstring(frontier_plot(frontier, "accuracy"))
    assert len(list(tree.iter("circle"))) == len(rows) - 1
    for each in tree.iter():
        for name, most in (("x", WIDTH), ("x1", WIDTH), ("cx", WIDTH), ("y", HEIGHT), ("y1", HEIGHT), ("cy", HEIGHT)):
            if name in each.attrib:
                assert 0 <= float(each.attrib[name]) <= most


def test_scores_are_plain_numbers(tmp_path: Path) -> None:
    texts = [f"{'good ' * (at % 5)}{'dull ' * (4 - at % 5)}film {at}" for at in range(200)]
    examples = Examples(texts, scores=[float(at % 5) for at in range(200)])
    given = {"teacher": "none", "max_drop": 50, "schedule": "oneshot:keep=0.5", "effort": Effort(speed_seconds=0.01)}
    found = prunetext.fit(examples, out=tmp_path / "run", epochs=2, **given)
    page = found._repr_html_()
    assert "Spearman" in page
    assert f"{found.judged.packed.value:.3f}" in page
    assert "accuracy" not in page
