"""Models that give a text any number of labels: the runtime, its specification, and files that are none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prunetext
from prunetext.runtime import _native
from prunetext.runtime.format import write
from prunetext.runtime.reference import ReferenceModel

WORDS = ("a", "bad", "dull", "film", "films", "good", "great", "the", "ø", "电", "影")
TEXTS = ["a great film", "", "dull, bad films!", "电影 unseen", "good " * 40]

# Some far out, where a probability as float32 is 0 or 1, or its neighbour.
thresholds = st.floats(0.01, 0.99) | st.sampled_from([0.5, 5e-324, 1e-9, 1 - 2**-24, 1 - 2**-53])
shapes = st.fixed_dictionaries(
    {
        "filters": st.dictionaries(st.integers(1, 5), st.integers(1, 20), min_size=1, max_size=2),
        "pooling": st.sampled_from(["max", "max+mean"]),
        "table": st.sampled_from(["int8", "int16"]),
        "temperature": st.sampled_from([0.001, 1.0, 1.7]),
        "thresholds": st.lists(thresholds, min_size=2, max_size=9).map(tuple),
        "seed": st.integers(0, 2**32 - 1),
    }
)
texts = st.lists(st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join) | st.text(max_size=20), max_size=4)


@given(shape=shapes, some=texts)
def test_native_and_reference_agree(make_model: Callable[..., Path], shape: dict[str, Any], some: list[str]) -> None:
    path = make_model(**shape, classes=len(shape["thresholds"]))
    native, reference, given_texts = prunetext.load(path), ReferenceModel(path), [*TEXTS, *some]
    probabilities = native.predict_proba(given_texts)
    np.testing.assert_allclose(probabilities, reference.predict_proba(given_texts), rtol=0, atol=1e-5)
    labels: Any = native.predict(given_texts)
    assert labels == reference.predict_several(given_texts)
    # What is given is what the probabilities say, by all kernels and in each of the three ways to ask.
    limits = np.array(native.thresholds)
    chosen = [[native.labels[at] for at in np.flatnonzero(row)] for row in probabilities.astype(np.float64) >= limits]
    assert labels == chosen
    answers: Any = native.predict_with_probability(given_texts)
    assert [[label for label, _ in each] for each in answers] == chosen
    shares = [row[row >= limits].tolist() for row in probabilities]
    assert [[share for _, share in each] for each in answers] == shares
    said = native.answers(given_texts)
    assert (said[0] == probabilities).all()
    assert (said[1] == (probabilities.astype(np.float64) >= limits)).all()
    for kernel in _native.kernels():
        other = _native.Model(path, kernel)
        assert other.predict(given_texts, 1) == chosen
        assert other.answers(given_texts, 1) == tuple(each.tobytes() for each in said)
        assert other.predict_with_probability(given_texts, 1) == answers
        assert other.probabilities(given_texts, 1) == probabilities.tobytes()


def test_the_model_says_what_it_is(several_model: Path, model: Path) -> None:
    classifier = prunetext.load(several_model)
    assert (classifier.task, classifier.thresholds, classifier.reject) == ("labels", [0.5, 0.3, 0.8], None)
    single = prunetext.load(model)
    assert (single.task, single.thresholds) == ("classification", None)


def test_more_classes_than_bits_of_a_word(make_model: Callable[..., Path]) -> None:
    classifier = prunetext.load(make_model(classes=131, thresholds=(0.5,) * 131))
    chosen = classifier.predict_proba(TEXTS) >= 0.5
    found: Any = classifier.predict(TEXTS, threads=2)
    assert found == [[f"label {at}" for at in np.flatnonzero(row)] for row in chosen]
    assert chosen[:, 128:].any()


def test_threads_and_kinds_of_texts_change_nothing(several_model: Path) -> None:
    classifier, many = prunetext.load(several_model), TEXTS * 400
    one: Any = classifier.predict(many, threads=1)
    assert {len(each) for each in one} > {0, 1}
    for threads in (None, 2, 10_000):
        assert classifier.predict(many, threads=threads) == one
    assert classifier.predict([text.encode() for text in many]) == one
    assert classifier.predict([]) == classifier.predict_with_probability([]) == []
    with pytest.raises(prunetext.InputError, match="give a list of strings"):
        classifier.predict([3])  # type: ignore[list-item]


def test_nothing_is_rejected(several_model: Path) -> None:
    classifier = prunetext.load(several_model)
    for method in (classifier.predict, classifier.predict_with_probability):
        with pytest.raises(prunetext.InputError, match="any number of labels, even none; leave reject out"):
            method(TEXTS, reject=True)


def test_explanations_are_of_one_label(make_tensors: Callable[..., Any], tmp_path: Path) -> None:
    tensors, metadata = make_tensors(words=("film", "good"), dimensions=2, filters={1: 2}, pooling="max", classes=2)
    tensors["embedding"] = np.array([[0, 0], [100, 0], [0, 100]], np.int8)
    tensors["conv1.weight"] = np.array([[[100, 0]], [[0, 100]]], np.int8)
    tensors["conv1.scale"] = tensors["conv1.table_scale"] = np.ones(2, np.float32)
    tensors["embedding.scale"] = np.array([0.01], np.float32)
    tensors["conv1.bias"][:] = 0
    tensors["head.weight"] = np.array([[1, 3], [2, -1]], np.float32)
    tensors["head.bias"] = np.array([0, -1000], np.float32)
    write(tmp_path / "one", tensors, metadata)
    write(tmp_path / "several", tensors, {**metadata, "task": "labels", "thresholds": "[0.5,0.5]"})
    several, one = prunetext.load(tmp_path / "several"), prunetext.load(tmp_path / "one")
    # Of several labels each speaks for itself: the first one's own weights are 1 and 3.
    assert several.explain("good film") == [("good", 0.75), ("film", 0.25)] == several.explain("good film", "label 0")
    assert several.explain("good film", "label 1") == [("film", 1.0)]
    # Where one excludes the other, the difference counts: -1 and 4, and the reverse for the other.
    assert one.explain("good film") == [("good", 1.0)]
    assert one.explain("good film", "label 1") == [("film", 1.0)]
    with pytest.raises(
        prunetext.InputError, match=r"label is 'none': it must be one of the model's, such as 'label 0'"
    ):
        one.explain("good film", "none")
    for label in (-2, 2):
        with pytest.raises(ValueError, match="no label of this index"):
            _native.Model(tmp_path / "one").explain("good", label)


WRONG = {
    "[]": "has fewer numbers than there are labels",
    "[0.5,0.5]": "has fewer numbers than there are labels",
    "[0.5,0.5,0.5,0.5]": "has more numbers than there are labels",
    **dict.fromkeys(
        (
            "[0.5,0.5,0]",
            "[0.5,0.5,1]",
            "[0.5,0.5,1.5]",
            "[0.5,0.5,-0.5]",
            "[0.5,0.5,1e-400]",
            "[0.5,0.5,]",
            "[0.5,0.5,NaN]",
            "[0.5,0.5,Infinity]",
            "[0.5,0.5,1e400]",
            "[0.5,0.5,+0.5]",
            "[0.5,0.5,.5]",
            "[0.5,0.5,5.e-1]",
            "[0.5,0.5,01.5e-1]",
            "[0.5,0.5,5e]",
            '[0.5,0.5,"0.5"]',
            "[0.5,0.5,[0.5]]",
            "[0.5,0.5,null]",
        ),
        "has something else than a number between 0 and 1",
    ),
    "[0.5,0.5,0.5.5]": "is not the JSON expected",
    "[0.5,0.5,0x1p-1]": "",
    "[0.5,0.5,0.5": "is not the JSON expected",
    "[0.5,0.5,0.5]]": "goes on after its end",
    "0.5": "is not the JSON expected",
    "": "is not the JSON expected",
    "[" * 100_000: "",
}


@pytest.mark.parametrize("thresholds", WRONG, ids=lambda text: text[:30])
def test_hostile_thresholds_are_refused(
    make_tensors: Callable[..., Any], assemble: Callable[..., bytes], tmp_path: Path, thresholds: str
) -> None:
    tensors, metadata = make_tensors()
    data = assemble(tensors, metadata, {}, task="labels", thresholds=thresholds)
    (tmp_path / "victim").write_bytes(data)
    with pytest.raises(prunetext.ModelFileError, match=f"its list of thresholds .*{WRONG[thresholds]}"):
        prunetext.load(tmp_path / "victim")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"task": "labels"}, 'the metadata lacks "thresholds"'),
        ({"thresholds": "[0.5,0.5,0.5]"}, "it has thresholds, which only a model of several labels has"),
        ({"task": "labels", "thresholds": "[0.5,0.5,0.5]", "reject": "0.5"}, "it has a reject, which"),
    ],
)
def test_metadata_must_fit_the_task(
    make_tensors: Callable[..., Any],
    assemble: Callable[..., bytes],
    tmp_path: Path,
    more: dict[str, str],
    message: str,
) -> None:
    tensors, metadata = make_tensors()
    (tmp_path / "victim").write_bytes(assemble(tensors, metadata, {}, **more))
    with pytest.raises(prunetext.ModelFileError, match=message):
        prunetext.load(tmp_path / "victim")
