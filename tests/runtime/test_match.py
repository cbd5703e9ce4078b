"""Finding stored texts by their vectors: which are nearest, and which of those the model finds most probable."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prunetext
from prunetext.runtime.reference import ReferenceModel

WORDS = ("a", "bad", "dull", "film", "films", "good", "great", "the", "unseen", "电")
texts = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)


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
