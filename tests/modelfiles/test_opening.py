"""Whatever labels texts is opened by one function, and taken wherever a model is taken."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import prunetext
from helpers.commands import Call
from helpers.packing import pack
from helpers.runs import fit
from helpers.tables import write_csv, write_jsonl
from prunetext import Answering, Answers
from prunetext.data.dataset import Examples, Input
from prunetext.data.task import Task
from prunetext.peers import fasttext, fasttext_files
from prunetext.statistics.metrics import measure_of

LABELS = ["dull", "great"]
SMALL = {"dimensions": 4, "filters": 2, "widths": "1", "epochs": 3.0, "max_size": "1MB", "seed": 0}
KINDS = ("packed", "folder", "classifier", "float", "onnx", "table", "fasttext", "scikit-learn", "own")
FILES = ("packed", "folder", "float", "onnx", "table", "fasttext")


def rows(first: int, last: int) -> list[tuple[str, str]]:
    return [(f"word{row % 7} {LABELS[row % 2]} text {row}", LABELS[row % 2]) for row in range(first, last)]


TEST = Examples(*map(list, zip(*rows(100, 140), strict=True)))


class Opposite:
    """An object of the caller's own: it says the contrary of what stands in a text, its labels the other way round."""

    name, labels, task = "the contrary", LABELS[::-1], Task()
    provenance: Mapping[str, Any] = MappingProxyType({})

    def answers(self, inputs: Sequence[Input]) -> Answers:
        shares = [[0.8, 0.2] if "dull" in text else [0.1, 0.9] for text in inputs]
        return Answers.of(np.array(shares).reshape(-1, 2))


class Tuples(Opposite):
    """What answers with these arrays, and no `Answers`."""

    def __init__(self, *said: Any) -> None:
        self.said = said

    def answers(self, inputs: Sequence[Input]) -> Any:
        return self.said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run, its training texts in fastText's format, and answers in a file."""
    folder = tmp_path_factory.mktemp("opening")
    write_csv(folder / "train.csv", rows(0, 100))
    write_csv(folder / "test.csv", rows(100, 140))
    (folder / "lines.txt").write_text("".join(f"__label__{label} {text}\n" for text, label in rows(0, 100)), "utf-8")
    fit(folder / "train.csv", out=folder / "run", refit=False, **SMALL)  # a model that has learnt dev teaches nobody
    prunetext.export(folder / "run/dense.safetensors", folder / "model.onnx")
    answers = ({"text": text, "probabilities": {"great": 0.3, "dull": 0.7}} for text, _ in rows(0, 140))
    write_jsonl(folder / "table.jsonl", answers)
    return folder


