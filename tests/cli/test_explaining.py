"""`prunetext explain` as a user meets it."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

import prunetext
from helpers.commands import Call, assert_refused, command
from prunetext.cli import explaining
from prunetext.cli.output import Output
from prunetext.runtime.parts import Filter


def test_each_line_is_explained_as_a_line_of_json(model: Path) -> None:
    texts = ["football cup\x1b[2J", "", "software"]
    done = command("explain", model, "-", given="\n".join(texts).encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\x1b" not in done.stdout
    rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
    classifier = prunetext.load(model)
    assert [row["label"] for row in rows] == classifier.predict(texts)
    for text, row in zip(texts, rows, strict=True):
        assert row["base"] + sum(part["logit"] for part in row["parts"]) == pytest.approx(row["logit"])
        assert all(text[part["begin"] : part["end"]] == part["ngram"] for part in row["parts"])
        assert "counterfactual" not in row


def test_options_choose_what_is_explained(model: Path, news: Path, rows: list[tuple[str, str]], call: Call) -> None:
    classifier = prunetext.load(model)
    label = classifier.labels[0]
    done = call("explain", model, news, "--label", label, "--top", 1, "--counterfactual", "--json")
    found = [json.loads(line) for line in done.out.splitlines()]
    assert len(found) == len(rows)
    for (text, _), row in zip(rows, found, strict=True):
        assert row["label"] == label
        assert len(row["parts"]) <= 1
        flipped = classifier.counterfactual(text, label)
        assert row["counterfactual"] is None if flipped is None else row["counterfactual"]["label"] == flipped.label


def test_filters_say_what_they_are_about(model: Path, news: Path, rows: list[tuple[str, str]], call: Call) -> None:
    found = [json.loads(line) for line in call("explain", model, news, "--filters", "--top", 2).out.splitlines()]
    fired = prunetext.load(model).fired([text for text, _ in rows], 2)
    assert [row["ngrams"] for row in found] == [[list(each) for each in filter_.ngrams] for filter_ in fired]
    assert [row["weights"] for row in found] == [filter_.weights for filter_ in fired]


def test_what_is_wrong_is_said(model: Path, news: Path, call: Call) -> None:
    assert_refused(call("explain", model, news, "--label", "none"), "label is 'none': it must be one of the model's")
    assert_refused(call("explain", model, news, "--top", 0), "--top is 0: it must be at least 1")
    assert_refused(call("explain", model, "-", "--label", "none"), "label is 'none': it must be one of the model's")
    for more in (("--label", "none"), ("--counterfactual",)):
        assert_refused(call("explain", model, news, "--filters", *more), "--filters is about no single text")
    assert_refused(call("explain", model, news.with_name("absent.csv")), str(news.with_name("absent.csv")))


@pytest.mark.parametrize("colours", [True, False])
def test_a_terminal_shows_colours_and_nothing_of_the_text_controls_it(model: Path, colours: bool) -> None:
    out = Output()
    out.console = Console(
        file=io.StringIO(), force_terminal=True, color_system="standard", no_color=not colours, markup=False, width=500
    )
    classifier = prunetext.load(model)
    text = "football \x1b[2J software [bold] cup"
    explaining.tell_explanation(out, classifier, text, None, 3, flip=True)
    said = out.console.file.getvalue()  # type: ignore[attr-defined]
    assert r"\x1b[2J" in said
    assert "\x1b[2J" not in said
    assert "[bold" in said
    assert any(code in said for code in ("\x1b[32m", "\x1b[1;32m", "\x1b[1;7;32m")) == colours


def test_a_filter_speaks_for_what_its_maximum_speaks_for(capsys: pytest.CaptureFixture[str]) -> None:
    weights = {"neg": {"max": -0.1, "mean": 0.9}, "pos": {"max": 0.2, "mean": -0.9}}
    explaining.tell_filters(Output(), [Filter(2, weights, [("good film", 1.5)])])
    assert capsys.readouterr().out.splitlines()[-1].split() == [
        "0",
        "2",
        "pos",
        "(max)",
        "0.2000",
        "good",
        "film",
        "(1.50)",
    ]


def test_a_terminal_without_styles_lists_the_parts(model: Path) -> None:
    out = Output()
    out.console = Console(file=io.StringIO(), color_system=None, markup=False, width=500)
    classifier = prunetext.load(model)
    explaining.tell_explanation(out, classifier, "football cup", None, None, flip=False)
    said = out.console.file.getvalue()  # type: ignore[attr-defined]
    assert all(part.ngram in said and f"{part.logit:+.4f}" in said for part in classifier.explain("football cup").parts)
