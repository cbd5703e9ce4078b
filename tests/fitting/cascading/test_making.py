"""A cascade of two real runs: which texts choose it, what it writes, and which runs do not go together."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prunetext
from helpers.cascades import QUICK_ENCODER, noisy_reviews, run_of_encoder, run_of_textcnn
from helpers.tables import write_csv
from prunetext.data.dataset import Examples
from prunetext.errors import InputError, RunError
from prunetext.fitting.cascading.halves import halves_of
from prunetext.modelfiles.cascades import CascadeInspection
from prunetext.runtime.cascade_model import confidences, unsure
from prunetext.runtime.states import read_state


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, and runs of both kinds on them that have not learnt dev, and of a TextCNN that has."""
    path = tmp_path_factory.mktemp("cascade")
    examples = noisy_reviews(600)
    data = write_csv(path / "data.csv", list(zip(examples.texts, examples.labels, strict=True)))
    run_of_textcnn(data, path / "cnn", refit=False)
    run_of_textcnn(data, path / "refit", refit=True, epochs=1.5)
    run_of_encoder(data, path / "encoder", path / "bert", refit=False)
    return path


def cascade(folder: Path, out: Path, first: str = "cnn", **options: Any) -> prunetext.Cascade:
    """A cascade of two of the runs."""
    return prunetext.cascade(folder / first, folder / "encoder", out=out, effort=QUICK_ENCODER, **options)


def names(folder: Path) -> set[str]:
    """What lies in a folder."""
    return {each.name for each in folder.iterdir()}


def test_it_goes_the_whole_way(folder: Path, tmp_path: Path) -> None:
    heard: list[str] = []
    found = cascade(folder, tmp_path / "both", max_drop=2, progress=lambda stage, _: heard.append(stage))
    assert set(heard) == {"dev: first", "dev: second", "test: first", "test: second"}
    model = prunetext.load(found.path)
    data = prunetext.read(folder / "data.csv")
    assert float(model.metadata["threshold"]) == found.threshold
    assert prunetext.evaluate(found.path, folder / "data.csv", split="test").score == found.models["cascade"].score
    against = prunetext.evaluate(
        found.path, folder / "data.csv", split="test", against=folder / "encoder", max_drop=2
    ).verdict
    assert against == found.verdict
    assert found.size == model.size == sum(found.models[name].bytes for name in ("first", "second"))
    assert {row.passed for row in found.curve} >= {0.0, 1.0}
    assert 2 <= len(found.curve) <= 40
    (chosen,) = [row for row in found.curve if row.chosen]
    assert chosen.threshold == found.threshold
    assert found.curve[0].test == found.models["first"].value
    assert found.curve[-1].test == found.models["second"].value
    assert chosen.test == found.models["cascade"].value
    assert names(found.path) == {"cascade.json", "curve.jsonl", "first.safetensors", "result.json", "second.onnx"}
    rows = [json.loads(line) for line in (found.path / "curve.jsonl").read_text("utf-8").splitlines()]
    assert rows == [row._asdict() for row in found.curve]
    result = read_state(found.path / "result.json")
    assert result == json.loads(json.dumps({name: each for name, each in found.fields().items() if name in result}))
    assert result.keys() == found.fields().keys() - {"path", "curve"}
    assert data.train.texts