@pytest.fixture(scope="module")
def make(folder: Path) -> Callable[[str], Any]:
    """A model of each kind, as a user gives it."""

    def made(kind: str) -> Any:
        if kind == "fasttext":
            pytest.importorskip("fasttext")
            path, lines = folder / "fasttext.bin", str(folder / "lines.txt")
            options = {"dim": 4, "lr": 0.5, "epoch": 20}
            assert path.exists() or any(fasttext.trained(path, lines, options) for _ in range(9)), "its NaN won"
            return path
        if kind == "scikit-learn":
            text = pytest.importorskip("sklearn.feature_extraction.text")
            from sklearn.linear_model import LogisticRegression
            from sklearn.pipeline import make_pipeline

            return make_pipeline(text.TfidfVectorizer(), LogisticRegression()).fit(*zip(*rows(0, 100), strict=True))
        files = {"packed": "run/model.safetensors", "float": "run/dense.safetensors", "folder": "run"}
        if kind == "classifier":
            return prunetext.load(folder / files["packed"])
        return Opposite() if kind == "own" else folder / {**files, "onnx": "model.onnx", "table": "table.jsonl"}[kind]

    return made


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_answers_in_one_form(make: Callable[[str], Any], kind: str) -> None:
    model = prunetext.open_model(make(kind))
    assert isinstance(model, Answering)
    assert (sorted(model.labels), model.task) == (LABELS, Task())
    assert model.name
    probabilities, chosen = answers = model.answers(TEST.texts)
    assert probabilities.shape == chosen.shape == (40, 2)
    assert (chosen.dtype, chosen.sum(1).tolist()) == (bool, [1] * 40)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-4)
    assert (probabilities[chosen] >= probabilities.max(1) - 1e-6).all()
    assert answers.reordered(model.labels, LABELS).chosen.argmax(1).tolist() == [
        LABELS.index(label) for label in answers.named(model.labels, several=False)
    ]
    assert [len(each) for each in model.answers([])] == [0, 0]
    few = model.answers(TEST.texts[3:5])
    np.testing.assert_allclose(few.probabilities, probabilities[3:5], atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_evaluated_and_compared_with(make: Callable[[str], Any], kind: str) -> None:
    model = prunetext.open_model(make(kind))
    said = model.answers(TEST.texts).reordered(model.labels, LABELS)
    found = prunetext.evaluate(make(kind), TEST, against=make("packed"))
    assert found.score.accuracy == measure_of(None, TEST, LABELS).value(said)
    assert found.calibration_error is not None
    assert found.verdict is not None
    back = prunetext.evaluate(make("packed"), TEST, against=make(kind))
    assert back.verdict is not None
    assert back.verdict.drop == -found.verdict.drop


@pytest.mark.parametrize("kind", FILES)
def test_every_file_teaches(make: Callable[[str], Any], folder: Path, tmp_path: Path, kind: str) -> None:
    taught = fit(
        folder / "train.csv", teacher=str(make(kind)), augment=0.0, out=tmp_path / "run", overwrite=True, **SMALL
    )
    assert taught.score.n > 0


@pytest.mark.parametrize("kind", ["folder", "onnx", "fasttext"])
def test_every_file_is_measured(make: Callable[[str], Any], folder: Path, kind: str) -> None:
    found = prunetext.bench(make(kind), folder / "test.csv", peers="none", passes=1, starts=1)
    ours = found.rows[0]
    assert (ours.kind, ours.name) == (
        "model",
        {"onnx": "model.onnx", "fasttext": "fasttext.bin"}.get(kind, "prunetext"),
    )
    assert ours.accuracy == prunetext.evaluate(make(kind), folder / "test.csv").score.accuracy
    assert ours.bytes is not None


def test_a_table_is_nothing_to_measure(make: Callable[[str], Any], folder: Path) -> None:
    with pytest.raises(prunetext.InputError, match="a file of probabilities cannot be measured"):
        prunetext.bench(make("table"), folder / "test.csv", peers="none")


@pytest.mark.parametrize("kind", ["table", "fasttext", "onnx"])
def test_what_is_no_model_of_ours_is_not_exported(make: Callable[[str], Any], tmp_path: Path, kind: str) -> None:
    with pytest.raises(prunetext.InputError, match=r"this is not a prunetext model\. Give a file"):
        prunetext.export(make(kind), tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_several_labels_are_chosen_by_the_model_s_thresholds(random_model: Callable[..., Any], tmp_path: Path) -> None:
    words, texts, limits = ["film", "great", "dull"], ["film", "a great film", "", "dull dull great"], [0.5, 0.3, 0.8]
    path = tmp_path / "model.safetensors"
    pack(random_model(words=3, classes=3), words, ["a", "b", "c"], path, thresholds=limits)
    packed = prunetext.open_model(path)
    probabilities, chosen = answers = packed.answers(texts)
    assert packed.task == Task(answer="labels")
    assert (chosen == (probabilities.astype(float) >= limits)).all()
    assert answers.named(packed.labels, several=True) == [tuple(each) for each in prunetext.load(path).predict(texts)]


def test_an_object_may_answer_with_a_plain_tuple() -> None:
    said = Opposite().answers(TEST.texts)
    found = [prunetext.evaluate(model, TEST) for model in (Opposite(), Tuples(*said))]
    assert found[0] == found[1]


def test_provenance_says_where_a_model_comes_from(make: Callable[[str], Any]) -> None:
    for kind in ("packed", "float"):
        recipe = prunetext.open_model(make(kind)).provenance["recipe"]
        assert recipe["seed"] == 0
    assert prunetext.open_model(make("onnx")).provenance == {}


def test_texts_that_a_table_does_not_hold_are_named(make: Callable[[str], Any]) -> None:
    more = dataclasses.replace(TEST, texts=[*TEST.texts[:-1], "unheard of"])
    with pytest.raises(
        prunetext.InputError, match=r"has no answer to 1 of the 40 texts, such as 'unheard of'\. Give a"
    ):
        prunetext.evaluate(make("table"), more)


def other_labels(folder: Path) -> Any:
    return write_jsonl(folder / "other.jsonl", [{"text": "a", "probabilities": {"x": 0.5, "y": 0.5}}])


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            lambda folder: folder / "train.csv",
            r"line 1: there is no column 'probabilities' among .*\. Write rows such",
        ),
        (lambda folder: folder / "lines.txt", "this is not a model file, or it is cut off"),
        (other_labels, "its labels are not those of .*other.jsonl. Compare models with equal labels"),
        (lambda folder: SimpleNamespace(predict=len), "the model is a SimpleNamespace that has no classes_. Give the"),
        (lambda folder: SimpleNamespace(classes_=[0, 1]), "is a SimpleNamespace that has no predict_proba. Give the"),
        (lambda folder: folder, "holds no finished run"),
        (
            lambda folder: SimpleNamespace(classes_=[[0, 1]], predict_proba=len),
            "is a SimpleNamespace that gives several",
        ),
        (
            lambda folder: SimpleNamespace(classes_=["great", "dull"], predict_proba=len),
            "does not take texts|does not give",
        ),
        (lambda folder: Tuples([], []), "two arrays, of floats and of bools, with 40 rows of 2 labels"),
        (lambda folder: Tuples(np.eye(2)[[0] * 40], np.ones((40, 2), bool)), "it must choose one label for each text"),
    ],
)
def test_what_is_no_model_is_refused(
    folder: Path, make: Callable[[str], Any], given: Callable[[Path], Any], sentence: str
) -> None:
    with pytest.raises(prunetext.InputError, match=sentence):
        prunetext.evaluate(given(folder), TEST, against=make("packed"))


