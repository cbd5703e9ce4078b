"""A ladder of a run: each model is made of the one before it, has a run's folder, and is not made twice."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import prunetext
from helpers.cascades import QUICK_ENCODER, noisy_reviews, run_of_textcnn
from helpers.encoders import encoder_folder
from helpers.kills import KilledError, stop_at
from prunetext.errors import InputError, RunError
from prunetext.fitting.effort import Effort
from prunetext.fitting.laddering.rungs import LADDER_FILE, Ladder, read_ladder
from prunetext.fitting.parts import RESULT, STEPS_FOLDER, TIMES
from prunetext.modelfiles.trained import read_trained
from prunetext.models.protocol import Model
from prunetext.models.transformer.grouping import TRANSFORMER_KINDS
from prunetext.models.transformer.timing import TimeTable
from prunetext.runtime.states import read_state

TABLE = TimeTable(32, ((1, 1000.0), (4, 4000.0)), ((16, 2000.0), (40, 5000.0)), 3000.0)


def real_speed(model: Model) -> float:
    """Half of what the table says, in texts a second."""
    return float(1e9 / (2 * TABLE.cost(model)({})))


GIVEN = Effort(speed=real_speed, times=TABLE)
DATA = noisy_reviews(160)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a tiny BERT; no test changes it."""
    path = tmp_path_factory.mktemp("ladder")
    encoder_folder(path / "bert")
    options = {"model": str(path / "bert"), "epochs": 4, "max_tokens": 24, "schedule": "oneshot:keep=1", "refit": False}
    return prunetext.fit(DATA, out=path / "run", effort=QUICK_ENCODER, **options).path.parent


def made(run: Path, out: Path, speeds: str = "1.3,1.7", effort: Effort = GIVEN, **options: object) -> Ladder:
    """A ladder on given times."""
    return prunetext.ladder(run, out=out, speeds=speeds, data=DATA, effort=effort, **{"recovery": 0.2, **options})


