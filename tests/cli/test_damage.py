"""The damage in a terminal, and the gate: exit codes, files, and texts that can do nothing to the terminal."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from helpers.commands import Call, assert_refused
from helpers.tables import write_csv, write_jsonl

HOSTILE = "a\x1b[2J\tb\x9b\u202e [b]"
TEXTS = 700


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled texts with a source each, and four models as files of probabilities, which no test changes."""
    folder = tmp_path_factory.mktemp("gate")
    texts = [f"{HOSTILE if at == 3 else 'text'} {at}" for at in range(TEXTS)]
    labels = ["n" if at % 2 else "p" for at in range(TEXTS)]
    sources = ["forum" if at < 50 else "web" for at in range(TEXTS)]
    write_jsonl(
        folder / "rows.jsonl",
        [{"text": a, "label": b, "source": c} for a, b, c in zip(texts, labels, sources, strict=True)],
    )
    write_csv(folder / "few.csv", list(zip(texts, labels, strict=True))[:20])
    for name, wrong in (("right", range(0)), ("worse", range(100, 150)), ("harmed", range(13))):
        chosen = [label if at not in wrong else "np"[label == "n"] for at, label in enumerate(labels)]
        write_jsonl(
            folder / f"{name}.jsonl",
            [
                {"text": text, "probabilities": {each: 0.9 if each == label else 0.1 for each in "np"}}
                for text, label in zip(texts, chosen, strict=True)
            ],
        )
    return folder


def test_kept_lost_and_undecided_have_their_exit_codes(folder: Path, call: Call) -> None:
    right, rows = folder / "right.jsonl", folder / "rows.jsonl"
    kept = call("gate", right, right, rows)
    assert (kept.code, kept.err) == (0, "")
    assert kept.out.splitlines()[-1] == f"kept: {right} may replace {right}."
    lost = call("gate", right, folder / "worse.jsonl", rows)
    assert (lost.code, lost.err) == (3, "")
    assert lost.out.startswith("verdict lost: the model loses 7.14 points against it")
    assert "\nchurn lost: 7.14 % of the texts (50 of 700) change their label; 2 % are allowed.\n" in lost.out
    undecided = call("gate", right, right, folder / "few.csv")
    assert (undecided.code, undecided.err) == (4, "")
    assert undecided.out.startswith("verdict undecided: ")
    assert call("gate", right, right, folder / "few.csv", "--undecided", "pass").code == 0
    assert call("gate", right, right, folder / "few.csv", "--undecided", "fail").code == 3


def test_a_slice_that_is_lost_ends_with_3_and_is_in_every_file(folder: Path, tmp_path: Path, call: Call) -> None:
    line = ("gate", folder / "right.jsonl", folder / "harmed.jsonl", folder / "rows.jsonl", "--max-drop", 5, "--slices")
    junit, page = tmp_path / "gate.xml", tmp_path / "gate.md"
    done = call(*line, "source", "--junit", junit, "--markdown", page, "--json")
    found = json.loads(done.out)
    assert (done.code, found["code"], found["name"]) == (3, 3, "lost")
    assert [each.split(":")[0] for each in found["reasons"]] == ["slice source forum"]
    first = found["evaluation"]["damage"]["slices"][0]
    assert (first["column"], first["value"], first["lost"]) == ("source", "forum", True)
    suite = ElementTree.fromstring(junit.read_text("utf-8"))
    assert [each.attrib["name"] for each in suite if each.find("failure") is not None] == ["slice source forum"]
    assert "| slice source forum | lost |" in page.read_text("utf-8")
    assert call(*line, "").code == 0


def test_evaluate_prints_the_damage_and_no_text_controls_the_terminal(folder: Path, call: Call) -> None:
    line = (
        "evaluate",
        folder / "harmed.jsonl",
        folder / "rows.jsonl",
        "--against",
        folder / "right.jsonl",
        "--lenient",
    )
    done = call(*line, "--slices", "source")
    assert done.code == 0
    rows = done.out.splitlines()
    assert "13 of 700 texts have another label (1.86 %): 13 were right and are now wrong, 0 the reverse." in rows
    assert any(row.startswith("source forum: 26.00 points lost on 50 texts, at least ") for row in rows)
    at = next(at for at, row in enumerate(rows) if row.startswith("slice "))
    assert rows[at + 1].startswith("source forum ")
    assert r"row 4, n → p (0.90): a\x1b[2J b\x9b\u202e [b] 3" in rows
    assert not {"\x1b", "\x9b", "\u202e"} & set(done.out)
    found = json.loads(call(*line, "--slices", "source", "--json").out)["damage"]
    assert len(found["flips"]) == found["changed"] == 13
    assert found["slices"][0]["flagged"]


def test_what_cannot_be_done_is_one_sentence_before_anything_is_written(
    folder: Path, tmp_path: Path, call: Call
) -> None:
    right, rows = folder / "right.jsonl", folder / "rows.jsonl"
    line = ("gate", right, right, rows)
    assert_refused(call(*line, "--slices", "sauce"), f"{rows}, line 1: there is no column 'sauce' among the columns")
    assert_refused(call(*line, "--junit", tmp_path), f"{tmp_path}: this is a folder. Give a new file")
    lost = tmp_path / "no" / "gate.md"
    assert_refused(call(*line, "--markdown", lost), f"{lost}: its folder does not exist. Give a new file")
    assert_refused(call(*line, "--undecided", "maybe"), "undecided is 'maybe': it must be pass or fail.")
    assert_refused(call(*line, "--max-churn", 101), "max_churn is 101.0: it must be between 0 and 100.")
    assert_refused(call("evaluate", right, rows, "--slices", "source"), "slices are given, but no model to compare")
    assert_refused(call("gate", right, right), "Missing argument 'DATA'.")
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_columns_has_no_slices(folder: Path, tmp_path: Path, call: Call) -> None:
    path = tmp_path / "rows.txt"
    path.write_text("__label__p text 0\n__label__n text 1\n", "utf-8")
    done = call("gate", folder / "right.jsonl", folder / "right.jsonl", path, "--slices", "source")
    assert_refused(done, f"{path}: this source has no columns. Leave --slices out.")
