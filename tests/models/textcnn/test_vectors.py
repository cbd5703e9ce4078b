"""A fit that starts from word vectors of a file, from trained ones, or from one-hot words, and is pruned again."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import prunetext
from helpers.kills import KilledError, kill, stop_at
from helpers.runs import QUICK, change_state, fit, prune
from prunetext.data.dataset import Data
from prunetext.errors import InputError, RunError
from prunetext.fitting.api import Result

SMALL = {
    "teacher": "none",
    "filters": 4,
    "widths": "1,2",
    "epochs": 2.0,
    "schedule": "oneshot:units=0.4",
    "min_count": 1,
}


@pytest.fixture(scope="module")
def data(toy_data: Callable[..., Data]) -> Data:
    return toy_data(train=96, dev=40, test=40, classes=2, noise=0.05)


def words_of(data: Data) -> list[str]:
    return sorted({word for text in data.train.texts for word in text.split()})


@pytest.fixture
def file(data: Data, tmp_path: Path) -> Path:
    """Vectors of all words but three, in the format of GloVe."""
    rng = np.random.default_rng(0)
    rows = [f"{word.title()} {' '.join(map(str, rng.normal(0, 0.3, 6).round(3)))}\n" for word in words_of(data)[:-3]]
    (tmp_path / "vectors.txt").write_text("".join(rows), "utf-8")
    return tmp_path / "vectors.txt"


def run(data: Data, out: Path, **options: Any) -> Result:
    return fit(data, out=out, **{**SMALL, **options})


def covered(result: Result) -> str:
    return next(note for note in result.notes if note.startswith("Word vectors: "))


def test_a_file_gives_the_same_model_as_its_vectors_and_says_what_it_covers(
    data: Data, file: Path, tmp_path: Path
) -> None:
    result = run(data, tmp_path / "run", vectors=file)
    count = len(words_of(data))
    assert covered(result).startswith(f"Word vectors: {count - 3} of {count} words of the vocabulary (")
    assert covered(result).endswith(" % of the running words of train) have one.")
    folder = result.path.parent
    assert json.loads((folder / "result.json").read_text("utf-8"))["notes"] == result.notes
    assert json.loads((folder / "source.json").read_text("utf-8"))["vectors"] == str(file)
    assert json.loads((folder / "recipe.json").read_text("utf-8"))["dimensions"] == 6
    assert str(file).encode() not in result.path.read_bytes()
    rows = {line.split()[0].lower(): np.array(line.split()[1:], float) for line in file.read_text("utf-8").splitlines()}
    again = run(data, tmp_path / "again", vectors=rows)
    assert again.path.read_bytes() == result.path.read_bytes()
    smaller = run(data, tmp_path / "smaller", vectors=str(file), dimensions=4)
    assert load_file(smaller.path.with_name("dense.safetensors"))["embedding"].shape == (count + 2, 4)


def test_a_killed_run_goes_on_with_the_same_vectors_alone(data: Data, file: Path, tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        run(data, tmp_path / "run", vectors=file, progress=kill)
    before = file.read_text("utf-8")
    file.write_text(before.replace("0.1", "0.2"), "utf-8")
    with pytest.raises(RunError, match="unfinished run that differs in vectors"):
        run(data, tmp_path / "run", vectors=file)
    file.write_text(before, "utf-8")
    resumed = run(data, tmp_path / "run", vectors=file)
    assert resumed.path.read_bytes() == run(data, tmp_path / "whole", vectors=file).path.read_bytes()


def test_a_schedule_that_begins_untrained_reads_the_vectors_again(data: Data, file: Path, tmp_path: Path) -> None:
    first = run(data, tmp_path / "run", vectors=file).path.parent
    options = {"data": data, "schedule": "lottery", "max_size": "2.9kB"}
    result = prune(first, out=tmp_path / "again", **options)
    assert result.size <= 2_900
    source = json.loads((tmp_path / "again" / "source.json").read_text("utf-8"))
    assert source["vectors"] == str(file)
    file.write_text(file.read_text("utf-8").replace("0.1", "0.2"), "utf-8")
    with pytest.raises(RunError, match=r"vectors\.txt: the vectors have changed since .*again, and schedule lottery"):
        prune(tmp_path / "again", out=tmp_path / "no", **options)
    file.unlink()
    with pytest.raises(InputError, match=r"vectors\.txt: there is no such file"):
        prune(first, out=tmp_path / "no", **options)
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("kind", ["word2vec", "fasttext"])
def test_trained_vectors_are_the_start_and_are_trained_again(data: Data, tmp_path: Path, kind: str) -> None:
    pytest.importorskip("gensim", reason="gensim is not installed")
    result = run(data, tmp_path / "run", train_vectors=kind, dimensions=5, channels="static")
    assert "(100.0 % of the running words" in covered(result)
    drawn = run(data, tmp_path / "drawn", dimensions=5, channels="static")
    one, other = (load_file(each.path.with_name("dense.safetensors"))["embedding"] for each in (result, drawn))
    assert one.shape == other.shape == (len(words_of(data)) + 2, 5)
    assert not torch.equal(one, other)
    assert prune(result.path.parent, out=tmp_path / "again", data=data, schedule="lottery", max_size="2.9kB").size
    change_state(tmp_path / "run", "recipe.json", lambda text: text.replace('"vectors": "', '"vectors": "0'))
    with pytest.raises(RunError, match=rf"^Word vectors that {kind} trains have changed since "):
        prune(result.path.parent, out=tmp_path / "no", data=data, schedule="lottery", max_size="2.9kB")


def test_one_hot_words_are_trained_pruned_packed_and_loaded(data: Data, tmp_path: Path) -> None:
    result = run(data, tmp_path / "run", dimensions=0, epochs=8.0)
    assert result.judged.dense.score.accuracy > 0.7
    assert min(result.removed["vocabulary"], result.removed["dimensions"]) > 0.3
    assert data.test is not None
    right = np.array(prunetext.load(result.path).predict(data.test.texts)) == np.array(data.test.labels)
    assert right.mean() == result.score.accuracy
    dense = load_file(result.path.with_name("dense.safetensors"))["embedding"]
    assert torch.equal(dense[2:], torch.eye(len(words_of(data))))
    small = load_file(result.path.with_name("pruned.safetensors"))["embedding"]
    assert torch.equal(small.sum(1) <= 1, torch.ones(len(small), dtype=torch.bool)), "still static"
    options = {"data": data, "schedule": "lottery", "max_size": "2.9kB"}
    assert prune(tmp_path / "run", out=tmp_path / "again", **options).size <= 2_900


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"vectors": "absent.txt"}, "absent.txt: there is no such file or folder."),
        ({"vectors": ["film"]}, "vectors is list. Give a file, or a mapping of words to vectors."),
        ({"vectors": {"common1": [1.0]}, "train_vectors": "word2vec"}, "vectors and train_vectors are both given."),
        ({"vectors": {"common1": [1.0]}, "dimensions": 2}, "dimensions is 2, but the given vectors have 1."),
        (
            {"vectors": "absent.txt", "dimensions": 0},
            "dimensions is 0, which means one-hot words, but vectors is given.",
        ),
        (
            {"train_vectors": "word2vec", "dimensions": 0},
            "dimensions is 0, which means one-hot words, but train_vectors",
        ),
        ({"train_vectors": "glove"}, "train_vectors is 'glove': it must be word2vec or fasttext."),
        ({"channels": "both", "dimensions": 0}, "dimensions is 0, which means one-hot words, but channels is both."),
        ({"dimensions": -1}, "dimensions is -1: it must be from 0 to 4096."),
    ],
)
def test_what_does_not_go_together_is_one_sentence_and_nothing_is_written(
    data: Data, tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError) as error:
        run(data, tmp_path / "run", **options)
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_the_command_takes_them_and_prints_what_they_cover(
    file: Path, data: Data, tmp_path: Path, call: Callable[..., Any]
) -> None:
    rows = [f"__label__{label[-1]} {text}\n" for text, label in zip(data.train.texts, data.train.labels, strict=True)]
    (tmp_path / "toy.txt").write_text("".join(rows), "utf-8")
    given = ("--filters", 2, "--epochs", 1, "--schedule", "oneshot:units=0.5", "--vectors", file)
    done = call("fit", tmp_path / "toy.txt", "--out", tmp_path / "run", *given, effort=QUICK)
    assert done.code == 0, done.err
    assert "Word vectors: " in done.out
    refused = call("fit", tmp_path / "toy.txt", "--out", tmp_path / "no", *given, "--train-vectors", "word2vec")
    assert (refused.code, refused.err) == (2, "vectors and train_vectors are both given. Leave one of the two out.\n")


def test_vectors_that_have_no_time_are_left_out_with_a_note_and_the_run_resumes(data: Data, tmp_path: Path) -> None:
    options = {**SMALL, "dimensions": 4, "train_vectors": "word2vec", "max_time": "5s", "out": tmp_path / "run"}
    long_ago = time.monotonic() - 1000
    with pytest.raises(KilledError):
        fit(data, began=long_ago, progress=stop_at("train", 1), **options)
    result = fit(data, began=long_ago, **options)
    assert "The training of word vectors was cut short: its part of max_time was used up." in result.notes
    recipe = json.loads(result.path.with_name("recipe.json").read_text("utf-8"))
    assert recipe["vectors"] == "cut short"
