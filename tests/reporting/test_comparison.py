"""The page of a comparison: made of what one has found, and written after the table is printed."""

from pathlib import Path
from typing import Any

from helpers.browser import chromium, opened
from helpers.commands import Call
from helpers.pages import Parts
from helpers.runs import QUICK
from prunetext.reporting.api import Page
from prunetext.reporting.compared import headline

SMALL = "--methods magnitude/oneshot --sizes 9/10 --seeds 1 --no-baselines --dimensions 8 --filters 4 --widths 1,2"


def test_a_comparison_ends_with_a_page(folder: Path, page: Page, tmp_path: Path, call: Call) -> None:
    how: tuple[Any, ...] = ("compare", folder / "data", "--out", tmp_path / "out", *SMALL.split(), "--epochs", 1)
    done = call(*how, effort=QUICK)
    place = tmp_path / "out" / "report.html"
    assert done.code == 0
    assert done.out.endswith(f"{place}\n")
    parts = Parts(place.read_text("utf-8"))
    assert "magnitude/oneshot" in "".join(parts.text)
    assert sum(tag == "svg" for tag, _ in parts.elements) == 1
    with chromium() as browser, opened(browser, place) as (window, wrong):
        window.click('#every thead button:text-is("test")')
        assert window.locator("#every tbody tr").count() == 1
        assert window.locator('svg [role="graphics-symbol"]').count() >= 1
    assert wrong == []
    place.unlink()
    place.mkdir()
    done = call(*how, effort=QUICK)  # nothing is made again
    assert done.code == 2
    assert "magnitude/oneshot" in done.out
    assert done.err.splitlines()[1:] == [f"{place}: a folder stands where a file is to be written. Remove it."]


def test_a_method_that_is_too_large_is_not_the_best() -> None:
    large = {"size": "1/2", "method": "large", "test": 95.0, "over": 1}
    small = {"size": "1/4", "method": "small", "test": 90.0, "over": 0}
    assert headline([large, small]) == "At 1/4 of the bytes, small is best: 90.00 % on test."
    assert headline([large]) == "No method was as small as asked for."


def test_baselines_have_sizes_of_their_own() -> None:
    assert headline([{"size": "any", "method": "x", "test": 90.0, "over": 0}]).startswith("At sizes of their own, x")