def test_the_same_runs_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    for name in ("one", "other"):
        cascade(folder, tmp_path / name)
    for name in ("cascade.json", "first.safetensors", "second.onnx"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    said = read_state(tmp_path / "one" / "cascade.json")["provenance"]
    assert "micros" not in said["curve"][0]
    assert "texts_per_second" not in said["test"]["second"]


def test_only_texts_that_neither_model_has_learnt_choose(folder: Path, tmp_path: Path) -> None:
    whole = halves_of(folder / "cnn", folder / "encoder", None, tmp_path / "both")
    assert len(whole.rows) == len(whole.dev)
    part = halves_of(folder / "refit", folder / "encoder", None, tmp_path / "both")
    learnt = prunetext.load(folder / "refit" / "model.safetensors").metadata["provenance"]
    assert "learnt_dev" in learnt
    count = len(part.dev)
    hidden = np.random.default_rng((0, 3)).permutation(count)[count - int(count * 0.3) :]
    assert part.rows.tolist() == sorted(hidden.tolist())
    assert part.judged_dev.texts == [part.dev.texts[at] for at in sorted(hidden)]
    found = cascade(folder, tmp_path / "both", "refit")
    assert found.notes[0].startswith("The threshold was chosen on the 36 of 120 texts of dev that neither model has")
    with pytest.raises(InputError, match="it has learnt most texts of this dev"):
        prunetext.evaluate(found.path, folder / "data.csv", split="dev")


def test_too_few_such_texts_are_refused(folder: Path, tmp_path: Path) -> None:
    few = noisy_reviews(240)
    data = write_csv(tmp_path / "few.csv", list(zip(few.texts, few.labels, strict=True)))
    second = run_of_encoder(data, tmp_path / "second", folder / "bert", refit=False)
    first = run_of_textcnn(data, tmp_path / "first", refit=True)
    with pytest.raises(InputError, match=r"14 texts of dev are left .* Give two runs of fit --no-refit\."):
        prunetext.cascade(first, second, out=tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_a_time_that_no_threshold_keeps_is_said(folder: Path, tmp_path: Path) -> None:
    found = cascade(folder, tmp_path / "both", max_micros=1e-9)
    assert found.missed[0].startswith("max_micros was missed: a text takes ")
    assert found.missed[0].endswith("No text goes on.")
    assert found.passed == 0
    assert cascade(folder, tmp_path / "much", max_micros=1e9).missed == []
    both = cascade(folder, tmp_path / "all", max_micros=1e9, max_drop=0)
    assert both.missed == []


def test_it_is_inspected(folder: Path, tmp_path: Path) -> None:
    found = cascade(folder, tmp_path / "both")
    seen = prunetext.inspect(tmp_path / "both")
    assert isinstance(seen, CascadeInspection)
    assert (seen.threshold, seen.size, seen.labels) == (found.threshold, found.size, ["neg", "pos"])
    assert seen.first.size + seen.second.size == seen.size
    assert seen.provenance["recipe"]["data"] == seen.first.provenance["recipe"]["data"]
    assert json.loads(json.dumps(seen.fields()))["second"]["hidden"] == 32


def test_a_cascade_is_replaced_only_if_asked(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "both"
    cascade(folder, out)
    with pytest.raises(RunError, match=r"holds a cascade\. Give another --out"):
        cascade(folder, out)
    cascade(folder, out, max_drop=100, overwrite=True)
    assert names(tmp_path) == {"both"}
    (out / "notes.txt").write_text("mine", "utf-8")
    with pytest.raises(RunError, match="holds files but no cascade"):
        cascade(folder, out, overwrite=True)
    assert (out / "notes.txt").exists()
    with pytest.raises(RunError, match="holds files but no cascade"):
        cascade(folder, folder / "cnn", overwrite=True)


def test_what_a_kill_has_left_is_cleared_or_put_back(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "both"
    cascade(folder, out)
    out.rename(tmp_path / ".both.former")
    shutil.copytree(tmp_path / ".both.former", tmp_path / ".both.partial")
    (tmp_path / ".both.partial" / ".cascade.json.partial").touch()
    with pytest.raises(RunError, match="holds a cascade"):
        cascade(folder, out)
    assert prunetext.load(out).labels == ["neg", "pos"]
    cascade(folder, out, overwrite=True)
    assert names(tmp_path) == {"both"}


def test_runs_that_do_not_go_together_are_refused(folder: Path, tmp_path: Path) -> None:
    def refused(first: str | Path, second: str | Path, said: str, **options: Any) -> None:
        with pytest.raises(InputError, match=said):
            prunetext.cascade(folder / first, folder / second, out=tmp_path / "both", **options)

    refused("encoder", "cnn", "this run made a transformer, where that of a TextCNN")
    refused("cnn", "refit", "this run made a TextCNN, where that of a transformer")
    refused("cnn", "nowhere", "nowhere holds no finished run")
    refused("cnn/model.safetensors", "encoder", "this is a file. Give the folder of its run")
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"file is a file\. Give a folder as --out\."):
        cascade(folder, tmp_path / "file" / "both")
    refused("cnn", "encoder", "max_drop is -1: it must be between 0 and 100", max_drop=-1)
    refused("cnn", "encoder", "max_micros is 0: it must be more than 0", max_micros=0)
    with pytest.raises(InputError, match=r"out is '\.'\. Give a new folder a name"):
        prunetext.cascade(folder / "cnn", folder / "encoder", out=".")
    refused("cnn", "encoder", "have other texts or labels", data=noisy_reviews(300))
    other = run_of_textcnn(noisy_reviews(600, seed=1), tmp_path / "other", refit=False)
    refused(other, "encoder", "it has other texts than .* with the same --seed")
    renamed = Examples(noisy_reviews(600).texts, ["+" if each == "pos" else "-" for each in noisy_reviews(600).labels])
    refused(run_of_textcnn(renamed, tmp_path / "renamed"), "encoder", "its labels are not those of")
    several = Examples(renamed.texts, [[each] for each in renamed.labels])
    refused(run_of_textcnn(several, tmp_path / "several", max_drop=None), "encoder", "its task is")
    shutil.copytree(folder / "cnn", tmp_path / "mixed")
    shutil.copy(folder / "refit" / "model.safetensors", tmp_path / "mixed")
    refused(tmp_path / "mixed", "encoder", "model.safetensors is damaged, or belongs to another run")
    assert not (tmp_path / "both").exists()


def test_several_labels_and_pairs_go_the_whole_way(folder: Path, tmp_path: Path) -> None:
    texts = noisy_reviews(300).texts
    sets = [[name for name in ("great", "bad", "film") if name in text.split()] for text in texts]
    alike = [("film" in one) == ("film" in other) for one, other in zip(texts, texts[::-1], strict=True)]
    pairs = ["yes" if each else "no" for each in alike]
    for name, examples in (("labels", Examples(texts, sets)), ("pairs", Examples(texts, pairs, texts[::-1]))):
        runs = tmp_path / f"{name} cnn", tmp_path / f"{name} encoder"
        run_of_textcnn(examples, runs[0], refit=False, metric="macro-f1")
        run_of_encoder(examples, runs[1], folder / "bert", refit=False, metric="macro-f1")
        with pytest.raises(RunError, match=r"was trained on data in memory\. Give them again as data"):
            prunetext.cascade(*runs, out=tmp_path / name)
        found = prunetext.cascade(*runs, out=tmp_path / name, data=examples, max_drop=3, effort=QUICK_ENCODER)
        model, own = prunetext.load(found.path), halves_of(*runs, examples, tmp_path / name)
        assert (model.task, found.metric) == (name, "macro-f1")
        passed = unsure(confidences(own.first.model.predict_proba(own.test.inputs), model.thresholds), found.threshold)
        assert found.passed == passed.mean()
        said = (each.model.answers(own.test.inputs)[1] for each in (own.second, own.first))
        expected = np.where(passed[:, None], *said)
        np.testing.assert_array_equal(model.answers(own.test.inputs)[1], expected)


def test_a_cascade_is_no_run(folder: Path, tmp_path: Path) -> None:
    cascade(folder, tmp_path / "both")
    for call in (prunetext.prune, prunetext.report):
        with pytest.raises(RunError, match="holds a cascade, not a run"):
            call(tmp_path / "both", out=tmp_path / "x.html")  # type: ignore[operator]
    with pytest.raises(InputError, match=r"a cascade is two models. Export its first\.safetensors"):
        prunetext.export(tmp_path / "both", tmp_path / "x.onnx")
