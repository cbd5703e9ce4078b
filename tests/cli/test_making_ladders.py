"""The command that makes a ladder: its table, its JSON, its exit codes, and how it refuses."""

import json
from pathlib import Path

import pytest

import prunetext
from helpers.cascades import QUICK_ENCODER, noisy_reviews
from helpers.commands import Call, assert_refused
from helpers.encoders import encoder_folder
from helpers.tables import write_csv
from prunetext.fitting.effort import Effort
from prunetext.models.groups import TIME
from prunetext.runtime.states import read_state

GIVEN = Effort(speed=lambda model: 1e9 / (1e4 + model.costs()[TIME]({})))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a tiny BERT."""
    path, examples = tmp_path_factory.mktemp("ladder"), noisy_reviews(160)
    data = write_csv(path / "data.csv", list(zip(examples.texts, examples.labels, strict=True)))
    encoder_folder(path / "bert")
    options = {"model": str(path / "bert"), "epochs": 4, "max_tokens": 24, "schedule": "oneshot:keep=1", "refit": False}
    return prunetext.fit(data, out=path / "run", effort=QUICK_ENCODER, **options).path.parent


def test_it_prints_a_row_for_each_model(run: Path, tmp_path: Path, call: Call) -> None:
    out, line = tmp_path / "ladder", ["--speeds", "1.2,1.5,99", "--recovery", "0", "--max-drop", "100"]
    done = call("ladder", run, "--out", out, *line, effort=GIVEN)
    assert done.code == 3
    assert done.err.splitlines()[-1].startswith("99x is out of reach: without all heads and neurons that can go")
    rows = {row.split()[0]: row.split() for row in done.out.splitlines() if row.split()}
    assert rows["unpruned"][1] == "1.00"
    for name in ("1.2x", "1.5x"):
        assert float(rows[name][1]) >= float(name[:-1])
        verdict = read_state(out / name / "result.json")["verdict"]
        assert rows[name][-1] == verdict["name"]
        gives_one_answer = bool(verdict["doubt"])  # so small a model may, where nothing is trained after the cut
        assert verdict["name"] == ("undecided" if gives_one_answer else "kept"), "100 points may be lost"
    assert "99x" not in rows
    assert done.out.splitlines()[-1] == str(out)


def test_json_has_all_and_lenient_ends_with_0(run: Path, tmp_path: Path, call: Call) -> None:
    line = ["--speeds", "1.2,99", "--recovery", "0", "--json", "--lenient", "--criterion", "magnitude"]
    done = call("ladder", run, "--out", tmp_path / "ladder", *line, "--groups", "neurons", effort=GIVEN)
    assert done.code == 0
    found = json.loads(done.out)
    assert [rung["folder"] for rung in found["rungs"]] == ["1.2x"]
    assert found["missed"][0].startswith("99x is out of reach: without all neurons that can go")
    assert found["path"] == str(tmp_path / "ladder")
    assert read_state(tmp_path / "ladder" / "1.2x" / "result.json")["removed"]["heads"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "run is missing."),
        (["{run}"], "out is missing."),
        (["{run}", "--out", "{new}", "--speeds", "0.5"], "speeds is '0.5': it must name up to 20 numbers"),
        (["{run}", "--out", "{new}", "--recovery", "-1"], "recovery is -1: it must be from 0 to 100."),
        (["{run}", "--out", "{new}", "--max-drop", "-1"], "max_drop is -1.0: it must be"),
        (["{run}", "--out", "{new}", "--groups", "filters"], "groups has 'filters'."),
        (["{run}", "--out", "{run}"], "{run} holds files but no ladder."),
        (["{tmp}/no", "--out", "{new}"], "{tmp}/no holds no finished run"),
    ],
)
def test_wrong_input_is_refused(run: Path, tmp_path: Path, call: Call, arguments: list[str], said: str) -> None:
    places = {"run": run, "tmp": tmp_path, "new": tmp_path / "new"}
    done = call("ladder", *(each.format(**places) for each in arguments), effort=GIVEN)
    assert_refused(done, said.format(**places))
    assert not (tmp_path / "new").exists()