STRANGE = {
    "no labels": {"labels": None},
    "no vocabulary": {"vocabulary": None},
    "no JSON": {"labels": "x"},
    "a label too many": {"labels": '["dull", "great", "so"]'},
    "one label twice": {"labels": '["dull", "dull"]'},
    "a threshold too few": {"thresholds": "[0.5]"},
    "thresholds that are none": {"thresholds": '"x"'},
    "a word too many": {"vocabulary": json.dumps([f"word{number}" for number in range(9999)] + ["a"])},
}


@pytest.mark.parametrize("strange", [*STRANGE, "text"])
def test_a_strange_onnx_file_is_refused(make: Callable[[str], Any], tmp_path: Path, strange: str) -> None:
    onnx = pytest.importorskip("onnx")
    path = tmp_path / "model.onnx"
    if strange == "text":
        path.write_text("a b c")
    else:
        model = onnx.load(make("onnx"))
        said = {each.key: each.value for each in model.metadata_props} | STRANGE[strange]
        del model.metadata_props[:]
        for key, value in said.items():
            if value is not None:
                model.metadata_props.add(key=key, value=value)
        onnx.save(model, path)
    with pytest.raises(prunetext.ModelFileError, match="this is not an ONNX file of prunetext, or it is damaged"):
        prunetext.open_model(path)


@pytest.mark.parametrize("damage", ["cut off", "unsupervised"])
def test_a_fasttext_file_that_labels_nothing_is_refused(
    make: Callable[[str], Any], folder: Path, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "model.bin"
    if damage == "cut off":
        path.write_bytes(make("fasttext").read_bytes()[:200])
    else:
        module = pytest.importorskip("fasttext")
        module.train_unsupervised(str(folder / "lines.txt"), dim=4, epoch=1, minCount=1, verbose=0).save_model(
            str(path)
        )
    with pytest.raises(prunetext.ModelFileError, match="fastText cannot read it, or it labels nothing"):
        fasttext_files.fasttext_file(path, patience=5.0)


def test_a_missing_file_is_said_so(call: Call, tmp_path: Path) -> None:
    for name in ("model.onnx", "model.safetensors", "answers.jsonl"):
        done = call("evaluate", tmp_path / name, tmp_path / "data.csv")
        assert (done.code, done.out) == (2, "")
        assert done.err.lower().count("no such file or directory") == 1


def test_the_command_takes_them_too(call: Call, folder: Path) -> None:
    against = ("--against", folder / "run/model.safetensors")
    done = call("evaluate", folder / "table.jsonl", folder / "test.csv", *against, "--json", "--lenient")
    assert done.code == 0
    assert json.loads(done.out)["against"]["n"] == 40


def test_packed_and_float_models_list_the_words_that_they_know(make: Callable[[str], Any], folder: Path) -> None:
    packed, dense = (prunetext.open_model(make(kind)).words() for kind in ("packed", "float"))  # type: ignore[attr-defined]
    every = prunetext.inspect(make("packed"), words=10_000)
    assert len(packed[0]) == every.words
    assert set(packed[0]) <= set(dense[0])
    assert packed[1] == dense[1] == every.tokenizer
    assert prunetext.open_model(make("packed").read_bytes()).words is None  # type: ignore[attr-defined]
