"""Texts with several labels: the whole way from lists of labels to lists of labels."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

import prunetext
from helpers.runs import fit, prune
from helpers.tables import write_jsonl
from prunetext.data.dataset import Data, Examples, count_flaws
from prunetext.errors import InputError
from prunetext.fitting.api import Result

SMALL = {"dimensions": 12, "filters": 6, "widths": "1,2", "epochs": 8.0, "max_drop": 5.0}
LABELS = ["anger", "joy", "love", "rare"]
SHARES = {"anger": 0.3, "joy": 0.5, "love": 0.3, "rare": 0.05}


def examples(texts: int, seed: int) -> Examples:
    """Common words, and one for each label that a text has; every twentieth label is left out."""
    random = Random(seed)
    rows: list[tuple[str, list[str]]] = []
    for number in range(texts):
        own = [label for label in LABELS if random.random() < SHARES[label] or (label == "rare" and number % 25 == 0)]
        words = [f"common{random.randrange(12)}" for _ in range(random.randint(2, 9))] + [f"of_{each}" for each in own]
        random.shuffle(words)
        rows.append((" ".join(words), [label for label in own if random.random() > 0.05]))
    return Examples([text for text, _ in rows], [labels for _, labels in rows])  # type: ignore[misc]


@pytest.fixture(scope="module")
def data() -> Data:
    parts = [examples(size, seed) for seed, size in enumerate((300, 150, 150))]
    return Data(*parts, name="toy", report=count_flaws(*parts))


@pytest.fixture(scope="module")
def run(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A finished run; no test changes it."""
    return fit(data, out=tmp_path_factory.mktemp("run"), **SMALL)


@pytest.fixture
def rows(data: Data, tmp_path: Path) -> Path:
    """The texts of test as a file."""
    assert data.test is not None
    rows = zip(data.test.texts, data.test.label_lists, strict=True)
    return write_jsonl(tmp_path / "new.jsonl", ({"text": text, "labels": own} for text, own in rows))


def test_a_run_ends_with_a_model_that_gives_lists(data: Data, run: Result) -> None:
    classifier = prunetext.load(run.path)
    assert (classifier.task, classifier.labels) == ("labels", LABELS)
    assert classifier.predict(["of_joy common1 of_love", "common1 common2"]) == [["joy", "love"], []]
    assert data.test is not None
    given: Any = classifier.predict(data.test.texts)
    right = [tuple(each) == truth for each, truth in zip(given, data.test.label_lists, strict=True)]
    assert run.score.accuracy == pytest.approx(np.mean(right))
    assert run.score.accuracy > 0.6
    assert run.judged.metric == "micro-f1"
    assert run.judged.packed.value > 0.85


def test_the_result_tells_the_damage_of_each_label(run: Result) -> None:
    result = json.loads((run.path.parent / "result.json").read_text("utf-8"))
    assert {each["label"] for each in result["damage"]} == set(LABELS)
    drops = [each["drop"] for each in result["damage"]]
    assert drops == sorted(drops, reverse=True)
    for name in ("dense", "packed"):
        values = {each["label"]: each[name] for each in result["damage"]}
        assert result[name]["macro_f1"] == pytest.approx(np.mean(list(values.values())))
        assert result[name]["micro_f1"] == result[name]["value"]
    assert 0 < result["calibration"]["after"] < 0.2
    assert result["calibration"]["rejection"] is None


def test_thresholds_are_those_of_dev_and_stand_in_every_file(data: Data, run: Result) -> None:
    from prunetext.statistics.thresholds import tuned

    classifier = prunetext.load(run.path)
    assert data.dev is not None
    gold = np.array([[label in own for label in LABELS] for own in data.dev.label_lists])
    assert classifier.thresholds == tuned(classifier.predict_proba(data.dev.texts), gold).tolist()
    for name in ("dense", "pruned"):
        with safe_open(run.path.parent / f"{name}.safetensors", framework="np") as file:
            metadata = file.metadata()
        assert metadata["task"] == "labels"
        assert len(json.loads(metadata["thresholds"])) == len(LABELS)


