"""Pages about runs of pairs and of several labels: each answers as its model does, and marks what it says."""

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from helpers.browser import chromium, opened
from helpers.runs import fit
from helpers.tables import write_csv, write_jsonl
from prunetext.data.dataset import Examples
from prunetext.modelfiles.api import open_model
from prunetext.reporting.api import Page, report
from prunetext.reporting.judged import threshold_table

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Window

SMALL: dict[str, Any] = {"dimensions": 8, "filters": 6, "widths": "1,2", "max_drop": 60.0}
TOPICS = ("0", "joy", "love")


@pytest.fixture(scope="module")
def browser() -> Any:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def topics(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page of a run whose texts have any number of labels."""
    folder, draw = tmp_path_factory.mktemp("topics"), random.Random(0)
    rows = []
    for _ in range(400):
        own = [each for each in TOPICS if draw.random() < 0.4]
        words = [f"common{draw.randrange(12)}" for _ in range(4)] + [f"of{each}" for each in own]
        rows.append({"text": " ".join(draw.sample(words, len(words))), "labels": own})
    fit(str(write_jsonl(folder / "topics.jsonl", rows)), out=folder / "run", epochs=12.0, **{**SMALL, "max_drop": 5.0})
    pytest.importorskip("vl_convert", reason="the extra report is not installed")
    return report(folder / "run")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page of a run on pairs, about the rows that it has learnt from, too."""
    folder, draw = tmp_path_factory.mktemp("pairs"), random.Random(0)
    rows = []
    for number in range(200):
        word, other = draw.sample(("great", "dull", "warm", "cold"), 2)
        same = draw.random() < 0.5
        rows.append((f"the film {number} was {word}", f"a {word if same else other} plot", "yes" if same else "no"))
    data = write_csv(folder / "pairs.csv", rows, ("question", "answer", "label"))
    fit(str(data), out=folder / "run", epochs=4.0, **SMALL)
    pytest.importorskip("vl_convert", reason="the extra report is not installed")
    return report(folder / "run", data=str(data))


def ready(window: "Window") -> None:
    """Wait for the models, or skip where the installation has none for browsers."""
    if not window.locator("#typed").count():
        pytest.skip("this installation has no runtime for browsers")
    window.wait_for_selector("html[data-ready]")


def test_several_labels_are_as_sure_as_the_least_of_them(browser: "Browser", topics: Page) -> None:
    model = open_model(topics.path.parent / "model.safetensors")
    counts = set()
    with opened(browser, topics.path) as (window, wrong):
        ready(window)
        for text in ("of0 common1", "ofjoy oflove common2", "common1 common2 common3", "of0 ofjoy oflove"):
            said = model.answers([text])
            chosen, shares = said.chosen[0], said.probabilities[0]
            given = [label for label, own in zip(model.labels, chosen, strict=True) if own]
            sure = shares[chosen].min() if given else 1 - shares.max()
            window.fill("#typed", text)
            shown = window.inner_text("#answer-packed .label")
            assert shown == f"{', '.join(given) or '(none)'} {100 * sure:.1f} %"
            named = window.inner_text("#answer-packed .explained")
            best = model.labels[int(np.where(chosen, shares, -1.0).argmax() if given else shares.argmax())]
            assert named.startswith(f"Marked for {best}," if len(given) != 1 else "")
            assert bool(named) == (len(given) != 1)
            counts.add(len(given))
        assert window.locator("#label-choice option").all_inner_texts() == list(TOPICS)
    assert wrong == []
    assert len(counts) > 2


def test_pairs_are_typed_as_two_texts(browser: "Browser", pairs: Page) -> None:
    model = open_model(pairs.path.parent / "model.safetensors")
    assert pairs.notes == [
        "The model was trained on most of these rows; --split test takes those that it has not seen."
    ]
    with opened(browser, pairs.path) as (window, wrong):
        ready(window)
        said = model.answers([("the film was great", "a dull plot")])
        window.fill("#typed", "the film was great")
        window.fill("#typed-b", "a dull plot")
        best = int(said.probabilities[0].argmax())
        assert window.inner_text("#answer-packed .label") == (
            f"{model.labels[best]} {100 * said.probabilities[0][best]:.1f} %"
        )
        assert window.locator("#answer-packed .shown").all_inner_texts() == ["the film was great", "a dull plot"]
        assert pairs.notes[0] in window.inner_text("#damage")
    assert wrong == []


def test_rejecting_comes_before_a_label_that_is_a_number() -> None:
    examples = Examples(["one", "two"], ["0", "1"])
    shares = np.array([[0.9, 0.1], [0.4, 0.6]])
    found = threshold_table(examples, ["0", "1"], shares, shares > 0.5)
    assert [label for label, _ in found] == ["", "0", "1"]
    several = Examples(["one", "two"], [("0",), ("1",)])
    assert [label for label, _ in threshold_table(several, ["0", "1"], shares, shares > 0.5)] == ["0", "1"]
