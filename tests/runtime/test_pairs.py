"""What a model of pairs takes and refuses, its vectors, and finding stored texts with them."""

import copy
import gc
import pickle
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prunetext
from prunetext.runtime import _native
from prunetext.runtime.format import write
from prunetext.runtime.reference import ReferenceModel

PAIRS = [("a great film", "great!"), ("", "dull"), ("dull, bad films!", "bad films"), ("电影 unseen", "unseen")] * 300
WORDS = ("a", "bad", "dull", "film", "films", "good", "great", "the", "unseen", "电")
texts = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)


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


def by_definition(path: Path, query: str, stored: list[str], top: int, side: str, *, words: bool) -> list[int]:
    """Rows of the best texts: by the head, among the 100 with the largest cosine."""
    classifier, reference = prunetext.load(path), ReferenceModel(path)
    own, vectors = classifier.encode([query])[0].astype(float), classifier.encode(stored).astype(float)
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(own)
    cosines = np.divide(vectors @ own, lengths, out=np.zeros(len(stored)), where=lengths > 0)
    nearest = np.lexsort((np.arange(len(stored)), -cosines))[:100]
    shares = []
    for row in nearest:
        if words:
            pair = (query, stored[row]) if side == "first" else (stored[row], query)
            shares.append(classifier.predict_proba([pair])[0, 2])
            continue
        u, v = (own, vectors[row]) if side == "first" else (vectors[row], own)
        logits = np.array(reference.decide([*u, *v, *np.abs(u - v), *(u * v)])) / reference.temperature
        shares.append(np.float32(np.exp(logits[2] - logits.max()) / np.exp(logits - logits.max()).sum()))
    return nearest[np.lexsort((nearest, -np.array(shares)))][:top].tolist()


@given(query=texts, stored=st.lists(texts, max_size=12), side=st.sampled_from(["first", "second"]))
def test_match_is_the_definition(pair_model: Path, query: str, stored: list[str], side: Any) -> None:
    classifier = prunetext.load(pair_model)
    vectors = classifier.encode(stored)
    for given_texts in (None, stored):
        answers = classifier.match(query, vectors, top=5, texts=given_texts, side=side)
        expected = by_definition(pair_model, query, stored, 5, side, words=given_texts is not None)
        shares = dict(classifier.match(query, vectors, top=99, texts=given_texts, side=side))
        # Probabilities may differ from those of numpy in their last bit, and change places then.
        assert [share for _, share in answers] == pytest.approx([shares[row] for row in expected], abs=1e-6)
        assert [share for _, share in answers] == sorted((share for _, share in answers), reverse=True)
        assert len(answers) == min(5, len(stored))


def test_match_with_texts_gives_the_probability_of_the_pair(pair_model: Path) -> None:
    classifier = prunetext.load(pair_model)
    stored = [" ".join(WORDS[: number % 9]) + f" unseen{number}" for number in range(50)]
    vectors = classifier.encode(stored)
    for side in ("first", "second"):
        pairs = [("the film unseen7", text) if side == "first" else (text, "the film unseen7") for text in stored]
        shares = classifier.predict_proba(pairs)[:, 2]
        answers = classifier.match("the film unseen7", vectors, 50, texts=stored, side=side)  # type: ignore[arg-type]
        assert sorted(row for row, _ in answers) == [*range(50)]
        assert all(share == shares[row] for row, share in answers)


def test_equal_texts_come_in_their_order(pair_model: Path) -> None:
    classifier = prunetext.load(pair_model)
    vectors = classifier.encode(["a great film"] * 500)
    answers = classifier.match("a great film", vectors, top=200)
    assert [row for row, _ in answers] == [*range(200)]
    assert [row for row, _ in classifier.match("", 0 * vectors, top=3)] == [0, 1, 2]


def test_only_the_nearest_are_judged_and_size_does_not_matter(pair_model: Path) -> None:
    classifier = prunetext.load(pair_model)
    rng = np.random.default_rng(0)
    own = classifier.encode(["a great film"])[0].astype(float)
    vectors = rng.normal(size=(5000, len(own)))
    nearest = np.argsort(-(vectors @ own) / np.linalg.norm(vectors, axis=1))[:100]
    vectors *= 10.0 ** rng.integers(-30, 30, (5000, 1))
    answers = classifier.match("a great film", vectors.astype(np.float32), top=100)
    assert {row for row, _ in answers} == {*nearest.tolist()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda vectors: vectors.astype(float), "vectors must be float32"),
        (lambda vectors: vectors[:, :-1].copy(), "vectors must have 40 columns"),
        (lambda vectors: vectors[0], "vectors must have 40 columns"),
        (lambda vectors: vectors[::2], "C-contiguous"),
        (lambda vectors: vectors.tolist(), "C-contiguous array of float32"),
        (lambda vectors: vectors.view(">f4"), "vectors must be float32"),
        (lambda vectors: np.where(np.arange(9)[:, None] == 7, np.float32("nan"), vectors), "row 7 .* not finite"),
        (lambda vectors: np.where(np.arange(9)[:, None] == 8, np.float32("-inf"), vectors), "row 8 .* not finite"),
    ],
)
def test_other_vectors_are_refused(pair_model: Path, change: Callable[[Any], Any], message: str) -> None:
    classifier = prunetext.load(pair_model)
    vectors = classifier.encode(["a great film"] * 9)
    with pytest.raises(prunetext.InputError, match=message):
        classifier.match("a", change(vectors))


