"""The estimator keeps the packed file: saved, loaded, pickled, without PyTorch; pairs; what goes to `fit`."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import prunetext
from helpers.estimators import quick, several, some
from prunetext import Data, Examples, TextClassifier
from prunetext.errors import InputError, ModelFileError, RunError
from prunetext.fitting.plan import UNWEIGHTED, settled
from prunetext.options import FitOptions, TeachOptions
from prunetext.pruning.budget import Budget

WITHOUT_TORCH = """
import pickle, sys
class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, Nowhere())
X = ["sign0 w1", "sign1 w2"]
estimator = pickle.loads(open(sys.argv[1], "rb").read())
print(estimator.predict(X).tolist(), estimator.predict_proba(X).shape, estimator.verdict_.name)
"""


@pytest.fixture(scope="module")
def fitted() -> TextClassifier:
    X, y = some(classes=3)
    return quick().fit(X, np.array([10, 9, 100])[y])


def test_the_file_is_that_of_the_runtime(fitted: TextClassifier, tmp_path: Path) -> None:
    fitted.save(tmp_path / "model.safetensors")
    plain = prunetext.load(tmp_path / "model.safetensors")
    X, _ = some(classes=3)
    assert plain.labels == ["10", "100", "9"]
    assert fitted.predict(X).tolist() == [int(label) for label in plain.predict(X.tolist())]
    probabilities = plain.predict_proba(X.tolist())
    np.testing.assert_array_equal(fitted.predict_proba(X), probabilities[:, [2, 0, 1]])
    assert (tmp_path / "model.safetensors").read_bytes() == fitted.packed_
    assert not fitted.result_.path.parent.exists(), "it was temporary"
    assert fitted.result_.model.predict(["sign0"]) == plain.predict(["sign0"])


@pytest.mark.parametrize("labels", [["b", "a"], [10, 9], [True, False], [0.5, 1.5]], ids=str)
def test_what_was_saved_is_loaded_with_its_classes(labels: list[Any], tmp_path: Path) -> None:
    X, y = some()
    if labels == [0.5, 1.5]:
        found = prunetext.fit(prunetext.Examples(X, np.array(labels)[y]), **_options())
        found.path.rename(tmp_path / "model")
        assert TextClassifier.load(tmp_path / "model").classes_.tolist() == labels
        return
    estimator = quick().fit(X, np.array(labels)[y])
    estimator.save(tmp_path / "model")
    again = TextClassifier.load(tmp_path / "model", seed=3)
    assert again.seed == 3
    np.testing.assert_array_equal(again.classes_, estimator.classes_)
    assert again.classes_.dtype.kind == estimator.classes_.dtype.kind
    np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))
    np.testing.assert_array_equal(again.predict(X), estimator.predict(X))


def _options() -> dict[str, Any]:
    own = quick().get_params()
    return {name: own[name] for name in ("teacher", "epochs", "schedule", "dimensions", "filters", "widths", "effort")}


def test_several_labels_are_saved_by_the_names_of_their_columns(tmp_path: Path) -> None:
    X, y = several()
    frame = pandas.DataFrame(y, columns=["joy", "anger", "fear"])
    estimator = quick().fit(X, frame)
    assert estimator.classes_.tolist() == ["joy", "anger", "fear"]
    estimator.save(tmp_path / "model")
    assert prunetext.load(tmp_path / "model").labels == ["anger", "fear", "joy"]
    again = TextClassifier.load(tmp_path / "model")
    assert again.classes_.tolist() == ["anger", "fear", "joy"]
    np.testing.assert_array_equal(again.predict(X), estimator.predict(X)[:, [1, 2, 0]])
    assert estimator.get_feature_names_out().tolist()[0] == "textclassifier_joy"


def test_a_missing_or_foreign_file_is_refused(fitted: TextClassifier, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        TextClassifier.load(tmp_path / "none")
    (tmp_path / "text").write_text("no model")
    with pytest.raises(ModelFileError):
        TextClassifier.load(tmp_path / "text")
    with pytest.raises(FileNotFoundError):
        fitted.save(tmp_path / "none" / "model")


def test_a_pickle_holds_the_file_and_is_read_without_torch(fitted: TextClassifier, tmp_path: Path) -> None:
    packed = pickle.dumps(copy.copy(fitted).set_params(effort=None))  # a parameter of PyTorch's own
    assert len(packed) < len(fitted.packed_) + 4000
    (tmp_path / "pickle").write_bytes(packed)
    command = [sys.executable, "-c", WITHOUT_TORCH, tmp_path / "pickle"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    expected = fitted.predict(["sign0 w1", "sign1 w2"]).tolist()
    assert done.stdout == f"{expected} (2, 3) {fitted.verdict_.name}\n", done.stderr
    again = pickle.loads(packed)
    assert not hasattr(again, "result_")
    assert pickle.loads(pickle.dumps(quick(seed=3))).seed == 3


def test_two_columns_are_pairs() -> None:
    random = np.random.default_rng(0)
    words = np.array([f"word{at}" for at in range(12)])
    first = random.choice(words, (60, 3))
    y = np.arange(60) % 2
    second = np.where(y[:, None], first, random.choice(words, (60, 3)))
    frame = pandas.DataFrame({"one": [" ".join(row) for row in first], "two": [" ".join(row) for row in second]})
    estimator = quick().fit(frame, y)
    assert estimator.model_.task == "pairs"
    assert estimator.predict_proba(frame.iloc[:5]).shape == (5, 2)
    np.testing.assert_array_equal(estimator.predict(frame.to_numpy()), estimator.predict(frame))
    with pytest.raises(ValueError, match="pairs"):
        estimator.predict(["a single text"])


def test_a_given_folder_keeps_the_run_and_a_second_fit_replaces_it(tmp_path: Path) -> None:
    X, y = some()
    estimator = quick(out=tmp_path / "run").fit(X, y)
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == estimator.packed_
    estimator.set_params(seed=1).fit(X, y)
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == estimator.packed_
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    with pytest.raises(RunError, match="holds files but no run"):
        quick(out=tmp_path / "other").fit(X, y)


def test_further_options_go_to_fit_and_wrong_ones_are_refused() -> None:
    X, y = some()
    provenance = quick(options={"precision": 0.6}).fit(X, y).model_.metadata["provenance"]
    assert json.loads(provenance)["recipe"]["precision"] == 0.6
    for options, says in (
        ({"seed": 1}, "options has seed, which is a parameter of its own"),
        ({"out": "runs/any"}, "options has out"),
        ({"sed": 1}, "has no option 'sed'"),
    ):
        with pytest.raises(InputError, match=says):
            quick(options=options).fit(X, y)
    with pytest.raises(ValueError, match="seed is -1"):
        quick(seed=-1).fit(X, y)
    with pytest.raises(ValueError, match="metric"):
        quick(metric="roc").fit(X, y)


def test_values_of_numpy_are_taken_as_parameters() -> None:
    X, y = some()
    kinds = {"max_drop": np.float64(1.5), "filters": np.int64(2), "widths": np.str_("1"), "refit": np.bool_(False)}
    plain = {name: value.item() for name, value in kinds.items()}
    assert quick(**kinds).fit(X, y).packed_ == quick(**plain).fit(X, y).packed_


def test_weights_keep_the_automatic_teacher_out() -> None:
    X, y = some()
    weights = 1.0 + y
    alone = quick(teacher="auto").fit(X, y, weights)
    assert alone.packed_ == quick(teacher="none").fit(X, y, weights).packed_
    data = Data(Examples(list(X), y.tolist(), weights=weights.tolist()))
    named, notes = settled(TeachOptions(teacher="tf-idf"), data, FitOptions(), Budget(), "bert/1")
    assert (named.teacher, notes) == ("tf-idf", [UNWEIGHTED])
