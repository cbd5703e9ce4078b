"""Which label wins where several are as good: the rule of docs/format.md, by every way to ask."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prunetext
from prunetext.runtime import _native
from prunetext.runtime.format import write
from prunetext.runtime.reference import ReferenceModel

TEXTS = ["film", "", "a great film"] * 5

# What is added to nothing, the temperature, and the label that wins.
CASES = {
    "equal logits: the first": ([1, 2, 2], 1.0, 1),
    "all are equal: the first": ([0, 0, 0], 1.0, 0),
    "zeros of both signs are equal": ([-1, -0.0, 0.0], 1.0, 1),
    "the logit decides where float32 makes probabilities equal": ([0, 1e-30, 2e-30], 1.0, 2),
    "and where the temperature makes them equal": ([5, 5.5, 6], 1e6, 2),
    "and where only the last bit of a float32 differs": ([1, np.nextafter(np.float32(1), 2), 1], 1e6, 1),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, make_tensors: Callable[..., Any], tmp_path: Path) -> tuple[Path, str]:
    """A model whose logits are the same for every text, and the label that wins."""
    biases, temperature, winner = CASES[request.param]
    tensors, metadata = make_tensors(temperature=temperature, reject=1e-6)
    tensors["head.weight"][:] = 0
    tensors["head.bias"][:] = biases
    write(tmp_path / "model", tensors, metadata)
    return tmp_path / "model", f"label {winner}"


def test_one_rule_says_which_label_wins(case: tuple[Path, str]) -> None:
    path, winner = case
    classifier, reference = prunetext.load(path), ReferenceModel(path)
    number = classifier.labels.index(winner)
    shares = classifier.predict_proba(TEXTS)
    assert (shares[:, number] == shares.max(1)).all(), "no label is more probable than the winner"
    expected = list(zip([winner] * len(TEXTS), shares[:, number].tolist(), strict=True))
    for reject in (False, True):
        assert classifier.predict(TEXTS, reject=reject) == [winner] * len(TEXTS)
        assert classifier.predict_with_probability(TEXTS, reject=reject) == expected
        assert reference.predict(TEXTS, reject=reject) == [winner] * len(TEXTS)
        own = reference.predict_with_probability(TEXTS, reject=reject)
        assert [label for label, _ in own] == [winner] * len(TEXTS)
        assert [share for _, share in own] == pytest.approx(shares[:, number].tolist(), abs=1e-5)
    for kernel in _native.kernels():
        other = _native.Model(path, kernel)
        assert other.predict(TEXTS, 1) == [winner] * len(TEXTS)
        assert other.predict_with_probability(TEXTS, 1) == expected


def test_the_probability_is_that_of_the_label(make_tensors: Callable[..., Any], tmp_path: Path) -> None:
    tensors, metadata = make_tensors()
    tensors["head.weight"][:] = 0
    # The table of docs/format.md.
    for biases, winner, expected in (
        ([0, 2, 2], "label 1", 0.46831),
        ([0, 1e-30, 2e-30], "label 2", 0.33333),
        ([-1, -0.0, 0.0], "label 1", 0.42232),
    ):
        tensors["head.bias"][:] = biases
        write(tmp_path / "model", tensors, metadata)
        [(label, share)] = prunetext.load(tmp_path / "model").predict_with_probability(["film"])
        assert label == winner
        assert share == pytest.approx(expected, abs=5e-6)


def test_several_labels_have_no_ties(make_tensors: Callable[..., Any], tmp_path: Path) -> None:
    tensors, metadata = make_tensors(thresholds=(0.5, 0.5, 0.5))
    tensors["head.weight"][:] = 0
    tensors["head.bias"][:] = [0, 1e-30, -1]
    write(tmp_path / "model", tensors, metadata)
    several, reference = prunetext.load(tmp_path / "model"), ReferenceModel(tmp_path / "model")
    answers: Any = several.predict_with_probability(["film"])
    assert answers == [[("label 0", 0.5), ("label 1", 0.5)]], "each label is asked by itself"
    assert reference.predict_several(["film"]) == [["label 0", "label 1"]]
