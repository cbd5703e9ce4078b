"""The end of a run that took dev from train: both models learn most of it, and no one trusts them on it afterwards."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import prunetext
from helpers.kills import KilledError, stop_at
from helpers.runs import CAREFUL, copy_run, fit, prune
from helpers.tables import write_csv, write_splits
from prunetext.data.dataset import Data, Examples
from prunetext.errors import InputError, RunError
from prunetext.fitting.finishing import Result
from prunetext.fitting.parts import SEARCHED_MODEL, WORK
from prunetext.fitting.refit import INTERRUPTED_REFIT, NO_TIME, worse
from prunetext.modelfiles.api import open_model
from prunetext.modelfiles.trained import read_trained
from prunetext.models.textcnn.layout import Shape
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.reading import encode_examples
from prunetext.pruning.store import weights_digest
from prunetext.runtime._native import Vocabulary
from prunetext.statistics.answers import recipe_of

SMALL = {"dimensions": 12, "filters": 8, "widths": "1,2", "epochs": 4.0, "max_drop": 5.0}
FLOATS = ("dense.safetensors", "pruned.safetensors")


def one_file(data: Data, folder: Path) -> Path:
    """All texts in one file, of which fit takes dev and test itself."""
    every = [row for _, each in data.splits() for row in zip(each.texts, each.labels, strict=True)]
    return Path(write_csv(folder / "toy.csv", every))


@pytest.fixture(scope="module")
def whole(toy_data: Callable[..., Data], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one file of texts and a run on it; no test changes them."""
    folder = tmp_path_factory.mktemp("refit")
    fit(one_file(toy_data(train=200, dev=60, test=60), folder), out=folder / "run", **SMALL)
    return folder


def recipe(model: Path) -> dict[str, Any]:
    """What a model's file says of its making."""
    return recipe_of(open_model(model))


def test_both_models_learn_most_of_dev_and_their_files_say_so(whole: Path) -> None:
    run = whole / "run"
    searched, dense = (read_trained(run / name).model for name in (SEARCHED_MODEL, "dense.safetensors"))
    assert weights_digest(searched) != weights_digest(dense)
    for name in (*FLOATS, "model.safetensors"):
        assert len(recipe(run / name)["learnt_dev"]) == 32
    assert "learnt_dev" not in recipe(run / SEARCHED_MODEL)


def test_a_dev_file_is_learnt_only_if_asked_for(toy_data: Callable[..., Data], tmp_path: Path) -> None:
    data = toy_data(train=200, dev=60, test=60)
    write_splits(tmp_path / "data", data)
    for asked, learnt in ((None, False), (False, False), (True, True)):
        result = fit(tmp_path / "data", out=tmp_path / "run", overwrite=True, refit=asked, **SMALL)
        assert ("At the end, all models have learnt 42 of the 60 texts of dev, too." in result.notes) == learnt
        assert (tmp_path / "run" / SEARCHED_MODEL).exists() == learnt
        assert ("learnt_dev" in recipe(result.path)) == learnt
    assert prunetext.evaluate(result.path, tmp_path / "data", split="test").score == result.score
    with pytest.raises(InputError, match="it has learnt most texts of this dev"):
        prunetext.evaluate(result.path, tmp_path / "data", split="dev")
    assert data.dev is not None
    with pytest.raises(InputError, match="it has learnt most texts of this dev"):
        prunetext.evaluate(result.path, data.dev)
    innocent = tmp_path / "run" / SEARCHED_MODEL
    assert prunetext.evaluate(innocent, data.dev).score.n == 60
    with pytest.raises(InputError, match="it has learnt most texts of this dev"):
        prunetext.evaluate(innocent, data.dev, against=result.path)


def test_dev_of_a_refit_run_is_refused_and_that_of_another_file_is_not(whole: Path, tmp_path: Path) -> None:
    for name in (*FLOATS, "model.safetensors"):
        with pytest.raises(InputError, match=f"{name}: at the end of its run, it has learnt most texts of this dev"):
            prunetext.evaluate(whole / "run" / name, whole / "toy.csv", split="dev")
        assert prunetext.evaluate(whole / "run" / name, whole / "toy.csv", split="test").score.n > 0
    assert prunetext.evaluate(whole / "run" / SEARCHED_MODEL, whole / "toy.csv", split="dev").score.n > 0
    fit(whole / "toy.csv", out=tmp_path / "run", refit=False, **SMALL)
    assert prunetext.evaluate(tmp_path / "run" / "model.safetensors", whole / "toy.csv", split="dev").score.n > 0