@pytest.fixture(scope="module")
def whole(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Ladder:
    """A ladder that was not interrupted; no test changes it."""
    return made(run, tmp_path_factory.mktemp("whole") / "ladder")


def test_each_model_is_as_fast_as_it_should_be_and_judged(run: Path, whole: Ladder) -> None:
    assert whole.missed == []
    assert [rung.folder for rung in whole.rungs] == ["1.3x", "1.7x"]
    assert whole.base == real_speed(read_trained(run / "dense.safetensors").model)
    for rung in whole.rungs:
        result = read_state(whole.path / rung.folder / RESULT)
        assert rung.factor <= rung.measured <= 1.2 * rung.factor
        assert rung.speed == rung.measured * whole.base
        assert rung.verdict._asdict() == result["verdict"]
        assert rung.test == result["packed"]["accuracy"]
        assert rung.bytes == (whole.path / rung.folder / "model.onnx").stat().st_size
        assert whole.test == result["dense"]["accuracy"]
        assert 0 <= rung.dev <= 1
    assert whole.rungs[1].bytes < whole.rungs[0].bytes


def test_each_model_is_made_of_the_one_before_it(whole: Ladder) -> None:
    first, second = ({each.name for each in (whole.path / name / STEPS_FOLDER).iterdir()} for name in ("1.3x", "1.7x"))
    assert first <= second
    rows = [(whole.path / name / "history.jsonl").read_text("utf-8").splitlines() for name in ("1.3x", "1.7x")]
    assert [json.loads(row)["key"] for row in rows[1][:2]] == [json.loads(row)["key"] for row in rows[0][:2]]
    smaller, larger = (read_trained(whole.path / name / "pruned.safetensors").model for name in ("1.7x", "1.3x"))
    for kind, count in smaller.counts().items():
        assert count <= larger.counts()[kind]


def test_each_folder_is_a_run(whole: Ladder, tmp_path: Path) -> None:
    folder = whole.path / "1.7x"
    assert prunetext.load(folder / "model.onnx").predict(["a great film"])
    assert prunetext.inspect(folder / "model.onnx").size == whole.rungs[1].bytes
    assert prunetext.evaluate(folder / "model.onnx", DATA, split="dev").score.n > 0
    options = {"schedule": "oneshot:units=0.5,recovery=0", "effort": GIVEN}
    again = prunetext.prune(folder, out=tmp_path / "again", data=DATA, **options)
    assert again.removed["heads"] == 0.5


def test_the_file_of_a_ladder_says_what_was_returned(whole: Ladder) -> None:
    state = read_ladder(whole.path)
    assert state is not None
    assert state.is_whole
    assert (list(state.rungs), state.base) == (whole.rungs, whole.base)
    assert json.loads(json.dumps(whole.fields()))["rungs"] == [
        json.loads(json.dumps(rung.fields())) for rung in state.rungs
    ]


@pytest.mark.parametrize("stage", ["1.3x: step 1", "1.7x: step 2", "1.7x: final"])
def test_a_stopped_ladder_goes_on_and_gives_the_same_bytes(
    run: Path, whole: Ladder, tmp_path: Path, stage: str
) -> None:
    out = tmp_path / "ladder"
    with pytest.raises(KilledError):
        made(run, out, progress=stop_at(stage, 1))
    is_there = (out / "1.3x" / RESULT).exists()
    assert is_there == stage.startswith("1.7x")
    seen: list[str] = []
    found = made(run, out, progress=lambda name, now: seen.append(name))
    assert any(name.startswith("1.3x: ") for name in seen) == (not is_there), "what is made is not made again"
    assert [rung.fields() for rung in found.rungs] == [rung.fields() for rung in whole.rungs]
    for name in ("1.3x", "1.7x"):
        assert (out / name / "model.onnx").read_bytes() == (whole.path / name / "model.onnx").read_bytes()


def test_a_speed_out_of_reach_is_said_and_the_others_are_made(run: Path, tmp_path: Path) -> None:
    found = made(run, tmp_path / "ladder", "1.3,100", recovery=0)
    assert [rung.factor for rung in found.rungs] == [1.3]
    (said,) = found.missed
    assert said.startswith("100x is out of reach: without all heads and neurons that can go, the packed file labels ")
    assert not (tmp_path / "ladder" / "100x").exists()
    state = read_ladder(tmp_path / "ladder")
    assert state is not None
    assert state.is_whole
    nothing = made(run, tmp_path / "nothing", "50,100")
    assert (nothing.rungs, len(nothing.missed)) == ([], 2)


def test_a_speed_that_the_packed_file_has_takes_no_cut(run: Path, tmp_path: Path) -> None:
    found = made(run, tmp_path / "ladder", "1", recovery=0)
    (rung,) = found.rungs
    assert read_state(found.path / rung.folder / RESULT)["removed"] == dict.fromkeys(TRANSFORMER_KINDS, 0.0)
    assert rung.measured == 1.0


def test_a_replacement_that_was_stopped_at_its_first_speed_can_be_repeated(run: Path, tmp_path: Path) -> None:
    def killed(model: Model) -> float:
        raise KilledError

    made(run, tmp_path / "ladder", "1.3", recovery=0)
    with pytest.raises(KilledError):
        made(run, tmp_path / "ladder", "1.4", replace(GIVEN, speed=killed), recovery=0, overwrite=True)
    found = made(run, tmp_path / "ladder", "1.4", recovery=0, overwrite=True)
    assert [rung.factor for rung in found.rungs] == [1.4]


def test_kinds_that_make_nothing_faster_are_named(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="groups is ranks, which makes nothing faster, but a speed is asked for"):
        made(run, tmp_path / "ladder", groups="ranks")


def test_what_is_in_the_way_is_refused_or_replaced(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "ladder"
    made(run, out, "1.3", recovery=0)
    for speeds, said in (("1.3", "holds a finished ladder"), ("1.3,1.5", "holds a ladder of another kind")):
        with pytest.raises(RunError, match=said):
            made(run, out, speeds, recovery=0)
    assert [rung.factor for rung in made(run, out, "1.4", recovery=0, overwrite=True).rungs] == [1.4]
    assert not (out / "1.3x").exists(), "it was of the ladder before"
    (out / LADDER_FILE).write_text("{}")
    with pytest.raises(RunError, match="is damaged"):
        made(run, out, "1.4", recovery=0)
    assert made(run, out, "1.4", recovery=0, overwrite=True).missed == []
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("")
    with pytest.raises(RunError, match="holds files but no ladder"):
        made(run, tmp_path / "other")
    with pytest.raises(RunError, match="holds no finished run"):
        made(tmp_path / "other", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_measured_times_of_all_models_lie_in_one_file(run: Path, tmp_path: Path) -> None:
    found = made(run, tmp_path / "ladder", "1", Effort(speed_seconds=0.0), recovery=0)
    state = read_state(tmp_path / "ladder" / TIMES)
    assert TimeTable.of(state["parts"]).hidden == 32
    assert state["speeds"]
    assert found.base > 0
    assert {each.name for each in found.path.iterdir()} <= {LADDER_FILE, TIMES, "1x"}


def test_a_textcnn_has_a_ladder_too(tmp_path: Path) -> None:
    run = run_of_textcnn(DATA, tmp_path / "run", refit=False, schedule="oneshot:units=0")
    effort = Effort(speed=lambda model: 1e6 / (5 + model.costs()["time"]({})))
    found = made(run, tmp_path / "ladder", "1.2,1.4", effort, recovery=0)
    assert [rung.folder for rung in found.rungs] == ["1.2x", "1.4x"]
    assert all(rung.measured >= rung.factor for rung in found.rungs)
    assert prunetext.load(tmp_path / "ladder" / "1.4x" / "model.safetensors").predict(["a great film"])
