"""The whole way with a teacher or unlabelled text: repeatable, pruned again, and refused before anything is written."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import prunetext
from helpers.kills import KilledError, stop_at
from helpers.runs import QUICK, fit, prune, sensitivity
from helpers.tables import write_jsonl
from prunetext.data.dataset import Data, Examples
from prunetext.errors import InputError, RunError
from prunetext.fitting.folder import Run
from prunetext.fitting.parts import BELIEFS
from prunetext.fitting.plan import plan_fit
from prunetext.fitting.stages import lessons_of

SMALL = {"dimensions": 8, "filters": 4, "widths": "1,2", "epochs": 2.0, "schedule": "oneshot:units=0.2"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRUNETEXT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def data(toy_data: Callable[..., Data]) -> Data:
    return toy_data(train=60, dev=60, test=60)


@pytest.fixture
def files(data: Data, tmp_path: Path) -> Path:
    """A folder of splits, and a file of unlabelled texts beside it."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name, examples in data.splits():
        rows = zip(examples.texts, examples.labels, strict=True)
        write_jsonl(folder / f"{name}.jsonl", ({"text": text, "label": label} for text, label in rows))
    (tmp_path / "more.txt").write_text("common1 sign0a\ncommon2 sign1b more\nnew words of text\n")
    return folder


def test_a_taught_run_is_repeated_to_the_byte_and_pruned_again_from_elsewhere(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught: dict[str, Any] = {**SMALL, "teacher": "ngrams", "unlabelled": "more.txt", "augment": 1.0}
    first = fit(files, out="first", **taught)
    assert "3 unlabelled texts were read." in first.notes
    assert any("new texts were made" in note for note in first.notes)
    with pytest.raises(KilledError):
        fit(files, out="again", progress=stop_at("train", 5), **taught)
    again = fit(files, out="again", **taught)
    assert again.path.read_bytes() == first.path.read_bytes()
    assert "more.txt" not in (tmp_path / "first" / "recipe.json").read_text()
    assert b"more.txt" not in first.path.read_bytes()
    monkeypatch.chdir(files)
    pruned = prune(tmp_path / "first", schedule="oneshot:units=0.5", out=tmp_path / "pruned")
    assert pruned.removed["filters"] > first.removed["filters"]
    assert prunetext.load(pruned.path).predict(["common1 sign0a"]) in (["class 0"], ["class 1"])
    (tmp_path / "more.txt").write_text("other text\n")
    with pytest.raises(RunError, match="have changed since"):
        prune(tmp_path / "first", schedule="oneshot:units=0.4", out=tmp_path / "changed")
    assert not (tmp_path / "changed").exists()


def test_a_model_that_taught_itself_is_pruned_again_by_what_it_believed(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fit(files, out="first", labels_per_class=15, unlabelled="rest", **SMALL)
    assert any("learns from its own answers" in note for note in first.notes)
    assert Path("first/beliefs.safetensors").exists()

    told: list[str] = []
    pruned = prune("first", schedule="oneshot:units=0.5", out="pruned", progress=lambda name, now: told.append(name))
    assert pruned.path.exists()
    assert "teach itself" not in told
    assert sensitivity("first", groups="filters")


def test_a_model_teaches_itself_by_the_class_weights_that_it_is_trained_with(data: Data, tmp_path: Path) -> None:
    rare = [row for row, label in enumerate(data.train.labels) if label == "class 0" or row % 3 == 0]
    uneven = replace(data, train=data.train.subset(rare))
    (tmp_path / "more.txt").write_text("\n".join(f"common{at} sign{at % 4}b other{at}" for at in range(60)))

    def beliefs(name: str, **options: Any) -> Tensor:
        options = {**SMALL, "epochs": 8.0, "unlabelled": str(tmp_path / "more.txt"), **options}
        plan = plan_fit(uneven, None, None, tmp_path / name, None, options, QUICK)
        with Run(tmp_path / name, plan.recipe, overwrite=False) as run:
            lessons_of(plan, run, None)
            return load_file(run.path(BELIEFS))["beliefs"]

    alike, again, weighted = beliefs("alike"), beliefs("again"), beliefs("weighted", class_weights="balanced")
    assert torch.equal(alike, again)
    assert not torch.equal(alike, weighted)


def test_an_earlier_run_teaches_if_it_has_not_seen_what_is_judged(files: Path, toy_examples: Any) -> None:
    whole = toy_examples(160, seed=8)
    fit(whole, out="earlier", **SMALL)
    with pytest.raises(InputError, match="it was trained on the same texts with another split"):
        fit(whole, out="refused", teacher="earlier", **{**SMALL, "seed": 1})
    assert not Path("refused").exists()
    assert not any("may have seen texts" in note for note in fit(whole, out="same", teacher="earlier", **SMALL).notes)
    assert any("may have seen texts" in note for note in fit(files, out="other", teacher="earlier", **SMALL).notes)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"teacher": "nowhere"}, "teacher nowhere: there is no such file or folder"),
        ({"teacher": "answers.jsonl"}, "answers.jsonl, line 2: the probabilities sum to 0.8, not to 1"),
        ({"teacher": "others.jsonl"}, "others.jsonl, line 1: its labels are not those of train"),
        ({"unlabelled": "test.txt"}, "test.txt: 60 of the 60 test texts are in this unlabelled file"),
        ({"unlabelled": "rest"}, "unlabelled names rest"),
        ({"augment": 2.0}, "augment is given, but no teacher"),
        ({"teacher": "ngrams", "teacher_share": 2.0}, "teacher_share is 2.0: it must be from 0 to 1"),
        ({"teacher": "ngrams,"}, "teacher is 'ngrams,': it names nothing"),
        ({"labels_per_class": 0}, "labels_per_class is 0: it must be at least 1"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nothing_is_written(
    files: Path, data: Data, options: dict[str, Any], said: str
) -> None:
    assert data.test is not None
    distinct = list(dict.fromkeys(data.test.texts))
    said = said.replace("60 of the 60", f"{len(distinct)} of the {len(distinct)}")
    answers = [{"class 0": 0.5, "class 1": 0.5}, {"class 0": 0.5, "class 1": 0.3}]
    for name, rows in (("answers", answers), ("others", [{"class 0": 0.5, "other": 0.5}])):
        write_jsonl(
            Path(f"{name}.jsonl"), ({"text": f"text {at}", "probabilities": row} for at, row in enumerate(rows))
        )
    Path("test.txt").write_text("\n".join(data.test.texts) + "\n")
    with pytest.raises(InputError) as error:
        fit(files, out="out", **{**SMALL, **options})
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert not Path("out").exists()


def test_the_command_takes_what_the_function_takes(files: Path, call: Callable[..., Any]) -> None:
    small = ["--dimensions", 4, "--filters", 2, "--epochs", 1, "--max-size", "1MB"]
    done = call(
        "fit",
        files,
        "--out",
        "run",
        "--teacher",
        "ngrams",
        "--unlabelled",
        "more.txt",
        "--augment",
        1,
        *small,
        effort=QUICK,
    )
    assert done.code == 0, done.err
    assert "3 unlabelled texts were read." in done.out
    refused = call("fit", files, "--out", "new", "--teacher", "nowhere", *small)
    assert refused.code == 2
    assert refused.err.count("\n") == 1


def test_examples_in_memory_can_be_taught(toy_examples: Callable[..., Examples]) -> None:
    result = fit(toy_examples(150, seed=4), out="run", teacher="ngrams", **SMALL)
    assert result.path.exists()
