"""The whole way: repeatable to the byte, within its budget, and blind to the texts of test."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import prunetext
from prunetext.data.dataset import Data, Examples
from prunetext.fitting.api import Result
from prunetext.training.loop import Progress

Run = Callable[..., Result]  # what the fixture `run` gives


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


def test_the_same_run_gives_the_same_bytes_and_another_seed_does_not(
    data: Data, tmp_path: Path, whole: Result, run: Run
) -> None:
    files = [whole.path, *(run(data, tmp_path / str(seed), seed=seed).path for seed in (0, 1))]
    for name in ("model.safetensors", "dense.safetensors", "pruned.safetensors"):
        first, again, other = (file.with_name(name).read_bytes() for file in files)
        assert first == again != other


def test_a_size_is_kept_by_the_file_itself(data: Data, tmp_path: Path, run: Run) -> None:
    shape = {"max_drop": None, "dimensions": 32, "filters": 24}
    free = run(data, tmp_path / "free", **shape, max_size="1MB")
    assert free.reason == "the packed file is within 1,000,000 bytes"
    wanted = free.size - 900
    result = run(data, tmp_path / "run", **shape, max_size=str(wanted), precision=0.6)
    assert prunetext.load(result.path).reject is not None
    assert result.path.stat().st_size <= wanted
    assert result.reason == f"the packed file is within {wanted:,} bytes"


def test_a_size_out_of_reach_is_said_before_training_and_does_not_ruin_the_model(
    data: Data, tmp_path: Path, run: Run
) -> None:
    said: list[str] = []

    def told(name: str, now: Progress) -> None:
        said.append(name)

    result = run(data, tmp_path / "run", max_drop=None, max_size="10B", notice=said.append, progress=told)
    sentence = said[0]
    assert sentence.startswith(
        "max_size is 10 bytes, but pruning vocabulary, bigrams, dimensions, filters leaves about "
    )
    assert "train" in said, "the sentence came before it"
    assert sentence in result.notes
    least = int(re.findall(r"about ([\d,]+) or more", sentence)[0].replace(",", ""))
    rows = [json.loads(line) for line in result.path.with_name("history.jsonl").read_text("utf-8").splitlines()]
    assert least == pytest.approx(rows[0]["least"], rel=0.02)
    assert result.reason.endswith("; 10 bytes were not reached")
    assert result.missed == [f"max_size was missed: the packed file has {result.size:,} bytes, and 10 were allowed."]
    assert not result.within_budget
    assert result.score.accuracy > 0.8, "the model is not ruined"
    stored = json.loads(result.path.with_name("result.json").read_text("utf-8"))
    assert (stored["within_budget"], stored["missed"]) == (False, result.missed)


@pytest.mark.parametrize(
    ("max_drop", "sentence"),
    [
        (3.0, "The verdict cannot be kept: 80 test texts cannot show a loss of at most 3 points. 88 or more can."),
        (4.0, ""),
    ],
)
def test_it_is_said_before_training_if_test_cannot_show_the_verdict(
    data: Data, tmp_path: Path, run: Run, max_drop: float, sentence: str
) -> None:
    said: list[str] = []
    result = run(data, tmp_path / "run", max_drop=max_drop, epochs=1.0, notice=said.append)
    assert [each for each in said if each.startswith("The verdict")] == [sentence] * bool(sentence)
    assert set(said) <= set(result.notes)


def test_a_time_ends_the_run(data: Data, tmp_path: Path, run: Run) -> None:
    seen: list[tuple[str, Progress]] = []
    result = run(data, tmp_path / "run", epochs=1e6, max_time="1s", progress=lambda name, now: seen.append((name, now)))
    assert result.reason.startswith("the time was used up")  # and, on a busy machine, that nothing small was confirmed
    assert {name for name, _ in seen} <= {"train", "step 1", "step 2"}
    assert seen[0][1].total == 8_000_000
    assert result.path.exists()


def test_a_precision_stores_a_threshold_and_changes_nothing_else(
    data: Data, tmp_path: Path, whole: Result, run: Run
) -> None:
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
        "No threshold is stored: on the 80 texts of dev, none reaches a precision of 0.99"
    )
    assert "reject" not in prunetext.load(missed.path).metadata


def test_test_texts_change_nothing_but_the_report(data: Data, tmp_path: Path, whole: Result, run: Run) -> None:
    other = replace(data, test=Examples([f"unheard{number}" for number in range(40)], ["class 0", "class 1"] * 20))
    result = run(other, tmp_path / "run")
    assert result.path.with_name("history.jsonl").read_bytes() == whole.path.with_name("history.jsonl").read_bytes()
    for name in ("dense.safetensors", "pruned.safetensors"):
        ours, theirs = (load_file(each.path.with_name(name)) for each in (result, whole))
        assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items())
    assert result.score.accuracy == 0.5
    assert result.score.n == 40


def test_missing_splits_are_taken_from_train(data: Data, tmp_path: Path, run: Run) -> None:
    result = run(replace(data, dev=None, test=None), tmp_path / "run", epochs=1.0)
    assert 10 <= result.score.n <= 14


def test_numbers_of_other_kinds_and_lists_are_options_too(data: Data, tmp_path: Path, whole: Result, run: Run) -> None:
    options = {"dimensions": np.int64(12), "max_drop": np.float32(3), "widths": [1, 2], "seed": np.uint8(0)}
    assert run(data, tmp_path / "run", **options).path.read_bytes() == whole.path.read_bytes()


def test_the_callers_random_numbers_are_left_alone(data: Data, tmp_path: Path, run: Run) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run(data, tmp_path / "run", epochs=1.0)
    assert torch.equal(torch.rand(3), expected)


def test_texts_in_memory_will_do_and_labels_may_be_numbers(data: Data, tmp_path: Path, run: Run) -> None:
    labels = [int(label[-1]) for label in data.train.labels]
    result = run(Examples(data.train.texts, labels), tmp_path / "run", epochs=1.0)
    assert prunetext.load(result.path).labels == ["0", "1"]


def test_the_bytes_of_the_three_models_are_those_of_their_files(whole: Result) -> None:
    for name, file in (("dense", "dense"), ("pruned", "pruned"), ("packed", "model")):
        row = whole.judged.models()[name]
        assert row.bytes == whole.path.with_name(f"{file}.safetensors").stat().st_size
    assert whole.judged.dense.bytes > whole.judged.packed.bytes


def test_a_regression_stands_beside_the_model_and_changes_no_exit_code(data: Data, whole: Result) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    row, against = whole.judged.baseline, whole.against_baseline
    assert row is not None
    assert against is not None
    assert against.drop == pytest.approx(100 * (row.score.accuracy - whole.score.accuracy))
    saved = json.loads((whole.path.parent / "result.json").read_text("utf-8"))
    assert saved["baseline"]["accuracy"] == row.score.accuracy
    assert saved["baseline"]["bytes"] == row.bytes > whole.size
    assert saved["against_baseline"]["name"] == against.name
    provenance = json.loads(prunetext.load(whole.path).metadata["provenance"])
    assert provenance["baseline"] == round(row.score.accuracy, 4)
    noted = any("A logistic regression on tf-idf is" in note for note in whole.notes)
    assert noted == (row.value > whole.judged.packed.value)
    assert not whole.missed


def test_a_regression_that_is_better_is_named_with_a_remedy(data: Data, run: Run, tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    result = run(data, tmp_path / "run", epochs=0.1, schedule="oneshot:keep=0.5")
    assert result.judged.baseline is not None
    points = 100 * (result.judged.baseline.value - result.judged.packed.value)
    assert points > 1
    seen = f"A logistic regression on tf-idf is {points:.2f} points better on test."
    assert f"{seen} A fit with --teacher auto, or with more texts, may do better." in result.notes


def test_max_time_without_room_for_a_regression_leaves_it_out(data: Data, run: Run, tmp_path: Path) -> None:
    result = run(data, tmp_path / "run", max_time="0.01s")
    assert result.missed
    assert (result.judged.baseline, result.against_baseline) == (None, None)
    saved = json.loads((tmp_path / "run" / "result.json").read_text("utf-8"))
    assert not {"baseline", "against_baseline"} & saved.keys()
