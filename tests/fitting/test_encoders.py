"""A run with a transformer, from its folder to answers, for every kind of architecture and task."""

import dataclasses
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prunetext
from helpers.encoder_runs import QUICK, fitted, reviews
from helpers.encoders import ARCHITECTURES, encoder_folder
from helpers.kills import KilledError, stop_at
from prunetext.data.dataset import Examples
from prunetext.errors import InputError, RunError
from prunetext.modelfiles.encoders import EncoderInspection
from prunetext.modelfiles.trained import read_trained


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT."""
    path = tmp_path_factory.mktemp("bert")
    encoder_folder(path)
    return path


@pytest.fixture(scope="module")
def result(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> prunetext.Result:
    """A run that may lose anything."""
    return fitted(folder, tmp_path_factory.mktemp("runs") / "bert", reviews())


def test_the_packed_file_answers_as_the_pruned_model(result: prunetext.Result) -> None:
    assert result.path.name == "model.onnx"
    assert result.size == result.path.stat().st_size < result.path.with_name("dense.safetensors").stat().st_size
    assert set(result.removed) == {"layers", "heads", "neurons", "hidden", "ranks"}
    model, texts = prunetext.load(result.path), reviews().texts
    pruned = prunetext.open_model(result.path.with_name("pruned.safetensors"))
    temperature = float(model.metadata["temperature"])
    logits = np.log(pruned.answers(texts).probabilities)
    np.testing.assert_allclose(
        model.logits(texts) - model.logits(texts).mean(1, keepdims=True),
        logits - logits.mean(1, keepdims=True),
        atol=0.05,  # its numbers are int8
    )
    soft = np.exp(model.logits(texts) / temperature)
    np.testing.assert_allclose(model.predict_proba(texts), soft / soft.sum(1, keepdims=True), atol=1e-5)
    assert model.labels == ["neg", "pos"]
    assert prunetext.evaluate(result.path, reviews(), against=result.path.with_name("dense.safetensors")).score.n == 120


def test_it_runs_without_torch(result: prunetext.Result) -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'transformers', 'onnx', 'safetensors')));"
        f"import prunetext; print(prunetext.load({str(result.path)!r}).predict(['a great film', 'dull']))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == str(prunetext.load(result.path).predict(["a great film", "dull"]))


def test_it_can_be_inspected(result: prunetext.Result) -> None:
    packed = prunetext.inspect(result.path)
    pruned = prunetext.inspect(result.path.with_name("pruned.safetensors"))
    assert isinstance(packed, EncoderInspection)
    assert isinstance(pruned, EncoderInspection)
    assert (packed.heads, packed.neurons, packed.words) == (pruned.heads, pruned.neurons, pruned.words)
    assert packed.provenance["recipe"]["model"] == "transformer"
    assert json.loads(json.dumps(packed.fields()))["hidden"] == 32


def test_a_run_is_repeated_to_the_byte_and_resumed(folder: Path, result: prunetext.Result, tmp_path: Path) -> None:
    again = fitted(folder, tmp_path / "again", reviews())
    assert again.path.read_bytes() == result.path.read_bytes()
    for name in ("dense.safetensors", "pruned.safetensors"):
        assert again.path.with_name(name).read_bytes() == result.path.with_name(name).read_bytes()


@pytest.mark.parametrize(
    ("groups", "schedule"), [("heads,neurons", "oneshot:keep=0.9"), ("ranks", "oneshot:units=0.7")]
)
def test_killed_at_ten_moments_and_called_again_it_gives_the_same_bytes(
    folder: Path, tmp_path: Path, groups: str, schedule: str
) -> None:
    def run(name: str, **options: Any) -> prunetext.Result:
        given = {"model": str(folder), "epochs": 1, "max_drop": 40.0, "max_tokens": 24, "groups": groups}
        given["schedule"] = schedule
        return prunetext.fit(reviews(), out=tmp_path / name, **{**given, "effort": QUICK, **options})

    longest: Counter[str] = Counter()
    whole = run("whole", progress=lambda name, now: longest.update({name: max(0, now.done - longest[name])}))
    assert list(longest) == ["train", "step 1", "final", "refit", "refit recovery"]
    moments = [(name, max(1, round(share * last))) for name, last in longest.items() for share in (0.3, 0.9)]
    careful = dataclasses.replace(QUICK, training={"checkpoint_seconds": -1.0})  # after every step
    for stage, step in moments:
        with pytest.raises(KilledError):
            run("killed", effort=careful, progress=stop_at(stage, step))
        assert not (tmp_path / "killed" / "model.onnx").exists()
    resumed = run("killed", effort=careful)
    for name in ("model.onnx", "dense.safetensors", "pruned.safetensors", "history.jsonl"):
        assert resumed.path.with_name(name).read_bytes() == whole.path.with_name(name).read_bytes(), name


@pytest.mark.parametrize("criterion", ["taylor", "random", "fisher:rearrange=1", "gradient", "lasso", "movement"])
def test_its_dense_model_is_pruned_again(result: prunetext.Result, tmp_path: Path, criterion: str) -> None:
    new = prunetext.prune(
        result.path.parent,
        out=tmp_path / "new",
        data=reviews(),
        criterion=criterion,
        schedule="oneshot:units=0.5",
        groups="heads,neurons",
        effort=QUICK,
    )
    pruned = prunetext.inspect(new.path)
    assert isinstance(pruned, EncoderInspection)
    assert sum(pruned.heads) == 4
    assert sum(pruned.neurons) == 40


def test_all_tokens_can_stay_and_a_pruning_from_the_folder_keeps_them(folder: Path, tmp_path: Path) -> None:
    given = {"keep_tokens": "all", "schedule": "oneshot:units=0.3,recovery=0", "epochs": 0.5}
    found = fitted(folder, tmp_path / "run", reviews(60), **given)
    lottery = {"max_drop": 100.0, "schedule": "lottery:step=1.5", "groups": "neurons"}
    new = prunetext.prune(found.path.parent, out=tmp_path / "new", data=reviews(60), effort=QUICK, **lottery)
    whole = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    for each in (found, new):
        inspected = prunetext.inspect(each.path)
        assert isinstance(inspected, EncoderInspection)
        assert inspected.words == len(whole)
        assert inspected.provenance["recipe"]["keep_tokens"] == "all"


def test_it_starts_again_from_its_folder(result: prunetext.Result, tmp_path: Path) -> None:
    given = {"max_drop": 100.0, "schedule": "lottery", "groups": "neurons"}
    new = prunetext.prune(result.path.parent, out=tmp_path / "new", data=reviews(), effort=QUICK, **given)
    assert new.removed["neurons"] > 0


@pytest.mark.parametrize(
    ("schedule", "groups"),
    [("oneshot:units=0.7", "ranks"), ("local:first=1.6", "hidden,ranks"), ("lottery:step=1.6", "ranks,hidden")],
)
def test_hidden_dimensions_and_ranks_of_words(folder: Path, tmp_path: Path, schedule: str, groups: str) -> None:
    given = {"schedule": schedule, "groups": groups, "epochs": 1}
    found = fitted(folder, tmp_path / "run", reviews(60), **given)
    assert found.removed["heads"] == found.removed["neurons"] == 0
    assert max(found.removed["hidden"], found.removed["ranks"]) > 0
    packed, pruned = (prunetext.inspect(each) for each in (found.path, found.path.with_name("pruned.safetensors")))
    assert isinstance(packed, EncoderInspection)
    assert isinstance(pruned, EncoderInspection)
    assert (packed.hidden, packed.ranks) == (pruned.hidden, pruned.ranks)
    if groups == "ranks":
        assert (packed.hidden, packed.ranks) == (32, 10)
    model, texts = prunetext.load(found.path), ["a great film", "", "dull and slow", "unknown words"]
    expected = prunetext.open_model(found.path.with_name("pruned.safetensors")).answers(texts).probabilities
    np.testing.assert_allclose(model.logits(texts) @ [1, -1], np.log(expected) @ [1, -1], atol=0.1)
    assert model.explain("a great film").parts
    if groups != "ranks":
        return
    more = {"groups": "ranks,hidden,heads", "schedule": "oneshot:units=0.3", "criterion": "magnitude"}
    new = prunetext.prune(found.path.parent, out=tmp_path / "new", data=reviews(60), effort=QUICK, **more)
    assert prunetext.load(new.path).predict(texts)


@pytest.mark.parametrize("architecture", ARCHITECTURES[1:])
def test_every_architecture_goes_the_whole_way(architecture: str, tmp_path: Path) -> None:
    encoder_folder(tmp_path / "model", architecture)
    given = {"schedule": "oneshot:units=0.3", "features": "first", "numbers": "float32"}
    found = fitted(tmp_path / "model", tmp_path / "run", reviews(60), **given)
    trained = read_trained(found.path.with_name("pruned.safetensors"))
    assert trained.family == "transformer"
    texts = ["a great film", "", "\U0001f600 unknown words", "a" * 500]
    np.testing.assert_allclose(
        prunetext.load(found.path).logits(texts) @ [1, -1],
        np.log(prunetext.open_model(found.path.with_name("pruned.safetensors")).answers(texts).probabilities) @ [1, -1],
        atol=1e-3,
    )


def test_numbers_are_those_that_dev_allows_or_that_are_asked_for(
    folder: Path, result: prunetext.Result, tmp_path: Path
) -> None:
    packed = prunetext.inspect(result.path)
    assert isinstance(packed, EncoderInspection)
    assert packed.numbers == result.judged.agreement.numbers
    found = json.loads((result.path.parent / "result.json").read_text())["agreement"]
    assert found["numbers"] == packed.numbers
    assert found["tried"][0]["part"] == "all"
    given = {"schedule": "oneshot:units=0.3", "numbers": "float32", "epochs": 1}
    large = fitted(folder, tmp_path / "float32", reviews(60), **given)
    again = prunetext.prune(large.path.parent, out=tmp_path / "again", data=reviews(60), effort=QUICK)
    for each in (large, again):
        assert set(each.judged.agreement.numbers.values()) == {"float32"}
        assert each.frontier[0].bytes > 70_000, "the search knows the format"
    with pytest.raises(InputError, match="numbers is int4: it must be one of auto, int8, float16, float32"):
        fitted(folder, tmp_path / "run", reviews(60), numbers="int4")
    with pytest.raises(InputError, match="numbers is given, but model is textcnn"):
        prunetext.fit(reviews(), out=tmp_path / "run", numbers="int8")


def test_pairs(folder: Path, tmp_path: Path) -> None:
    texts = reviews(60).texts
    pairs = Examples(texts, [str(at % 3 % 2) for at in range(60)], texts[1:] + texts[:1])
    found = fitted(folder, tmp_path / "run", pairs, schedule="oneshot:units=0.3")
    model = prunetext.load(found.path)
    assert model.task == "pairs"
    one, other = model.logits([("a great film", "dull"), ("dull", "a great film")])
    assert not np.allclose(one, other)
    with pytest.raises(InputError, match="give a list of \\(first, second\\) tuples"):
        model.predict(["a great film"])


def test_several_labels(folder: Path, tmp_path: Path) -> None:
    texts = reviews(90).texts
    labels = [[name for name in ("great", "bad", "film") if name in text.split()] for text in texts]
    found = fitted(folder, tmp_path / "run", Examples(texts, labels), schedule="oneshot:units=0.3")
    model = prunetext.load(found.path)
    assert model.task == "labels"
    probabilities, chosen = model.answers(texts)
    np.testing.assert_array_equal(chosen, probabilities >= np.array(model.thresholds, np.float32))
    assert [[model.labels[at] for at in np.flatnonzero(row)] for row in chosen] == model.predict(texts)


def test_what_belongs_to_another_kind_of_model_is_refused(
    folder: Path, result: prunetext.Result, tmp_path: Path
) -> None:
    for options, said in (
        ({"filters": 8}, "filters is given, but model is"),
        ({"groups": "layers", "schedule": "incremental"}, "a layer that went learns nothing by which it could return"),
        ({"groups": "hidden", "criterion": "obs"}, "obs scales the surviving units"),
        ({"groups": "dimensions"}, "groups has 'dimensions'"),
        ({"features": "last"}, "features is last: it must be mean or first"),
        ({"hidden_states": -1.0}, "hidden_states is -1.0: it must be from 0 to 1000"),
        ({"keep_tokens": "some"}, "keep_tokens is some: it must be seen, scripts or all"),
        ({"model": str(tmp_path / "nowhere")}, "this is not the configuration of a transformer"),
        ({"model": "sample:unknown"}, "there is no such model"),
    ):
        with pytest.raises(InputError, match=said):
            fitted(folder, tmp_path / "run", reviews(), **options)
    with pytest.raises(InputError, match="max_tokens is given, but model is textcnn"):
        prunetext.fit(reviews(), out=tmp_path / "run", max_tokens=64)
    with pytest.raises(InputError, match="hidden_states is given, but only a transformer has any"):
        prunetext.fit(reviews(), out=tmp_path / "run", hidden_states=1.0)
    with pytest.raises(InputError, match="this is an ONNX file already"):
        prunetext.export(result.path, tmp_path / "model.onnx")
    with pytest.raises((InputError, RunError), match="transformer"):
        prunetext.report(result.path.parent)
    assert not list(tmp_path.iterdir())
