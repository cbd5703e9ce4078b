"""Padded ids, as an exported model takes them."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prunetext
from prunetext.runtime._native import MATCHED, Vocabulary, tokenize

WORDS = ["film", "great", "电", "."]
TEXTS = st.lists(st.sampled_from([*WORDS, "unseen", "Film!"]), max_size=7).map(" ".join)


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


@given(pairs=st.lists(st.tuples(TEXTS, TEXTS), max_size=5))
def test_ids_of_pairs_have_their_flags_beside_them(pairs: list[tuple[str, str]]) -> None:
    encoder = prunetext.Encoder(WORDS)
    fed = encoder.encode_pairs(pairs)
    assert [*fed] == ["ids", "matched", "ids_b", "matched_b"]
    flat, _ = Vocabulary(WORDS).encode_pairs([first for first, _ in pairs], [second for _, second in pairs])
    found = [
        number + MATCHED * flag
        for row in range(len(pairs))
        for side in ("", "_b")
        for number, flag in zip(fed["ids" + side][row].tolist(), fed["matched" + side][row].tolist(), strict=True)
        if number
    ]
    assert found == np.frombuffer(flat, np.int32).tolist()
    for side, name in enumerate(("ids", "ids_b")):
        assert (fed[name] == encoder.encode([pair[side] for pair in pairs])).all()
        assert not fed[name.replace("ids", "matched")][fed[name] == 0].any()


def test_worked_example_of_pairs() -> None:
    encoder = prunetext.Encoder(["film", "great"])
    fed = encoder.encode_pairs([("great film", "a great one"), ("unseen film", "no unseen film")])
    assert {name: array.tolist() for name, array in fed.items()} == {
        "ids": [[3, 2], [1, 2]],
        "matched": [[1, 0], [3, 3]],
        "ids_b": [[1, 3, 1], [1, 1, 2]],
        "matched_b": [[0, 1, 0], [0, 3, 3]],
    }


@pytest.mark.parametrize("pairs", ["film", ["film"], ["ab"], [("a",)], [("a", "b", "c")], [("a", None)], [3], 5])
def test_pairs_that_are_none_are_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(prunetext.InputError, match=r"give a list of .first, second. tuples"):
        prunetext.Encoder(WORDS).encode_pairs(pairs)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["a", "a"], "words are not a vocabulary"),
        ([b"a"], "words are not a vocabulary"),
        (5, "words are not a vocabulary"),
    ],
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
