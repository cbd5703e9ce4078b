"""The whole way: repeatable to the byte, also when killed; within its budget; one sentence for what is wrong."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import prunetext
from prunetext.data.dataset import Data, Examples
from prunetext.errors import InputError, RunError
from prunetext.fitting import api as pipeline
from prunetext.fitting import finishing
from prunetext.fitting import stages as jobs
from prunetext.fitting.api import Result, fit
from prunetext.pruning import search
from prunetext.training import loop
from prunetext.training.loop import Progress

pytestmark = pytest.mark.usefixtures("quick_training")
SMALL = {"dimensions": 12, "filters": 6, "widths": "1,2", "epochs": 8.0, "max_drop": 3.0, "criterion": "taylor"}


class KilledError(Exception):
    """What stands for SIGKILL."""


@pytest.fixture(scope="session")
def data(toy_data: Callable[..., Data]) -> Data:
    return toy_data(train=128, dev=80, test=80, classes=2, noise=0.05)


def run(data: Data, out: Path, **options: Any) -> Result:
    return fit(data, out=out, **{**SMALL, **options})


@pytest.fixture(scope="module")
def whole(data: Data, tmp_path_factory: pytest.TempPathFactory, quick_training: None) -> Result:
    """An uninterrupted run; no test changes it."""
    return run(data, tmp_path_factory.mktemp("whole"))


def stop_at(stage: str, step: int, error: type[BaseException] = KilledError) -> Callable[[str, Progress], None]:
    def progress(name: str, now: Progress) -> None:
        if (name, now.done) == (stage, step):
            raise error

    return progress


def test_a_run_ends_with_a_small_file_and_what_is_known_of_it(data: Data, whole: Result) -> None:
    result, folder = whole, whole.path.parent
    assert result.path.name == "model.safetensors"
    assert result.size == result.path.stat().st_size
    assert sorted(each.name for each in result.path.parent.iterdir()) == [
        "dense.safetensors",
        "history.jsonl",
        "model.safetensors",
        "pruned.safetensors",
        "recipe.json",
        "result.json",
        "source.json",
        "steps",
    ]
    assert data.test is not None
    classifier = prunetext.load(result.path)
    right = np.array(classifier.predict(data.test.texts)) == np.array(data.test.labels)
    assert result.score.accuracy == right.mean() > 0.8
    assert result.score.n == len(data.test)
    assert result.verdict.name in ("kept", "undecided", "lost")
    drop = 100 * (result.judged.dense.score.accuracy - result.score.accuracy)
    assert result.verdict.drop == pytest.approx(drop)
    assert result.judged.pruned.bytes < result.judged.dense.bytes
    assert result.judged.packed.bytes == result.size
    assert result.reason
    assert result.notes[0] == "288 rows were read."
    provenance = json.loads(classifier.metadata["provenance"])
    assert provenance["recipe"]["data"] == data.fingerprint()
    assert provenance["recipe"]["dimensions"] == 12
    assert provenance["test"]["accuracy"] == result.score.accuracy
    assert provenance["verdict"]["name"] == result.verdict.name
    assert provenance["reason"] == result.reason
    assert provenance["calibration"]["after"] == pytest.approx(result.calibration.after, abs=1e-4)
    assert classifier.metadata["temperature"] == repr(result.calibration.temperature)
    assert (classifier.reject, result.calibration.rejection) == (None, None)
    assert str(folder) not in result.path.read_bytes().decode("latin-1")
    saved = json.loads((folder / "result.json").read_text("utf-8"))
    assert saved["packed"]["bytes"] == result.size
    assert saved["reason"] == result.reason
    assert saved["calibration"] == result.calibration.fields()
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text("utf-8").splitlines()]
    assert history[0]["keep"] == 1
    assert len(history) > 1


def test_the_same_run_gives_the_same_bytes_and_another_seed_does_not(data: Data, tmp_path: Path, whole: Result) -> None:
    files = [whole.path, *(run(data, tmp_path / str(seed), seed=seed).path for seed in (0, 1))]
    for name in ("model.safetensors", "dense.safetensors", "pruned.safetensors"):
        first, again, other = (file.with_name(name).read_bytes() for file in files)
        assert first == again != other


@pytest.mark.parametrize("criterion", ["taylor", "lasso"])
def test_killed_anywhere_and_called_again_gives_the_same_bytes(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Result, criterion: str
) -> None:
    if criterion == "lasso":
        whole = run(data, tmp_path / "whole", criterion=criterion)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
    kills = [("train", 3), ("train", 40), ("train", 64), ("step 1", 1), ("step 1", 20), ("step 2", 2)]
    for stage, step in kills:
        with pytest.raises(KilledError):
            run(data, tmp_path / "killed", criterion=criterion, progress=stop_at(stage, step))
        assert not (tmp_path / "killed" / "model.safetensors").exists()
        if step > 1:  # it will go on there, and not begin again
            assert list((tmp_path / "killed").rglob("*.checkpoint"))
    seen: list[str] = []
    resumed = run(data, tmp_path / "killed", criterion=criterion, progress=lambda name, now: seen.append(name))
    assert "train" not in seen
    assert "step 1" not in seen
    for name in ("model.safetensors", "pruned.safetensors", "history.jsonl"):
        assert resumed.path.with_name(name).read_bytes() == whole.path.with_name(name).read_bytes(), name
    assert [each.name for each in sorted(resumed.path.parent.iterdir())] == [
        each.name for each in sorted(whole.path.parent.iterdir())
    ]


@pytest.mark.parametrize("when", ["pack", "judge", "finish"])
def test_killed_behind_the_search_and_called_again_gives_the_same_bytes(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Result, when: str
) -> None:

    def killed(*arguments: object, **named: object) -> None:
        raise KilledError

    places = {"pack": (finishing, "choose_table"), "judge": (finishing, "judge"), "finish": (pipeline.Run, "finish")}
    with monkeypatch.context() as patch:
        patch.setattr(*places[when], killed)
        with pytest.raises(KilledError):
            run(data, tmp_path / "killed")
    assert run(data, tmp_path / "killed").path.read_bytes() == whole.path.read_bytes()


def test_a_finished_run_another_recipe_and_a_foreign_folder_are_refused(
    data: Data, tmp_path: Path, whole: Result
) -> None:
    with pytest.raises(KilledError):
        run(data, tmp_path / "run", progress=stop_at("train", 2))
    with pytest.raises(RunError, match="unfinished run whose dimensions was different"):
        run(data, tmp_path / "run", dimensions=13)
    with pytest.raises(RunError, match="unfinished run whose data was different"):
        run(replace(data, train=data.dev), tmp_path / "run")
    with pytest.raises(RunError, match="finished run"):
        run(data, whole.path.parent)
    assert run(data, tmp_path / "run", overwrite=True, seed=0).path.read_bytes() == whole.path.read_bytes()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="holds files but no run"):
        run(data, tmp_path / "other", overwrite=True)


def some_vectors(data: Data, dimensions: int = 7) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    words = sorted({word for text in data.train.texts for word in text.split()})
    return {word: rng.normal(0, 0.3, dimensions) for word in words[:-3]}  # some have none


@pytest.mark.parametrize(("channels", "sizes"), [("static", (7, 7)), ("both", (14, 7)), ("non-static", (7, 0))])
def test_given_vectors_are_kept_where_they_are_static(
    data: Data, tmp_path: Path, channels: str, sizes: tuple[int, int]
) -> None:
    vectors = some_vectors(data)
    result = run(data, tmp_path / "run", vectors=vectors, channels=channels, min_count=1, dimensions=None)
    dense = load_file(result.path.with_name("dense.safetensors"))["embedding"]
    dimensions, static = sizes
    assert dense.shape[1] == dimensions
    words = pipeline.vocabulary_of(data.train.texts, pipeline.ModelOptions(min_count=1))
    known = [row for row, word in enumerate(words) if word in vectors]
    given = torch.tensor(np.array([vectors[words[row]] for row in known]), dtype=torch.float32)
    rows = dense[torch.tensor(known) + 2]
    assert torch.equal(rows[:, :static], given[:, :static])
    assert not torch.equal(rows[:, dimensions - 7 :], given) or static == 7 == dimensions
    assert result.size > 0


def test_given_vectors_are_part_of_the_recipe(data: Data, tmp_path: Path) -> None:
    vectors = some_vectors(data, dimensions=12)
    with pytest.raises(KilledError):
        run(data, tmp_path / "run", vectors=vectors, progress=stop_at("train", 1))
    for others in (None, {word: vector + 1 for word, vector in vectors.items()}):
        with pytest.raises(RunError, match="unfinished run whose vectors was different"):
            run(data, tmp_path / "run", vectors=others)
    run(data, tmp_path / "run", vectors=vectors)


def test_a_size_is_kept_by_the_file_itself(data: Data, tmp_path: Path) -> None:
    shape = {"max_drop": None, "dimensions": 32, "filters": 24}
    free = run(data, tmp_path / "free", **shape, max_size="1MB")
    assert free.reason == "the packed file is within 1,000,000 bytes"
    wanted = free.size - 900
    result = run(data, tmp_path / "run", **shape, max_size=str(wanted), precision=0.6)
    assert prunetext.load(result.path).reject is not None
    assert result.path.stat().st_size <= wanted
    assert result.reason == f"the packed file is within {wanted:,} bytes"


def test_a_precision_stores_a_threshold_and_changes_nothing_else(data: Data, tmp_path: Path, whole: Result) -> None:
    result = run(data, tmp_path / "run", precision=0.6)
    assert data.dev is not None
    assert data.test is not None
    classifier, rejected = prunetext.load(result.path), result.calibration.rejection
    assert rejected is not None
    assert classifier.reject == rejected.threshold
    for name in ("dense.safetensors", "pruned.safetensors"):
        ours, theirs = (load_file(each.path.with_name(name)) for each in (result, whole))
        assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items())
    history = [each.path.with_name("history.jsonl").read_bytes() for each in (result, whole)]
    assert history[0] == history[1], "the room for what will be found out is the same"
    labels = classifier.predict(data.test.texts, reject=True)
    right = [label == truth for label, truth in zip(labels, data.test.labels, strict=True) if label is not None]
    assert rejected[1:] == pytest.approx((len(right) / len(data.test), sum(right) / len(right)))
    missed = run(data, tmp_path / "missed", precision=0.99)
    assert missed.calibration.rejection is None
    assert missed.notes[-1].startswith(
        "No threshold is stored: on the 80 texts of dev none shows, with 95 % confidence"
    )
    assert "reject" not in prunetext.load(missed.path).metadata


def longest(value: Any) -> Any:
    """The same findings in as many characters as they may take."""
    if isinstance(value, dict):
        return {key: longest(each) for key, each in value.items()}
    return -1.2345678901234567e-05 if isinstance(value, float) else 1_000_000 if isinstance(value, int) else value


def test_the_room_that_is_left_for_findings_is_enough(whole: Result) -> None:
    found = json.loads(prunetext.load(whole.path).metadata["provenance"])
    recipe = {name: value for name, value in found.pop("recipe").items() if name not in jobs.WANTED}
    wanted = {"max_drop": 0.123456789, "max_size": "123456789B", "min_speed": "1234567", "max_time": "123456s"}
    wanted |= {"schedule": "incremental", "dense": "0123456789abcdef", "precision": 0.123456789}
    assert wanted.keys() == set(jobs.WANTED)
    verdict = {**found["verdict"], "name": "undecided", "needed": 1_000_000}
    findings = longest({**found, "verdict": verdict}) | {"reason": "x" * 320}

    def stored(provenance: dict[str, Any]) -> int:
        return len(json.dumps(json.dumps(provenance, separators=(",", ":"))))

    calibrated = len('"reject":"0.9999",') + len("0.05123") - len("1.0")
    room = stored({"recipe": recipe, "findings": "-" * (jobs.FINDINGS + jobs.WANTED_BYTES)})
    assert stored({"recipe": {**recipe, **wanted}, **findings}) + calibrated <= room


def test_a_time_ends_the_run(data: Data, tmp_path: Path) -> None:
    seen: list[tuple[str, Progress]] = []
    result = run(data, tmp_path / "run", epochs=1e6, max_time="1s", progress=lambda name, now: seen.append((name, now)))
    assert result.reason.startswith("the time is spent")  # and, on a busy machine, that nothing small was confirmed
    assert {name for name, _ in seen} <= {"train", "step 1", "step 2"}
    assert seen[0][1].total == 8_000_000
    assert result.path.exists()


@pytest.mark.parametrize("stage", ["train", "step 1"])
def test_an_interrupt_keeps_the_best_and_finishes(data: Data, tmp_path: Path, stage: str) -> None:
    seen: list[str] = []

    def progress(name: str, now: Progress) -> None:
        seen.append(name)
        if (name, now.done) == (stage, 20):
            raise KeyboardInterrupt

    result = run(data, tmp_path / "run", progress=progress)
    assert seen[-1] == stage
    assert result.reason.startswith("interrupted; this is the ")
    assert prunetext.load(result.path).predict(["common1"])
    assert result.path.with_name("result.json").exists()


def test_an_interrupt_before_there_is_any_model_leaves_a_run_to_resume(data: Data, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(data, tmp_path / "run", progress=stop_at("train", 1, KeyboardInterrupt))
    assert not (tmp_path / "run" / "model.safetensors").exists()
    run(data, tmp_path / "run")


def one_class(data: Data) -> Data:
    return replace(data, train=Examples(data.train.texts, ["same"] * len(data.train)), dev=None, test=None)


def new_label(data: Data) -> Data:
    assert data.dev is not None
    return replace(data, dev=Examples(data.dev.texts, ["class 9", *data.dev.labels[1:]]))


def empty_dev(data: Data) -> Data:
    return replace(data, dev=Examples([], []))


def half_a_label(data: Data) -> Data:
    return replace(data, train=Examples(data.train.texts, ["class \ud800", *data.train.labels[1:]]))


def paired(data: Data) -> Data:
    return replace(data, train=replace(data.train, pairs=data.train.texts))


@pytest.mark.parametrize(
    ("change", "options", "sentence"),
    [
        (None, {"min_count": 999}, "No word of train occurs 999 times or more"),
        (None, {"vectors": {}}, "vectors must hold a vector for some words of train"),
        (None, {"vectors": {"common1": [1, 2], "common2": [1]}}, "vectors must hold a vector"),
        (None, {"criterion": "best"}, "criterion 'best' is unknown"),
        (None, {"schedule": "best"}, "schedule 'best' is unknown"),
        (None, {"widths": "2,17"}, "widths is '2,17'"),
        (None, {"max_drop": -1}, "max_drop is -1.0: it must be between 0 and 100"),
        (None, {"max_drop": float("nan")}, "max_drop is nan"),
        (None, {"precision": 95}, "precision is 95.0: it must be a share between 0 and 1, such as 0.95."),
        (None, {"precision": 1.0}, "precision is 1.0: it must be a share"),
        (None, {"precision": float("nan")}, "precision is nan: it must be a share"),
        (None, {"epochs": float("inf")}, "epochs is inf"),
        (None, {"max_size": "0"}, "max_size is '0'"),
        (None, {"learning_rate": 1}, "fit has no option 'learning_rate'"),
        (None, {"max_drop": "0.5"}, "max_drop is '0.5': it must be a number"),
        (None, {"dimensions": 8.5}, "dimensions is 8.5: it must be a whole number"),
        (None, {"seed": True}, "seed is True: it must be a whole number"),
        (None, {"criterion": None}, "criterion is None: it must be text"),
        (None, {"skip_empty": "yes"}, "skip_empty is 'yes': it must be true or false"),
        (None, {"widths": "16", "filters": 4096, "dimensions": 2000}, "The model is too large for a packed file"),
        (None, {"vectors": {"common1": [float("nan")] * 12}}, "vectors: that of 'common1' holds a number"),
        (None, {"dev": "dev.csv"}, "dev and test are read together with data"),
        (empty_dev, {}, "toy: dev holds no texts"),
        (half_a_label, {}, "toy: the label 'class \\ud800' holds half a character"),
        (one_class, {}, "toy: every text of train has the same label"),
        (new_label, {}, "toy: the label 'class 9' of dev never occurs in train"),
        (paired, {}, "toy: dev holds single texts, but train pairs"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(
    data: Data, tmp_path: Path, change: Callable[[Data], Data] | None, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError) as error:
        run(change(data) if change else data, tmp_path / "run", **options)
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_test_texts_change_nothing_but_the_report(data: Data, tmp_path: Path, whole: Result) -> None:
    other = replace(data, test=Examples([f"unheard{number}" for number in range(40)], ["class 0", "class 1"] * 20))
    result = run(other, tmp_path / "run")
    assert result.path.with_name("history.jsonl").read_bytes() == whole.path.with_name("history.jsonl").read_bytes()
    for name in ("dense.safetensors", "pruned.safetensors"):
        ours, theirs = (load_file(each.path.with_name(name)) for each in (result, whole))
        assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items())
    assert result.score.accuracy == 0.5
    assert result.score.n == 40


def test_numbers_of_other_kinds_and_lists_are_options_too(data: Data, tmp_path: Path, whole: Result) -> None:
    options = {"dimensions": np.int64(12), "max_drop": np.float32(3), "widths": [1, 2], "seed": np.uint8(0)}
    assert run(data, tmp_path / "run", **options).path.read_bytes() == whole.path.read_bytes()


def test_the_callers_random_numbers_are_left_alone(data: Data, tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run(data, tmp_path / "run", epochs=1.0)
    assert torch.equal(torch.rand(3), expected)


def test_texts_in_memory_will_do_and_labels_may_be_numbers(data: Data, tmp_path: Path) -> None:
    labels = [int(label[-1]) for label in data.train.labels]
    result = fit(Examples(data.train.texts, labels), out=tmp_path / "run", **{**SMALL, "epochs": 1.0})
    assert prunetext.load(result.path).labels == ["0", "1"]


def test_the_run_may_not_lie_among_the_labels(tmp_path: Path) -> None:
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.txt").write_text("text")
    with pytest.raises(InputError, match=r"lies in .* where it would be read as a label"):
        fit(tmp_path, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_size_out_of_reach_is_said(data: Data, tmp_path: Path) -> None:
    result = run(data, tmp_path / "run", max_drop=None, max_size="10B", epochs=1.0)
    assert result.reason.endswith("; 10 bytes were not reached")
    assert not result.within_budget
    assert json.loads(result.path.with_name("result.json").read_text("utf-8"))["within_budget"] is False


def test_an_interrupted_training_is_resumed_if_the_run_is_then_killed(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Result
) -> None:
    def killed(*arguments: object, **named: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(finishing, "judge", killed)
        with pytest.raises(KilledError):
            run(data, tmp_path / "run", progress=stop_at("train", 20, KeyboardInterrupt))
    assert run(data, tmp_path / "run").path.read_bytes() == whole.path.read_bytes()


def test_recoveries_are_gentler_than_training_and_chosen_by_loss(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks: list[search.Task] = []

    def prune(task: search.Task, *arguments: object, **named: object) -> None:
        tasks.append(task)
        raise KilledError

    monkeypatch.setattr(jobs, "prune", prune)
    with pytest.raises(KilledError):
        run(data, tmp_path / "run")
    training = jobs.settings_of(pipeline.FitOptions(epochs=8.0), len(data.train))
    recovery = tasks[0].recovery
    assert (recovery.best_by, recovery.judge_start) == ("loss", True)
    assert recovery.learning_rate < training.learning_rate
    assert recovery.epochs < training.epochs
    assert tasks[0].dev is not tasks[0].train
    assert len(tasks[0].dev) == 80


def test_an_interrupt_before_the_first_step_keeps_the_dense_model(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    start = search.Search.start

    def interrupted(self: search.Search) -> Any:
        calls.append(self)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return start(self)

    monkeypatch.setattr(search.Search, "start", interrupted)
    result = run(data, tmp_path / "run")
    assert result.reason == "interrupted; this is the dense model as it was then"
    assert prunetext.load(result.path).predict(["common1"])


def test_missing_splits_are_taken_from_train(data: Data, tmp_path: Path) -> None:
    result = run(replace(data, dev=None, test=None), tmp_path / "run", epochs=1.0)
    assert 10 <= result.score.n <= 14
