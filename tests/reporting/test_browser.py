"""The page in a real browser: it draws, it answers, it sorts, and nothing leaves it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import prunetext
from helpers.browser import chromium, opened
from prunetext.reporting.api import Page

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Window

SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with chromium() as found:
        yield found


@pytest.fixture
def window(browser: "Browser", page: Page) -> Iterator["Window"]:
    with opened(browser, page.path) as (found, wrong):
        yield found
    assert wrong == []


def test_charts_are_drawn(window: "Window") -> None:
    charts = window.locator("figure svg")
    assert charts.count() >= 5
    for at in range(charts.count()):
        box = charts.nth(at).bounding_box()
        assert box is not None
        assert box["width"] > 200
        assert box["height"] > 100
    assert window.locator('svg [role="graphics-symbol"]').count() > 10


def test_the_slider_moves_the_numbers(window: "Window") -> None:
    window.select_option("#label-choice", "pos")
    window.fill("#cut", "0")
    assert (window.inner_text("#cut-share"), window.inner_text("#cut-recall")) == ("100.00 %", "100.00 %")
    window.fill("#cut", "100")
    assert window.inner_text("#cut-value") == "1.00"
    assert float(window.inner_text("#cut-share").rstrip(" %")) < 100


def test_tables_sort_and_can_be_searched(window: "Window") -> None:
    column = "#slices tbody td:nth-child(3)"
    for wanted in (False, True):
        window.click('#slices thead button:text-is("texts")')
        numbers = [int(each.replace(",", "")) for each in window.locator(column).all_inner_texts()]
        assert numbers == sorted(numbers, reverse=wanted)
    assert window.locator("#slices thead th[aria-sort=descending]").count() == 1
    window.fill("#find-slice", "source")
    shown = window.locator("#slices tbody tr:visible td:first-child").all_inner_texts()
    assert shown
    assert set(shown) == {"source"}


def test_what_stands_in_brackets_behind_a_number_does_not_count(window: "Window") -> None:
    column = "#frontier tbody td:nth-child(1)"
    for wanted in (False, True):
        window.click('#frontier thead button:text-is("candidate")')
        said = window.locator(column).all_inner_texts()
        numbers = [int(each.removesuffix(" (chosen)")) for each in said]
        assert numbers == sorted(numbers, reverse=wanted)
        assert any(each.endswith(" (chosen)") for each in said)


def test_hostile_texts_stay_texts(window: "Window") -> None:
    assert "prunetext" in window.title()
    assert window.locator("img, iframe").count() == 0
    assert window.evaluate("getComputedStyle(document.querySelector('main')).display") == "block"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_stands_in_anybodys_way(browser: "Browser", page: Page, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    with opened(browser, page.path, scheme=scheme) as (window, wrong):
        found = axe.Axe().run(window).response["violations"]
        serious = [
            f"{each['id']}: {each['nodes'][0]['html'][:200]} {each['nodes'][0].get('failureSummary')}"
            for each in found
            if each["impact"] in SERIOUS
        ]
    assert serious == []
    assert wrong == []


def test_it_fits_a_phone(browser: "Browser", page: Page) -> None:
    with opened(browser, page.path, width=360) as (window, wrong):
        assert window.evaluate("document.documentElement.scrollWidth") <= 360
    assert wrong == []


def test_typing_gives_the_answer_of_the_native_runtime(window: "Window", folder: Path) -> None:
    if not window.locator("#typed").count():
        pytest.skip("this installation has no runtime for browsers")
    window.wait_for_selector("html[data-ready]")
    native = prunetext.load(folder / "run" / "model.safetensors")
    for text in ("a great film", "dull and weak", "</script> lovely", "\u05e9\u05dc\u05d5\u05dd superb", "w" * 100_000):
        window.fill("#typed", text)
        ((label, probability),) = native.predict_with_probability([text])
        assert window.inner_text("#answer-packed .label") == f"{label} {100 * probability:.1f} %"
    assert window.locator("#answer-dense .label").count() == 1


def test_words_are_marked_where_they_stand(window: "Window") -> None:
    if not window.locator("#typed").count():
        pytest.skip("this installation has no runtime for browsers")
    window.wait_for_selector("html[data-ready]")
    window.fill("#typed", "😀 a great film")
    assert window.inner_text("#answer-packed .shown") == "😀 a great film"
    assert "great" in " ".join(window.locator("#answer-packed mark").all_inner_texts())


def test_a_long_text_is_answered_and_a_failure_is_said(window: "Window", folder: Path) -> None:
    if not window.locator("#typed").count():
        pytest.skip("this installation has no runtime for browsers")
    window.wait_for_selector("html[data-ready]")
    text = ("a great film " * 15_385)[:200_000]
    window.fill("#typed", text)
    ((label, probability),) = prunetext.load(folder / "run" / "model.safetensors").predict_with_probability([text])
    assert window.inner_text("#answer-packed .label") == f"{label} {100 * probability:.1f} %"
    assert window.text_content("#answer-packed .shown") == text
    assert window.locator("#answer-packed mark").count() >= 1
    window.evaluate("window.prunetextModels.packed.free()")
    window.fill("#typed", "a dull film")
    assert window.inner_text("#trouble").startswith("This text has no answer: ")
    assert window.inner_text("#answer-packed .label") == ""
    assert window.locator("#answers mark").count() == 0


def test_a_changed_label_is_marked_for_the_label_of_its_row(window: "Window") -> None:
    if not window.locator("#typed").count():
        pytest.skip("this installation has no runtime for browsers")
    window.wait_for_selector("html[data-ready]")
    row = window.locator("#changed tbody tr").first
    row.scroll_into_view_if_needed()
    row.locator("mark").first.wait_for()
    assert row.get_attribute("data-label") == row.locator("td").nth(4).locator("bdi").inner_text()
    assert window.locator("#examples button").count() >= 1
    assert window.locator('figure svg[role="img"]').count() == 0
