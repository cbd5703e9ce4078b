"""What a model of pairs takes and refuses, and its vectors."""

import copy
import gc
import pickle
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest

import prunetext
from prunetext.runtime import _native
from prunetext.runtime.reference import ReferenceModel

PAIRS = [("a great film", "great!"), ("", "dull"), ("dull, bad films!", "bad films"), ("电影 unseen", "unseen")] * 300


def test_it_says_what_it_labels(model: Path, pair_model: Path) -> None:
    texts, pairs = prunetext.load(model), prunetext.load(pair_model)
    assert (texts.task, texts.positive) == ("classification", None)
    assert (pairs.task, pairs.positive) == ("pairs", "label 2")


def test_pairs_may_be_any_iterable_of_tuples_or_lists(pair_model: Path) -> None:
    classifier = prunetext.load(pair_model)
    expected = classifier.predict(PAIRS)
    assert len(set(expected)) > 1
    assert classifier.predict(tuple(PAIRS)) == expected
    assert classifier.predict([[*pair] for pair in PAIRS]) == expected
    assert classifier.predict(iter(PAIRS)) == expected
    assert classifier.predict(zip(*zip(*PAIRS, strict=True), strict=True)) == expected
    assert classifier.predict([(a.encode(), b.encode()) for a, b in PAIRS]) == expected
    assert classifier.predict([]) == []
    assert classifier.predict_proba([]).shape == (0, 3)
    rows = classifier.predict_proba(PAIRS)
    answers = [(classifier.labels[row.argmax()], row.max()) for row in rows]
    assert classifier.predict_with_probability(PAIRS) == answers


def test_threads_change_nothing(pair_model: Path) -> None:
    classifier = prunetext.load(pair_model)
    one = classifier.predict(PAIRS, threads=1)
    for threads in (None, 2, 3, 10_000):
        assert classifier.predict(PAIRS, threads=threads) == one
    long = PAIRS * 30  # above the threshold from which threads are used unasked
    assert classifier.predict(long) == one * 30


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ("a film", "single str; .* list of .first, second. tuples"),
        (["a film"], r"not str \(item 0\); .* list of .first, second. tuples"),
        ([("a", "b"), ("a", "b", "c")], r"two texts, not 3 \(item 1\)"),
        ([("a",)], r"two texts, not 1 \(item 0\)"),
        ([("a", "b"), None], r"not NoneType \(item 1\)"),
        ([("a", "b"), ("a", 3)], r"must be str, not int \(item 1\)"),
        (("a", "b"), r"not str \(item 0\)"),
        (pyarrow.array(["a"]), "single StringArray"),
        (3, "list of strings"),
    ],
)
def test_what_is_no_list_of_pairs_is_refused(pair_model: Path, pairs: Any, message: str) -> None:
    classifier = prunetext.load(pair_model)
    for method in (classifier.predict, classifier.predict_proba, classifier.predict_with_probability):
        with pytest.raises(prunetext.InputError, match=message):
            method(pairs)


def test_a_model_of_single_texts_says_what_to_give(model: Path) -> None:
    classifier = prunetext.load(model)
    with pytest.raises(prunetext.InputError, match=r"not tuple \(item 0\); give a list of strings"):
        classifier.predict([("a", "b")])
    with pytest.raises(prunetext.InputError, match="judges no pairs of texts"):
        classifier.match("a", np.zeros((1, 40), np.float32))


def test_references_are_given_back(pair_model: Path) -> None:
    classifier = prunetext.load(pair_model)
    text = "a great film number " + str(id(pair_model))
    pairs = [(text, text)] * 10
    gc.collect()
    before = sys.getrefcount(text)
    classifier.predict(pairs)
    classifier.predict_proba(pairs)
    classifier.explain((text, text))
    classifier.match(text, classifier.encode([text] * 3), texts=[text] * 3)
    with pytest.raises(prunetext.InputError):
        classifier.predict([*pairs, (text, 3)])  # type: ignore[list-item]
    assert sys.getrefcount(text) == before


def test_list_may_change_meanwhile(pair_model: Path) -> None:
    classifier = prunetext.load(pair_model)
    pairs = [[f"a great film {number}", "great"] for number in range(20_000)]
    stop = threading.Event()

    def churn() -> None:
        number = 0
        while not stop.is_set():
            pairs[number % len(pairs)][1] = f"a great film {number}"
            number += 7

    other = threading.Thread(target=churn)
    other.start()
    try:
        for _ in range(5):
            assert len(classifier.predict(pairs, threads=2)) == len(pairs)
    finally:
        stop.set()
        other.join()


def test_a_pickle_or_a_copy_judges_alike(pair_model: Path) -> None:
    classifier = prunetext.load(pair_model)
    for other in (pickle.loads(pickle.dumps(classifier)), copy.copy(classifier)):
        assert other.predict(PAIRS) == classifier.predict(PAIRS)


@pytest.mark.parametrize("kind", ["model", "pair_model"])
def test_vectors_are_the_features_of_single_texts(request: pytest.FixtureRequest, kind: str) -> None:
    path = request.getfixturevalue(kind)
    some = ["", "a great film", "unseen", "bad " * 200, "电影"]
    reference = ReferenceModel(path)
    expected = np.array([reference.features(_native.tokenize(text)) for text in some], np.float32)
    classifier = prunetext.load(path)
    for threads in (None, 1, 2):
        vectors = classifier.encode(some, threads=threads)
        assert vectors.dtype == np.float32
        assert (vectors == expected).all()
    for kernel in _native.kernels():
        assert _native.Model(path, kernel).encode(some, 1) == expected.tobytes()
    assert classifier.encode([]).shape == (0, expected.shape[1])
    with pytest.raises(prunetext.InputError, match=r"must be str, not tuple \(item 0\)"):
        classifier.encode([("a", "b")])  # type: ignore[list-item]