def test_evaluate_judges_packed_and_float_alike(data: Data, run: Result, rows: Path) -> None:
    found = prunetext.evaluate(run.path, rows, against=run.path.parent / "dense.safetensors", max_drop=5.0)
    assert (found.metric, found.value) == ("micro-f1", run.judged.packed.value)
    assert found.reference_value == run.judged.dense.value
    assert found.verdict.doubted(run.verdict.doubt) == run.verdict
    assert found.score == run.score
    assert found.micro_f1 == found.fields()["micro_f1"] == found.value
    assert found.calibration_error == pytest.approx(run.calibration.after)
    assert [each.label for each in found.per_class] == LABELS
    assert data.test is not None
    odd = Examples(data.test.texts, [["joy", "unheard of"]] * len(data.test))  # type: ignore[list-item]
    with pytest.raises(InputError, match="the label 'unheard of' is not one of the model's"):
        prunetext.evaluate(run.path, odd)


def test_a_line_has_each_label_and_its_probability(run: Result, tmp_path: Path, call: Callable[..., Any]) -> None:
    (tmp_path / "texts.txt").write_text("of_joy common1 of_love\ncommon1 common2\nof_anger\n", "utf-8")
    done = call("predict", run.path, tmp_path / "texts.txt")
    first, second, third = done.out.split("\n")[:3]
    cells = first.split("\t")
    assert (done.code, cells[::2], second, third.split("\t")[0]) == (0, ["joy", "love"], "", "anger")
    assert all(0 < float(each) <= 1 for each in cells[1::2])
    answers: Any = list(prunetext.predict(run.path, tmp_path / "texts.txt"))
    assert [[label for label, _ in each] for each in answers] == [["joy", "love"], [], ["anger"]]


def test_what_is_printed_of_a_run_and_a_file(run: Result, rows: Path, call: Callable[..., Any]) -> None:
    from prunetext.cli import tables as console

    assert "labels have a lower F1" in console._worst(run.judged.damages) or "No label" in console._worst(
        run.judged.damages
    )
    assert "several labels a text" in call("inspect", run.path).out
    said = call("evaluate", run.path, rows).out
    assert said.count("micro-F1") == 1
    assert "rare" in said
    done = call("predict", run.path, rows, "--reject")
    assert (done.code, "leave reject out" in done.err) == (2, True)


@pytest.mark.parametrize("schedule", ["lottery", "oneshot:units=0.5"])
def test_it_is_pruned_again_by_other_methods(data: Data, run: Result, tmp_path: Path, schedule: str) -> None:
    again = prune(run.path.parent, data=data, out=tmp_path / "run", criterion="taylor", schedule=schedule)
    assert prunetext.load(again.path).task == "labels"
    assert again.judged.dense.value == run.judged.dense.value


@pytest.mark.parametrize("name", ["model.safetensors", "dense.safetensors"])
def test_it_is_exported_with_its_thresholds(run: Result, tmp_path: Path, name: str) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    done = prunetext.export(run.path.parent / name, tmp_path / "model.onnx")
    assert done.apart < 1e-5
    session = runtime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    thresholds = np.array(json.loads(metadata["thresholds"]))
    ids = prunetext.Encoder(json.loads(metadata["vocabulary"])).encode(["of_joy common1 of_love", "common1"])
    (found,) = session.run(None, {"ids": ids})
    chosen = [[LABELS[at] for at in np.flatnonzero(row)] for row in found >= thresholds]
    assert chosen == [["joy", "love"], []]


