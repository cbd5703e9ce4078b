"""Pairs of texts, from a file to the packed model that ranks, with a teacher and without; and what is refused."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import prunetext
from helpers.tables import write_csv
from prunetext.cli import app as cli
from prunetext.data.dataset import Examples
from prunetext.fitting.finishing import Result
from prunetext.modelfiles.trained import read_trained
from prunetext.models.textcnn.pair import PairCNN
from prunetext.models.textcnn.reading import encode_inputs
from prunetext.models.textcnn.rounding import rounding_of
from prunetext.training.answering import logits

SMALL = {"dimensions": 8, "filters": 8, "epochs": 15, "max_size": "1MB"}
OPINIONS = {"great": "superb", "dull": "boring", "moving": "touching", "weak": "feeble"}
SUBJECTS = ("film", "plot", "cast", "score", "ending", "story", "song", "scene")
Rows = list[tuple[str, str, str]]


def some_rows() -> Rows:
    """Pairs of texts about the same thing, and pairs about different ones."""
    rows = []
    for (one, other), number, more in itertools.product(
        OPINIONS.items(), range(8), ("today", "again", "tonight", "then")
    ):
        first = f"the {SUBJECTS[number]} was {one} {more}"
        rows.append((first, f"a {other} {SUBJECTS[number]}", "yes"))
        rows.append((first, f"a {other} {SUBJECTS[number - 3]}", "no"))
    return rows


def write_rows(path: Path, rows: Rows, names: tuple[str, ...] = ("question", "answer", "label")) -> Path:
    return write_csv(path, rows, names)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A run on pairs, and what it ended with."""
    folder = tmp_path_factory.mktemp("pairs")
    data = write_rows(folder / "data.csv", some_rows())
    return folder, prunetext.fit(data, out=folder / "run", **SMALL)