def test_other_arguments_of_match_are_refused(pair_model: Path) -> None:
    classifier = prunetext.load(pair_model)
    vectors = classifier.encode(["a", "b"])
    with pytest.raises(prunetext.InputError, match="texts and vectors must be as many"):
        classifier.match("a", vectors, texts=["a"])
    with pytest.raises(prunetext.InputError, match=r"must be str, not int \(item 1\)"):
        classifier.match("a", vectors, texts=["a", 3])  # type: ignore[list-item]
    with pytest.raises(prunetext.InputError, match="texts must be a list"):
        classifier.match("a", vectors, texts="ab")
    for query in (["a"], None, ("a", "b")):
        with pytest.raises(prunetext.InputError, match="one text as a str"):
            classifier.match(query, vectors)  # type: ignore[arg-type]
    for top in (0, -1, 2.5, "3"):
        with pytest.raises(prunetext.InputError, match=r"^top is .*whole number"):
            classifier.match("a", vectors, top=top)  # type: ignore[arg-type]
    for side in ("third", []):
        with pytest.raises(prunetext.InputError, match="it must be 'first' or 'second'"):
            classifier.match("a", vectors, side=side)  # type: ignore[arg-type]
    assert len(classifier.match("a", vectors, top=10**9)) == 2


class Broken(list):  # type: ignore[type-arg]
    """A list that cannot be gone through."""

    def __iter__(self) -> Any:
        raise LookupError("broken")


def test_an_error_of_the_callers_own_list_is_left_as_it_is(pair_model: Path) -> None:
    classifier = prunetext.load(pair_model)
    vectors = classifier.encode(["a", "b"])
    with pytest.raises(LookupError, match="broken"):
        classifier.match("a", vectors, texts=Broken(["a", "b"]))


@given(st.tuples(texts, texts))
def test_explanation_shares_are_of_the_texts_own_ngrams(pair_model: Path, pair: tuple[str, str]) -> None:
    shares = prunetext.load(pair_model).explain(pair)
    ngrams = set()
    for text in pair:
        tokens = _native.tokenize(text)
        ngrams |= {
            " ".join(tokens[first:last]) for last in range(len(tokens) + 1) for first in range(max(0, last - 3), last)
        }
    assert {ngram for ngram, _ in shares} <= ngrams
    numbers = [share for _, share in shares]
    assert numbers == sorted(numbers, reverse=True)
    assert all(share > 0 for share in numbers)
    if shares:
        assert sum(numbers) == pytest.approx(1)


def test_explanation_of_a_model_made_by_hand(make_tensors: Callable[..., Any], tmp_path: Path) -> None:
    # One filter of one tap. "good" counts 10, and 2 more where it is matched; "film" counts 4.
    tensors, metadata = make_tensors(pairs=True, words=("film", "good"), filters={1: 1}, dimensions=1, classes=2)
    tensors |= {"embedding": np.array([[0], [4], [10]], np.int8), "match": np.array([[2], [0]], np.int8)}
    for name in ("embedding.scale", "conv1.scale", "conv1.table_scale"):
        tensors[name][:] = 1
    tensors["conv1.weight"][:] = 1
    for name in ("conv1.bias", "head.weight", "head.bias"):
        tensors[name][:] = 0
    tensors["head.weight"][1, 4] = 1  # |u - v| of the maxima, for the second label
    write(tmp_path / "apart", tensors, metadata)
    apart = prunetext.load(tmp_path / "apart")
    assert apart.predict([("good", "film")]) == ["label 1"]
    assert apart.explain(("good", "film")) == [("good", 1.0)]  # 10 - 4: all of it is what the larger one adds
    tensors["head.weight"][:] = 0
    tensors["head.weight"][1, 6] = 1  # u · v
    write(tmp_path / "product", tensors, metadata)
    product = prunetext.load(tmp_path / "product")
    assert product.explain(("good", "film")) == [("film", 0.5), ("good", 0.5)]
    assert product.explain(("good", "good")) == [("good", 1.0)]
    assert product.explain(("unseen", "film")) == [], "a product with nothing is nothing"
    assert product.predict_proba([("good", "good"), ("good", "film")])[:, 1].tolist() == [1, 1]
    tensors["head.weight"] /= 100
    write(tmp_path / "product", tensors, metadata)
    logits = np.log(1 / prunetext.load(tmp_path / "product").predict_proba([("good", "good")])[0, 0] - 1)
    assert logits == pytest.approx(12 * 12 / 100, rel=1e-5), "each has the two of the match"


@pytest.mark.parametrize("pair", ["a film", ("a",), ("a", "b", "c"), ("a", 3), None])
def test_explain_takes_one_pair(pair_model: Path, pair: Any) -> None:
    with pytest.raises(prunetext.InputError, match="explain takes one pair of texts"):
        prunetext.load(pair_model).explain(pair)
