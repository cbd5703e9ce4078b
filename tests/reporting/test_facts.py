"""What a run says of itself: its signature, its command, its rows; also runs of earlier versions."""

import json
import shutil
from pathlib import Path

import pytest

from helpers.pages import Parts
from helpers.runs import change_state, fit, prune
from prunetext.errors import InputError, RunError
from prunetext.fitting.parts import HISTORY, RECIPE, RESULT, SENSITIVITY, SOURCE
from prunetext.judging.unpruned import packed_unpruned
from prunetext.reporting.api import Page, report
from prunetext.reporting.facts import Facts, read_facts
from prunetext.reporting.judged import judge_texts

ROW = {"group": "<words>", "removed": 3, "share": 0.5, "bytes": 900, "drop": 0.5, "error": 0.1, "loss": 0.01}


@pytest.fixture
def facts(folder: Path, page: Page) -> Facts:
    return read_facts(folder / "run")


def test_the_interval_of_accuracy_stands_behind_no_other_metric(facts: Facts) -> None:
    packed = facts.result["packed"]
    assert "±" in facts.signature()
    other = {**facts.result, "metric": "macro-f1", "packed": {**packed, "value": packed["accuracy"] - 0.01}}
    said = facts._replace(result=other).signature()
    assert said.startswith(f"macro-F1 {100 * packed['accuracy'] - 1:.2f}|n:")
    by_chance = {**other, "packed": {**packed, "value": packed["accuracy"]}}
    assert "±" not in facts._replace(result=by_chance).signature()


def test_the_command_reads_as_the_run_has_read(facts: Facts) -> None:
    reading = {**facts.source["reading"], "text": "the body", "skip_empty": True, "encoding": "utf-8"}
    said = facts._replace(source={**facts.source, "reading": reading}).command()
    assert "--text 'the body' --skip-empty" in said
    assert "--encoding" not in said


def test_a_run_that_took_a_candidate_says_so(folder: Path, tmp_path: Path, page: Page) -> None:
    prune(folder / "run", pick=1, out=tmp_path / "picked")
    assert read_facts(tmp_path / "picked").command() == "prunetext prune RUN --pick 1 --out NEW"
    said = "".join(Parts(report(tmp_path / "picked").path.read_text("utf-8")).text)
    assert "This run took a candidate of another run." in said


def test_sensitivity_is_that_of_the_runs_own_model(folder: Path, tmp_path: Path, page: Page) -> None:
    run = shutil.copytree(folder / "run", tmp_path / "run")
    (run / SENSITIVITY).write_text(json.dumps(ROW) + "\n", "utf-8")
    assert "<words>" in "".join(Parts(report(run).path.read_text("utf-8")).text)
    for row in ({**ROW, "loss": None}, {name: ROW[name] for name in ROW if name != "loss"}, [1]):
        (run / SENSITIVITY).write_text(json.dumps(row) + "\n", "utf-8")
        with pytest.raises(RunError, match=r"sensitivity.jsonl cannot be read .* prunetext sensitivity"):
            report(run)
    fit(str(folder / "data"), out=run, overwrite=True, dimensions=8, filters=4, widths="1", epochs=1.0)
    assert not (run / SENSITIVITY).exists()


def test_a_run_of_an_earlier_version_has_a_page(folder: Path, tmp_path: Path, page: Page) -> None:
    run = shutil.copytree(folder / "run", tmp_path / "run")
    for name in (RECIPE, SOURCE, RESULT):
        values = json.loads((run / name).read_text("utf-8"))
        del values["checksum"]
        for new in ("files", "frontier", "missed", "agreement"):
            values.pop(new, None)
        values |= {"format": "prunetext-run/1"} if name == RECIPE else {}
        (run / name).write_text(json.dumps(values), "utf-8")
    rows = [json.loads(line) for line in (run / HISTORY).read_text("utf-8").splitlines()]
    some = (json.dumps({name: row[name] for name in ("keep", "bytes", "drop")}) + "\n" for row in rows)
    (run / HISTORY).write_text("".join(some), "utf-8")
    found = report(run)
    assert found.notes == []
    assert "kept no frontier" in "".join(Parts(found.path.read_text("utf-8")).text)


def test_the_dense_model_stands_in_the_page_with_the_table_that_the_run_chose(facts: Facts) -> None:
    dense = {}
    for table in ("int8", "int16"):
        chosen = facts._replace(result={**facts.result, "agreement": {"table": table}})
        dense[table] = judge_texts(chosen).dense
        with packed_unpruned(facts.dense, table) as path:
            assert path.read_bytes() == dense[table]
    assert dense["int8"] != dense["int16"]


def test_a_missed_budget_stands_under_the_heading(folder: Path, tmp_path: Path, page: Page) -> None:
    run = shutil.copytree(folder / "run", tmp_path / "run")
    change_state(run, RESULT, lambda text: json.dumps({**json.loads(text), "missed": ["max_size was missed: <x>."]}))
    parts = Parts(report(run).path.read_text("utf-8"))
    assert "max_size was missed: <x>." in parts.text
    assert [given for tag, given in parts.elements if given.get("class") == "missed"]


def test_the_texts_have_a_name_and_notes(facts: Facts, folder: Path) -> None:
    assert judge_texts(facts).name == "the test texts of data"
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame({"text": ["great", "dull"], "label": ["pos", "</b>neg"], "name": ["x", "y"]})
    assert judge_texts(facts, frame).name == "the data frame"
    assert judge_texts(facts, str(folder / "data"), split="dev").name == "data, dev"


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"slices": "langauge"}, "no column 'langauge' among .* Correct --slices"),
        ({"split": "dev"}, "--split is given without --data"),
        ({"label_separator": ";"}, "--label-separator is given without --data"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    folder: Path, tmp_path: Path, how: dict[str, str], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        report(folder / "run", out=tmp_path / "page.html", **how)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="its folder does not exist"):
        report(folder / "run", out=tmp_path / "gone" / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_changed_labels_of_an_earlier_page_go(folder: Path, tmp_path: Path, page: Page) -> None:
    (tmp_path / "page.flips.jsonl").write_text("{}\n", "utf-8")
    (tmp_path / "one.jsonl").write_text('{"text": "great lovely superb warm", "label": "pos"}\n', "utf-8")
    found = report(folder / "run", data=str(tmp_path / "one.jsonl"), out=tmp_path / "page.html")
    assert found.flips is None
    assert not (tmp_path / "page.flips.jsonl").exists()