@pytest.mark.parametrize("teacher", ["ngrams", "ensemble:1", "run", "file"])
def test_teachers_speak_of_each_label_by_itself(
    data: Data, run: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, teacher: str
) -> None:
    if teacher in ("ngrams", "ensemble:1"):
        pytest.importorskip("sklearn")
    monkeypatch.setenv("PRUNETEXT_CACHE", str(tmp_path / "cache"))
    name = teacher
    if teacher == "run":
        name = str(run.path.parent)
    elif teacher == "file":
        name = str(tmp_path / "answers.jsonl")
        given = ({label: 0.9 if label in own else 0.05 for label in LABELS} for own in data.train.label_lists)
        rows = zip(data.train.texts, given, strict=True)
        write_jsonl(Path(name), ({"text": text, "probabilities": each} for text, each in rows))
    taught = fit(data, out=tmp_path / "run", teacher=name, augment=None if teacher == "file" else 0.5, **SMALL)
    assert taught.judged.packed.value > 0.8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": 0.9}, "precision is 0.9, but these texts have several labels"),
        (
            {"class_weights": "balanced"},
            "class_weights is balanced, but these texts have several labels, each learnt by itself",
        ),
        ({"labels_per_class": 3}, "labels_per_class is given, but these texts have several labels"),
        ({"metric": "map"}, "metric is map, which needs pairs"),
    ],
)
def test_what_goes_with_one_label_alone_is_refused(
    data: Data, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        fit(data, out=tmp_path / "run", **{**SMALL, **options})
    assert not (tmp_path / "run").exists()


def test_texts_of_its_own_kind_are_wanted(data: Data, tmp_path: Path, toy_examples: Callable[..., Any]) -> None:
    (tmp_path / "more.txt").write_text("common1 common2\n" * 5, "utf-8")
    with pytest.raises(InputError, match="unlabelled without a teacher is given"):
        fit(data, out=tmp_path / "run", unlabelled=str(tmp_path / "more.txt"), **SMALL)
    single = Data(data.train, toy_examples(20), toy_examples(20))
    with pytest.raises(InputError, match=r"dev holds .* with one label each, but train .* several labels each"):
        fit(single, out=tmp_path / "run", **SMALL)
    odd = Data(data.train, Examples(["a"], [["new"]]), data.test)  # type: ignore[list-item]
    with pytest.raises(InputError, match="the label 'new' of dev never occurs in train"):
        fit(odd, out=tmp_path / "run", **SMALL)
    pairs = Data(Examples(["a", "b"], [["x"], ["y"]], ["c", "d"]))  # type: ignore[list-item]
    with pytest.raises(InputError, match="pairs of texts cannot have several labels"):
        fit(Data(pairs.train, pairs.train, pairs.train), out=tmp_path / "run", **SMALL)
    assert not (tmp_path / "run").exists()


def test_other_commands_say_that_they_do_not_know_several_labels(data: Data, run: Result, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="several labels each, but bench takes only single texts"):
        prunetext.bench(run.path, data, peers="none")
    with pytest.raises(InputError, match="several labels each, but compare takes only single texts"):
        prunetext.compare(data, out=tmp_path / "compared")
    one = Examples(data.train.texts, [LABELS[at % 4] for at in range(len(data.train))])
    with pytest.raises(InputError, match="its task is labels, but that of train is classification"):
        fit(Data(one, one, one), out=tmp_path / "run", teacher=str(run.path.parent), **SMALL)


def test_what_nothing_can_be_learnt_or_judged_of_is_one_sentence(tmp_path: Path) -> None:
    texts = [f"a film {number}" for number in range(80)]
    everywhere = Examples(texts, [["x", "y"], ["y"]] * 40)
    with pytest.raises(InputError, match="every text of train has the label 'y'"):
        prunetext.fit(everywhere, teacher="ngrams", out=tmp_path / "run", epochs=1, filters=2)
    silent = Data(Examples(texts, [["x"], ["y"]] * 40), test=Examples(["a film"], [[]]))
    with pytest.raises(InputError, match="micro-F1 cannot be measured on test"):
        prunetext.fit(silent, out=tmp_path / "run", epochs=1, filters=2)


def test_models_of_other_tasks_are_not_compared(run: Result, tmp_path: Path) -> None:
    labels = prunetext.load(run.path).labels
    texts = [f"a {label} film {number}" for number in range(60) for label in labels]
    single = fit(
        Examples(texts, labels * 60), out=tmp_path / "single", epochs=1, filters=2, dimensions=4, max_size="1MB"
    )
    data = Examples(["a film"], [labels[:1]])
    with pytest.raises(InputError, match="its task is classification, but that of"):
        prunetext.evaluate(run.path, data, against=single.path)
