"""The commands for scores: fit, predict, evaluate, explain and inspect, and how they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.commands import Call, assert_refused
from helpers.runs import QUICK
from helpers.tables import write_csv, write_jsonl


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [(f"{'good ' * (at % 4)}{'bad ' * (3 - at % 4)}film {at}", at % 4, "ab"[at % 3 == 0]) for at in range(400)]
    return write_csv(tmp_path_factory.mktemp("data") / "films.csv", rows, ("text", "stars", "source"))


def test_the_whole_way(call: Call, table: Path, tmp_path: Path) -> None:
    small = ("--dimensions", 8, "--filters", 4, "--widths", "1", "--epochs", 4, "--teacher", "none", "--lenient")
    done = call("fit", table, "--score", "stars", "--out", tmp_path / "run", *small, effort=QUICK)
    assert (done.code, done.err) == (0, done.err)
    assert "Spearman" in done.out
    assert "tf-idf + ridge is a ridge regression" in done.out
    model = tmp_path / "run" / "model.safetensors"
    new = write_jsonl(tmp_path / "new.jsonl", [{"text": "good good good film"}, {"text": "bad bad bad film"}])
    done = call("predict", model, new)
    high, low = map(float, done.out.split())
    assert 0 <= low < 1.5 < high <= 3
    assert call("predict", model, new, "--out", tmp_path / "said.jsonl").code == 0
    said = [json.loads(line) for line in (tmp_path / "said.jsonl").read_text("utf-8").splitlines()]
    assert [round(each["score"], 4) for each in said] == [high, low]
    done = call("evaluate", model, table, "--score", "stars", "--slices", "source", "--json")
    found = json.loads(done.out)
    assert found["spearman"] > 0.8
    assert {each["value"] for each in found["slices"][0]["parts"]} == {"a", "b"}
    assert "Spearman" in call("evaluate", model, table, "--score", "stars", "--slices", "source").out
    assert "0 to 3, in 3 steps between levels" in call("inspect", model).out
    explained = json.loads(call("explain", model, new, "--json").out.splitlines()[0])
    assert round(explained["score"], 4) == high
    assert_refused(call("report", tmp_path / "run"), f"{tmp_path / 'run'}: its model gives scores, which no page shows")
    assert_refused(call("evaluate", model, table), f"{table}, line 1: there is no column 'score'")
    assert_refused(call("predict", model, new, "--reject"), f"{model}: this model gives scores, and rejects none")


def test_comparing_with_peers_is_refused(call: Call, table: Path, tmp_path: Path) -> None:
    done = call("compare", table, "--score", "stars", "--out", tmp_path / "compared")
    assert_refused(done, f"{table.stem}: it holds single texts with a score each, but compare takes only")


def test_a_bad_score_is_named(call: Call, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "few.csv", [("a film", 1), ("dull", "n/a")], ("text", "stars"))
    done = call("fit", path, "--score", "stars", "--out", tmp_path / "run")
    assert_refused(done, f"{path}, line 3: score is 'n/a', not a number. Write it as a number, or correct --score.")
    assert not (tmp_path / "run").exists()
