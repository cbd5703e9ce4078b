"""The n-grams that decided, of texts and of pairs of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prunetext
from prunetext.runtime import _native
from prunetext.runtime.format import encode_vocabulary, write

WORDS = ("a", "bad", "dull", "film", "films", "good", "great", "the", "unseen", "电")
texts = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)


def test_explain_takes_one_text(model: Path) -> None:
    with pytest.raises(prunetext.InputError, match="one text"):
        prunetext.load(model).explain(["a film"])  # type: ignore[arg-type]


@given(st.lists(st.sampled_from(["great", "dull", "film", "unseen", "电影", "!"]), max_size=12).map(" ".join))
def test_explanation_shares_are_of_the_texts_own_ngrams(model: Path, text: str) -> None:
    shares = prunetext.load(model).explain(text)
    tokens = _native.tokenize(text)
    ngrams = {
        " ".join(tokens[first:last]) for last in range(len(tokens) + 1) for first in range(max(0, last - 3), last)
    }
    assert {ngram for ngram, _ in shares} <= ngrams
    assert len({ngram for ngram, _ in shares}) == len(shares)
    numbers = [share for _, share in shares]
    assert numbers == sorted(numbers, reverse=True)
    assert all(share > 0 for share in numbers)
    if shares:
        assert sum(numbers) == pytest.approx(1)


def test_explanation_of_a_model_made_by_hand(make_tensors: Callable[..., Any], tmp_path: Path) -> None:
    # Filter 0 (two taps) fires on "not bad", filter 1 on "good"; "bad" alone, by filter 2's mean, speaks against.
    words = ["bad", "good", "not"]
    embedding = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.int8)
    weight = np.zeros((3, 2, 3), np.int8)
    weight[0, 0, 2] = weight[0, 1, 0] = 10
    weight[1, 0, 1] = 10
    weight[2, 0, 0] = 10
    tensors, metadata = make_tensors(filters={2: 3}, classes=2)
    vocabulary = encode_vocabulary(words)
    head = np.zeros((2, 6), np.float32)
    head[1, :3] = [0.3, 0.2, 0]  # the second label, from the maxima
    head[0, 5] = 0.1  # the first, from the mean of filter 2
    one = np.ones(3, np.float32)
    tensors |= {
        "embedding": embedding,
        "embedding.scale": one[:1],
        "vocabulary": ("U8", (len(vocabulary),), vocabulary),
        "conv2.weight": weight,
        "conv2.scale": one,
        "conv2.table_scale": one,
        "conv2.bias": 0 * one,
        "head.weight": head,
        "head.bias": np.zeros(2, np.float32),
    }
    write(tmp_path / "model", tensors, metadata)
    classifier = prunetext.load(tmp_path / "model")
    assert classifier.predict(["Not bad, good"]) == ["label 1"]
    shares = classifier.explain("Not bad, good")
    # Maxima: 0.3 · 20 for "not bad"; 0.2 · 10 for the first maximal window of "good", which is trimmed to it.
    assert [ngram for ngram, _ in shares] == ["not bad", "good"]
    assert [share for _, share in shares] == pytest.approx([0.75, 0.25])
    assert classifier.explain("") == []


@given(st.tuples(texts, texts))
def test_explanation_shares_of_a_pair_are_of_its_texts_ngrams(pair_model: Path, pair: tuple[str, str]) -> None:
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


def test_explanation_of_a_pair_by_a_model_made_by_hand(make_tensors: Callable[..., Any], tmp_path: Path) -> None:
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
