"""Models of scores: the runtime, its specification, and files that are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prunetext
from prunetext.data.scores import scored, step_names
from prunetext.errors import InputError, ModelFileError
from prunetext.runtime import _native
from prunetext.runtime.format import read_packed, write
from prunetext.runtime.reference import ReferenceModel

TEXTS = ["a great film", "", "dull, bad films!", "电影 unseen", "good " * 40]
PAIRS = [("a great film", "great!"), ("", "dull"), ("good " * 20, "good film")]
Made = Callable[..., Path]


@pytest.fixture(scope="module")
def scoring(make_tensors: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Write a random model whose labels are steps between these levels, and whatever else the metadata shall say."""

    def make(
        levels: list[float], *, pairs: bool = False, said: dict[str, str | None] | None = None, **how: Any
    ) -> Path:
        tensors, metadata = make_tensors(classes=len(levels) - 1, pairs=pairs, **how)
        steps = step_names(levels)
        metadata |= {"task": "score of pairs" if pairs else "score", "levels": json.dumps(levels)}
        metadata |= {"labels": json.dumps(steps)} | ({"positive": json.dumps(steps[0])} if pairs else {})
        metadata = {key: value for key, value in {**metadata, **(said or {})}.items() if value is not None}
        path = tmp_path_factory.mktemp("model") / "model.safetensors"
        write(path, tensors, metadata)
        return path

    return make


levels = st.lists(st.integers(-40, 40).map(lambda each: each / 4), min_size=3, max_size=9, unique=True).map(sorted)


@settings(max_examples=25)
@given(levels, st.booleans(), st.integers(0, 1000))
def test_native_and_reference_agree(scoring: Made, levels: list[float], pairs: bool, seed: int) -> None:
    path = scoring(levels, pairs=pairs, seed=seed, temperature=1.3)
    classifier, reference, inputs = prunetext.load(path), ReferenceModel(path), PAIRS if pairs else TEXTS
    shares = classifier.predict_proba(inputs)
    np.testing.assert_allclose(shares, reference.predict_proba(inputs), rtol=0, atol=1e-5)
    found: Any = classifier.predict(inputs)
    assert all(type(each) is float for each in found)
    np.testing.assert_allclose(found, scored(shares, levels), rtol=0, atol=1e-9)
    assert all(levels[0] <= each <= levels[-1] for each in found)
    array = classifier.predict_score(inputs)
    assert (array.dtype, array.shape) == (np.float32, (len(inputs),))
    np.testing.assert_allclose(array, found, rtol=1e-6)
    for kernel in _native.kernels():
        assert bytes(_native.Model(path, kernel).scores(inputs, 1)) == np.array(found).tobytes()


def test_the_model_says_what_it_is(scoring: Made, model: Path) -> None:
    classifier = prunetext.load(scoring([0.0, 0.5, 2.0, 4.0]))
    assert (classifier.task, classifier.levels) == ("score", [0.0, 0.5, 2.0, 4.0])
    assert classifier.labels == ["0 to 0.5", "0.5 to 2", "2 to 4"]
    assert (classifier.thresholds, classifier.reject, classifier.positive) == (None, None, None)
    assert "scores from 0 to 4" in repr(classifier)
    assert prunetext.load(model).levels is None
    with pytest.raises(InputError, match="gives labels, not scores; use predict"):
        prunetext.load(model).predict_score(["a"])


def test_what_labels_have_is_refused(scoring: Made) -> None:
    classifier = prunetext.load(scoring([0.0, 1.0, 2.0]))
    with pytest.raises(InputError, match="have no probability; use predict"):
        classifier.predict_with_probability(["a"])
    with pytest.raises(InputError, match="gives scores, and rejects none; leave reject out"):
        classifier.predict(["a"], reject=True)
    with pytest.raises(InputError, match="but this model gives scores"):
        classifier.counterfactual("a great film")
    pairs = prunetext.load(scoring([0.0, 1.0, 2.0], pairs=True))
    with pytest.raises(InputError, match="match needs one fitted on pairs with labels"):
        pairs.match("a", classifier.encode(["a"]))
    with pytest.raises(InputError, match="judges pairs of texts"):
        pairs.predict(["a"])


def test_the_step_in_which_the_score_lies_is_explained(scoring: Made) -> None:
    classifier = prunetext.load(scoring([0.0, 1.0, 2.0, 3.0]))
    found = classifier.explain("a great film")
    logits = classifier.logits(["a great film"])[0]
    assert found.label == classifier.labels[int(np.abs(logits).argmin())]
    assert found.base + sum(part.logit for part in found.parts) == pytest.approx(found.logit)
    assert classifier.explain("a great film", "1 to 2").label == "1 to 2"


def test_writing_and_reading_changes_nothing(scoring: Made, tmp_path: Path) -> None:
    path = scoring([-1.0, 0.25, 1e-05 + 1])
    tensors, metadata = read_packed(path)
    write(tmp_path / "again.safetensors", tensors, metadata)
    assert prunetext.load(tmp_path / "again.safetensors").levels == [-1.0, 0.25, 1.00001]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"levels": None}, "levels"),
        ({"levels": "[0,1]"}, "its list of levels has fewer numbers than the steps between them need"),
        ({"levels": "[0,1,2,3]"}, "its list of levels has more numbers than the steps between them need"),
        ({"levels": "[0,1,1]"}, "its list of levels has numbers that do not rise"),
        ({"levels": "[0,2,1]"}, "its list of levels has numbers that do not rise"),
        ({"levels": "[0,1,1e31]"}, "something else than a number from -1e30 to 1e30"),
        ({"levels": "[0,1,1e999]"}, "something else than a number"),
        ({"levels": '[0,1,"2"]'}, "something else than a number"),
        ({"levels": "[0,1,NaN]"}, "something else than a number"),
        ({"levels": "0,1,2"}, "its list of levels"),
        ({"reject": "0.5"}, "it has a reject, which a model of scores has not"),
        ({"thresholds": "[0.5,0.5]"}, "it has thresholds, which only a model of several labels has"),
        ({"task": "classification"}, "it has levels, which only a model of scores has"),
        ({"task": "scores"}, "its task is none that format 1 knows"),
    ],
)
def test_files_that_are_none_are_refused(scoring: Made, said: dict[str, str | None], reason: str) -> None:
    with pytest.raises(ModelFileError, match=reason.replace("[", r"\[")):
        scoring([0.0, 1.0, 2.0], said=said)
