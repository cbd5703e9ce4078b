"""What a page holds, where it lies, and what is refused."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from helpers.commands import Call
from helpers.pages import Parts
from helpers.runs import change_state
from prunetext.errors import DataError, InputError, RunError
from prunetext.fitting.parts import RESULT
from prunetext.judging.damage import Doubtful
from prunetext.reporting.api import MOST_PAGE, Page, report, run_page
from prunetext.reporting.facts import read_facts
from prunetext.reporting.judged import judge_texts


@pytest.fixture(scope="module")
def parts(page: Page) -> Parts:
    return Parts(page.path.read_text("utf-8"))


def test_the_page_stands_alone_and_is_small(page: Page, parts: Parts) -> None:
    assert page.size == page.path.stat().st_size <= MOST_PAGE <= 3_000_000
    for tag, given in parts.elements:
        for name, value in given.items():
            if name in ("src", "href", "action", "data", "srcset", "poster"):
                assert (value or "").startswith("#"), f"<{tag} {name}={value}>"
            assert not name.startswith("on")
            assert name != "style"
    (policy,) = [given["content"] for tag, given in parts.elements if "http-equiv" in given]
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy
    assert " http" not in policy


def test_it_is_small_whatever_the_texts_are(folder: Path, page: Page) -> None:
    facts = read_facts(folder / "run")
    texts = judge_texts(facts)
    assert texts.evaluation is not None
    damage = texts.evaluation.damage
    assert damage is not None
    flips = [each._replace(text=('"' * 9_999, "😀" * 9_999), gold="<" * 9_999) for each in damage.flips]
    doubtful = [Doubtful(0, "'" * 9_999, "&" * 9_999, ">" * 9_999, 0.9)] * 999
    slices = [each._replace(value="'" * 9_999) for each in damage.slices]
    many = dataclasses.replace(damage, flips=tuple(flips * 999), doubtful=tuple(doubtful), slices=tuple(slices * 99))
    full = texts._replace(evaluation=texts.evaluation._replace(damage=many))
    html = run_page(facts, full)
    assert len(run_page(facts, texts)) < len(html) <= MOST_PAGE
    assert f"{len(many.flips):,} of the labels changed" in html.decode()


def test_no_text_becomes_markup(page: Page, parts: Parts) -> None:
    assert not [given for tag, given in parts.elements if tag in ("img", "iframe", "object", "link", "base")]
    assert sum(tag == "style" for tag, _ in parts.elements) == 1
    assert sum(tag == "script" for tag, _ in parts.elements) == page.path.read_text("utf-8").count("</script>")
    said = "".join(parts.text)
    assert "</b>neg" in said
    assert "<0>" in said
    assert "49" not in [each.strip() for each in parts.text]  # no template in a text is carried out
    thresholds = json.loads(parts.scripts["data"])["thresholds"]
    assert [label for label, _ in thresholds] == ["", "</b>neg", "pos"]


def test_it_says_the_verdict_and_every_changed_label_lies_beside_it(folder: Path, page: Page, parts: Parts) -> None:
    result = json.loads((folder / "run" / RESULT).read_text("utf-8"))
    (heading,) = [given for tag, given in parts.elements if tag == "h1"]
    assert result["verdict"]["name"] in (heading["class"] or "")
    said = "".join(parts.text)
    for kind in ("Models on test", "Frontier", "Threshold", "Damage", "Calibration", "Recipe"):
        assert kind in said
    assert page.flips is not None
    flips = [json.loads(line) for line in page.flips.read_text("utf-8").splitlines()]
    assert flips
    assert {each["kind"] for each in flips} <= {"lost", "gained", "changed"}
    assert sum(tag == "svg" for tag, _ in parts.elements) >= 5


def test_a_threshold_keeps_what_it_says(page: Page, parts: Parts) -> None:
    thresholds = json.loads(parts.scripts["data"])["thresholds"]
    for _, curve in thresholds:
        assert [len(each) for each in curve.values()] == [101] * 3
        assert curve["share"][0] == 1.0
        assert curve["share"] == sorted(curve["share"], reverse=True)
        assert curve["recall"] == sorted(curve["recall"], reverse=True)


def test_without_the_source_the_page_says_so(folder: Path, tmp_path: Path, page: Page) -> None:
    run = shutil.copytree(folder / "run", tmp_path / "run")
    change_state(run, "source.json", lambda text: text.replace(str(folder / "data"), str(tmp_path / "gone")))
    found = report(run)
    assert "there is no such file" in found.notes[0]
    assert found.flips is None
    assert found.notes[0].partition(":")[2].strip()[:20] in "".join(Parts(found.path.read_text("utf-8")).text)
    data = shutil.copytree(folder / "data", tmp_path / "gone")
    (data / "test.jsonl").write_text('{"text": "new", "label": "pos"}\n', "utf-8")
    assert "other texts or labels" in report(run).notes[0]
    other = report(run, data=str(folder / "data"), slices="source", out=tmp_path / "other.html")
    assert other.notes == []


def test_wrong_input_is_refused_and_nothing_is_written(folder: Path, tmp_path: Path, page: Page) -> None:
    out = tmp_path / "page.html"
    for run, how, error, says in (
        (folder / "data", {}, RunError, "holds no finished run"),
        (folder / "run" / "model.safetensors", {}, RunError, "this is a file"),
        (folder / "run", {"data": str(folder / "data"), "slices": "langauge"}, DataError, "no column 'langauge'"),
        (folder / "run", {"out": tmp_path}, InputError, "is a folder"),
        (folder / "run", {"out": folder / "run" / "model.safetensors"}, InputError, "whose name ends with .html"),
    ):
        with pytest.raises(error, match=says):
            report(run, **{"out": out, **how})
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_mixed_parts_is_refused(folder: Path, tmp_path: Path, page: Page) -> None:
    run = shutil.copytree(folder / "run", tmp_path / "run")
    with (run / "history.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(RunError, match="is damaged, or belongs to another run"):
        report(run)


def test_the_command_writes_the_page_and_says_where(folder: Path, tmp_path: Path, page: Page, call: Call) -> None:
    done = call("report", folder / "run", "--slices", "source", "--out", tmp_path / "page.html")
    assert done.code == 0
    assert done.out == f"{tmp_path / 'page.html'}: {(tmp_path / 'page.html').stat().st_size:,} bytes\n"