@pytest.mark.parametrize("stage", ["step 1", "refit", "refit recovery"])
def test_a_run_that_is_killed_before_or_in_the_refit_ends_as_one_that_was_not(
    whole: Path, tmp_path: Path, stage: str
) -> None:
    with pytest.raises(KilledError):
        fit(whole / "toy.csv", out=tmp_path / "run", effort=CAREFUL, progress=stop_at(stage, 2), **SMALL)
    fit(whole / "toy.csv", out=tmp_path / "run", **SMALL)
    for name in (*FLOATS, SEARCHED_MODEL, "model.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == (whole / "run" / name).read_bytes()


def test_pruning_again_starts_from_the_model_that_had_not_learnt_dev(whole: Path, tmp_path: Path) -> None:
    again = prune(whole / "run", out=tmp_path / "again", max_drop=5.0)
    before, now = (load_file(each / "pruned.safetensors") for each in (whole / "run", again.path.parent))
    assert all(torch.equal(tensor, now[name]) for name, tensor in before.items())
    assert (tmp_path / "again" / SEARCHED_MODEL).exists()
    without = prune(whole / "run", out=tmp_path / "without", max_drop=5.0, refit=False)
    assert not (tmp_path / "without" / SEARCHED_MODEL).exists()
    plain = load_file(without.path.with_name("pruned.safetensors"))
    assert any(not torch.equal(tensor, now[name]) for name, tensor in plain.items()), "the pruned model has learnt, too"
    dense = read_trained(without.path.with_name("dense.safetensors")).model
    assert weights_digest(dense) == weights_digest(read_trained(whole / "run" / SEARCHED_MODEL).model)


def test_a_model_that_has_learnt_dev_teaches_nobody_who_is_judged_by_it(whole: Path, tmp_path: Path) -> None:
    files = [whole / "run" / name for name in ("model.safetensors", "dense.safetensors")]
    for teacher in files:
        with pytest.raises(InputError, match="its model has learnt texts of dev, too"):
            fit(whole / "toy.csv", out=tmp_path / "run", teacher=str(teacher), **SMALL)
    taught = fit(whole / "toy.csv", out=tmp_path / "run", teacher=str(whole / "run"), augment=0.0, **SMALL)
    assert not any("may have seen texts of dev" in note for note in taught.notes)


@pytest.mark.parametrize("kind", ["pairs", "labels"])
def test_pairs_and_several_labels_are_refit_too(toy_data: Callable[..., Data], tmp_path: Path, kind: str) -> None:
    whole = toy_data(train=200, dev=60, test=60)
    parts = []
    for _, each in whole.splits():
        if kind == "pairs":
            parts.append(Examples(each.texts, each.labels, each.texts[::-1]))
        else:
            sets = [(label,) if at % 3 else () for at, label in enumerate(each.labels)]
            parts.append(Examples(each.texts, sets))  # type: ignore[arg-type]
    result = fit(Data(*parts), out=tmp_path / "run", refit=True, **SMALL)
    assert any("have learnt" in note for note in result.notes)
    before, now = (read_trained(tmp_path / "run" / name) for name in (SEARCHED_MODEL, "dense.safetensors"))
    assert before.thresholds == now.thresholds  # tuned on answers to dev that the model had not learnt
    assert weights_digest(before.model) != weights_digest(now.model)


def test_a_run_that_has_lost_its_searched_model_never_takes_the_final_one_for_it(whole: Path, tmp_path: Path) -> None:
    copy_run(whole, tmp_path / "both")
    (tmp_path / "both" / "run" / SEARCHED_MODEL).unlink()
    with pytest.raises(RunError, match=f"its {SEARCHED_MODEL} is missing"):
        prune(tmp_path / "both" / "run", out=tmp_path / "again", max_drop=5.0)
    # As a kill leaves it between the last files of a run and its end, with a damaged file besides.
    with pytest.raises(KilledError):
        fit(whole / "toy.csv", out=tmp_path / "run", progress=stop_at("refit recovery", 2), **SMALL)
    work = tmp_path / "run" / WORK
    for name in ("dense.safetensors", SEARCHED_MODEL):
        shutil.copy(whole / "run" / name, work / name)
    (work / SEARCHED_MODEL).write_bytes((work / SEARCHED_MODEL).read_bytes()[:-9])
    fit(whole / "toy.csv", out=tmp_path / "run", **SMALL)
    for name in (*FLOATS, SEARCHED_MODEL, "model.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == (whole / "run" / name).read_bytes()


def test_an_interrupted_refit_leaves_the_models_as_they_were(whole: Path, tmp_path: Path) -> None:
    stop = stop_at("refit", 2, KeyboardInterrupt)
    result = fit(whole / "toy.csv", out=tmp_path / "run", progress=stop, **SMALL)
    assert INTERRUPTED_REFIT in result.notes
    assert not (tmp_path / "run" / SEARCHED_MODEL).exists()
    assert "learnt_dev" not in recipe(result.path)


def test_without_time_the_models_stay_as_they_are(toy_data: Callable[..., Data], tmp_path: Path) -> None:
    path = one_file(toy_data(train=200, dev=60, test=60), tmp_path)
    result: Result = fit(path, out=tmp_path / "run", **{**SMALL, "max_time": "0.001"})
    assert NO_TIME in result.notes
    assert not (tmp_path / "run" / SEARCHED_MODEL).exists()


def test_a_rare_class_keeps_dev_for_itself(toy_data: Callable[..., Data], tmp_path: Path) -> None:
    examples = toy_data(train=300).train
    rows = [at for at, label in enumerate(examples.labels) if label != "class 1"]
    few = [at for at, label in enumerate(examples.labels) if label == "class 1"][:10]
    result = fit(Data(examples.subset(sorted([*rows, *few]))), out=tmp_path / "run", **SMALL)
    assert not any("have learnt" in note for note in result.notes)


def test_a_dev_without_texts_that_confirm_is_not_learnt(toy_data: Callable[..., Data], tmp_path: Path) -> None:
    result = fit(Data(toy_data(train=15).train), out=tmp_path / "run", **SMALL)
    assert not any("have learnt" in note for note in result.notes)
    assert not (tmp_path / "run" / SEARCHED_MODEL).exists()


def test_class_weights_take_dev_for_themselves(toy_data: Callable[..., Data], tmp_path: Path) -> None:
    path = one_file(toy_data(train=200, dev=60, test=60), tmp_path)
    with pytest.raises(InputError, match="refit would learn dev, which class_weights takes for rare classes"):
        fit(path, out=tmp_path / "run", class_weights="balanced", refit=True, **SMALL)
    result = fit(path, out=tmp_path / "run", class_weights="balanced", **SMALL)
    assert not any("have learnt" in note for note in result.notes)
    with pytest.raises(InputError, match="refit would learn dev, which class_weights takes for rare classes"):
        prune(tmp_path / "run", out=tmp_path / "again", max_drop=5.0, refit=True)


def test_a_model_is_worse_only_beyond_chance(toy_data: Callable[..., Data]) -> None:
    examples = toy_data(train=200).train
    words = sorted({word for text in examples.texts for word in text.split()})
    encoded = encode_examples(Vocabulary(words), examples, sorted(set(examples.labels)))
    torch.manual_seed(0)
    model = TextCNN(Shape(len(words), 8, {1: 4}, 3, "max"))
    sure = TextCNN(Shape(len(words), 8, {1: 4}, 3, "max"))
    sure.load_state_dict(model.state_dict())
    assert not worse(model, sure, encoded)
    with torch.no_grad():
        sure.head.bias[0] += 5  # of one class, for all texts
    assert worse(model, sure, encoded)
    assert not worse(sure, model, encoded)
    assert not worse(model, sure, replace(encoded.subset(encoded.targets.numpy().argsort()[:1])))
