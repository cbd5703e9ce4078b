"""Padded ids, as an exported model takes them."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prunetext
from prunetext.runtime._native import Vocabulary, tokenize

WORDS = ["film", "great", "电", "."]


@given(texts=st.lists(st.sampled_from([*WORDS, "unseen", "Film!"]).map(str) | st.text(max_size=9), max_size=6))
def test_ids_are_those_of_the_runtime_padded_at_the_end(texts: list[str]) -> None:
    ids = prunetext.Encoder(WORDS).encode(texts)
    tokens = [tokenize(text) for text in texts]
    assert ids.dtype == np.int64
    assert ids.shape == (len(texts), max([1, *map(len, tokens)]))
    for row, own in zip(ids.tolist(), tokens, strict=True):
        assert row[: len(own)] == [WORDS.index(token) + 2 if token in WORDS else 1 for token in own]
        assert not any(row[len(own) :])


def test_any_iterables_will_do() -> None:
    encoder = prunetext.Encoder(iter(WORDS))
    assert encoder.encode(text for text in ("great film", "", "电影")).tolist() == [[3, 2], [0, 0], [4, 1]]
    flat, _ = Vocabulary(WORDS).encode(["great film"])
    assert np.frombuffer(flat, np.int32).tolist() == encoder.encode(["great film"]).tolist()[0]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(["a", "a"], "words are no vocabulary"), ([b"a"], "words are no vocabulary"), (5, "words are no vocabulary")],
)
def test_words_that_are_no_vocabulary_are_refused(words: list[str], sentence: str) -> None:
    with pytest.raises(prunetext.InputError, match=sentence):
        prunetext.Encoder(words)


@pytest.mark.parametrize("texts", ["film", b"film", [None], [1], 5])
def test_texts_that_are_none_are_refused(texts: list[str]) -> None:
    with pytest.raises(prunetext.InputError, match="list"):
        prunetext.Encoder(WORDS).encode(texts)


def test_missing_numpy_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = prunetext.Encoder(WORDS)
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(prunetext.MissingExtraError, match=r"pip install 'prunetext\[onnx\]'"):
        encoder.encode(["film"])