@pytest.fixture
def failed(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must end with one sentence, and give that."""

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as exit_:
            cli.main(list(arguments))
        said = capsys.readouterr().err
        assert exit_.value.code == 2, said
        assert said.count("\n") == 1
        return said

    return run


def test_the_packed_model_learns_pairs_and_answers_as_the_rounded_one(fitted: tuple[Path, Result]) -> None:
    folder, result = fitted
    assert result.score.accuracy > 0.8
    clf = prunetext.load(result.path)
    assert (clf.task, clf.labels, clf.metadata["positive"]) == ("pairs", ["no", "yes"], '"yes"')
    inputs = [(first, second) for first, second, _ in some_rows()] + [("", ""), ("unseen words", "words unseen")]
    found = read_trained(folder / "run" / "pruned.safetensors")
    assert isinstance(found.model, PairCNN)
    rounded = found.model.eval()
    rounded.rounding = rounding_of(rounded, clf.metadata["table"])
    with rounded.on_grid():
        scores = logits(rounded, encode_inputs(found.reader.vocabulary(), inputs))
    assert clf.predict(inputs) == [clf.labels[at] for at in scores.argmax(1).tolist()]
    temperature = float(clf.metadata["temperature"])
    np.testing.assert_allclose(clf.predict_proba(inputs), (scores / temperature).softmax(1), atol=1e-4)


def test_stored_vectors_are_those_of_texts_by_themselves_and_are_ranked(fitted: tuple[Path, Result]) -> None:
    folder, result = fitted
    clf = prunetext.load(result.path)
    stored = sorted({second for _, second, _ in some_rows()})
    vectors = clf.encode(stored)
    found = read_trained(folder / "run" / "pruned.safetensors")
    rounded = found.model.eval()
    assert isinstance(rounded, PairCNN)
    rounded.rounding = rounding_of(rounded, clf.metadata["table"])
    ids = encode_inputs(found.reader.vocabulary(), [(each, each) for each in stored]).take(np.arange(len(stored)))
    with torch.no_grad(), rounded.on_grid():
        np.testing.assert_allclose(vectors, rounded.vectors_of(ids)[::2], rtol=1e-3, atol=1e-3)
    ranked = clf.match("the film was great today", vectors, top=len(stored), texts=stored)
    places, probabilities = zip(*ranked, strict=True)
    assert len(set(places)) == min(len(stored), 100)
    assert list(probabilities) == sorted(probabilities, reverse=True)
    pairs = [("the film was great today", stored[place]) for place in places]
    np.testing.assert_allclose(probabilities, clf.predict_proba(pairs)[:, 1], atol=1e-5)


def test_a_run_on_pairs_is_pruned_again_and_evaluated(fitted: tuple[Path, Result], tmp_path: Path) -> None:
    folder, result = fitted
    again = prunetext.prune(folder / "run", max_drop=20.0, criterion="taylor", out=tmp_path / "again")
    assert again.size < result.size
    assert again.score.n == result.score.n
    found = prunetext.evaluate(again.path, folder / "data.csv", split="test", metric="map")
    assert found.score == again.score
    rows = prunetext.sensitivity(folder / "run", groups="dimensions,filters")
    assert {row.group for row in rows} >= {"dimensions"}


def test_pairs_learn_from_teachers_of_all_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRUNETEXT_CACHE", str(tmp_path / "cache"))
    rows = some_rows()
    data = write_rows(tmp_path / "data.csv", rows)
    with (tmp_path / "answers.jsonl").open("w") as file:
        for first, second, label in rows:
            likely = {"yes": 0.9, "no": 0.1} if label == "yes" else {"yes": 0.1, "no": 0.9}
            file.write(json.dumps({"text": first, "text_b": second, "probabilities": likely}) + "\n")
    (tmp_path / "more.txt").write_text("a great film today\ta superb film\nwhat a song\ta song\n")
    quick = {**SMALL, "epochs": 1}
    taught = prunetext.fit(
        data, teacher="ngrams", unlabelled=str(tmp_path / "more.txt"), augment=1.0, out=tmp_path / "taught", **quick
    )
    assert any("2 unlabelled" in note for note in taught.notes)
    answered = prunetext.fit(data, teacher=str(tmp_path / "answers.jsonl"), out=tmp_path / "answered", **quick)
    assert answered.score.n == taught.score.n
    prunetext.fit(data, teacher=str(tmp_path / "taught"), augment=0.0, out=tmp_path / "second", **quick)


def test_a_pair_is_predicted_from_lines_and_tables(
    fitted: tuple[Path, Result], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, result = fitted
    lines = tmp_path / "new.txt"
    lines.write_text("".join(f"{first}\t{second}\n" for first, second, _ in some_rows()))
    said = []
    for source in (lines, folder / "data.csv"):
        with pytest.raises(SystemExit) as exit_:
            cli.main(["predict", str(result.path), str(source)])
        assert exit_.value.code == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert said[0].count("\n") == len(some_rows())


def bad(name: str, rows: Rows) -> dict[str, Any]:
    """Files of which one is wrong, and words of the sentence that says so."""
    names = ("question", "answer", "label")
    whole = {"names": names, "rows": rows}
    return {
        "column": ({"names": ("question", "reply", "label"), "rows": rows}, ["one text", "--text-b"]),
        "empty": ({"names": names, "rows": [*rows[:5], ("a film", " ", "yes"), *rows[5:]]}, ["line 7", "answer"]),
        "label": ({"names": names, "rows": [*rows, ("a film", "a song", "maybe")]}, ["'maybe'", "line"]),
        "short": ({"names": names, "rows": [*rows, ("a film", "yes")]}, ["2 fields", "3"]),
        "whole": (whole, []),
    }[name]


@pytest.mark.parametrize("name", ["column", "empty", "label", "short"])
def test_bad_pairs_get_one_sentence_and_nothing_is_written(
    name: str, tmp_path: Path, failed: Callable[..., str]
) -> None:
    rows = some_rows()
    folder = tmp_path / "data"
    folder.mkdir()
    write_rows(folder / "train.csv", rows[:160])
    test, words = bad(name, rows[160:200])
    write_rows(folder / "test.csv", test["rows"], test["names"])
    said = failed("fit", str(folder), "--out", str(tmp_path / "run"))
    assert "test.csv" in said
    assert all(word in said for word in words), said
    assert not (tmp_path / "run").exists()


def test_other_rows_than_the_model_has_learnt_are_refused(
    fitted: tuple[Path, Result], tmp_path: Path, failed: Callable[..., str]
) -> None:
    _, result = fitted
    single = tmp_path / "single.csv"
    single.write_text("text,label\na film,yes\n")
    said = failed("evaluate", str(result.path), str(single))
    assert "one text" in said
    with pytest.raises(prunetext.InputError, match="pair"):
        prunetext.load(result.path).predict(["a film"])
    with pytest.raises(prunetext.InputError, match="Give as many of each"):
        Examples(["a", "b"], ["x", "y"], pairs=["c"])
    train = Examples(list("abcd") * 9, ["x", "y"] * 18, pairs=list("efghij") * 6)
    data = prunetext.Data(train, train, Examples(["a"], ["x"]))
    with pytest.raises(prunetext.InputError, match=r"test holds single texts .*, but train holds pairs of texts"):
        prunetext.fit(data, out=tmp_path / "mixed", **SMALL)
