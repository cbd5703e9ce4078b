"""Vocabulary lookup and word counting against plain Python over the same tokens."""

from __future__ import annotations

import sys
import threading
from array import array
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prunetext.runtime._native import Vocabulary, count_words, tokenize

WORDS = ["the", "film", "great", ",", "中", "文", "a", "ab", "abcdefgh", "abcdefghi", "abcdefghj", "x" * 16, "y" * 17]
TEXTS = st.lists(
    st.one_of(
        st.text(max_size=40),
        st.lists(st.sampled_from([*WORDS, "THE", "dull", "abcdefg", "abcdefghk", "x" * 15]), max_size=30).map(" ".join),
    ),
    max_size=20,
)


def encode(vocabulary: Vocabulary, texts: list[str], threads: int = 1) -> list[list[int]]:
    ids, offsets = vocabulary.encode(texts, threads=threads)
    numbers = array("i", ids)
    bounds = array("q", offsets)
    assert len(bounds) == len(texts) + 1
    assert bounds[0] == 0
    assert bounds[-1] == len(numbers)
    return [numbers[begin:end].tolist() for begin, end in pairwise(bounds)]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(TEXTS)
def test_encode_is_tokenize_and_a_dictionary(texts: list[str]) -> None:
    vocabulary = Vocabulary(WORDS)
    ids = {word: index + 2 for index, word in enumerate(WORDS)}
    expected = [[ids.get(token, 1) for token in tokenize(text)] for text in texts]
    assert encode(vocabulary, texts) == expected
    assert vocabulary.encode(texts, threads=3) == vocabulary.encode(texts, threads=1)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.text(min_size=1, max_size=40).filter(lambda text: tokenize(text) == [text]), unique=True))
def test_words_are_found(words: list[str]) -> None:
    vocabulary = Vocabulary(words)
    assert vocabulary.words == words
    assert len(vocabulary) == len(words)
    assert encode(vocabulary, words) == [[index + 2] for index in range(len(words))]


def test_many_words() -> None:
    words = [f"{stem}{number}" for stem in ("w", "vocabulary") for number in range(50_000)]
    vocabulary = Vocabulary(words)
    assert encode(vocabulary, [" ".join(words)]) == [list(range(2, len(words) + 2))]
    assert encode(vocabulary, [" ".join(f"u{word}" for word in words)]) == [[1] * len(words)]


def test_worked_example() -> None:
    vocabulary = Vocabulary(["film", "great"])
    assert encode(vocabulary, ["A great FILM", "", "Film\ud800"]) == [[1, 3, 2], [], [2]]
    assert encode(vocabulary, []) == []
    assert encode(Vocabulary([]), ["a b"]) == [[1, 1]]


def test_words_that_are_no_tokens_are_kept_apart() -> None:
    words = ["ab", "ab\0", "ab\0\0", "a b", "AB"]
    vocabulary = Vocabulary(words)
    assert vocabulary.words == words
    assert encode(vocabulary, ["ab a b"]) == [[2, 1, 1]]


def test_very_long_token() -> None:
    long = "x" * 1_000_000
    assert encode(Vocabulary([long]), [long + " " + long + "x", long[:-1] + "y"]) == [[2, 1], [1]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a", "b", "a"], r"word 2 \('a'\) is word 0 again"),
        (["a", ""], "word 1 is empty"),
        (["long-enough-word", "long-enough-word"], "word 1 .* is word 0 again"),
        (["\ud800"], "surrogates not allowed"),
    ],
)
def test_refused_words(words: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Vocabulary(words)


def test_wrong_types() -> None:
    vocabulary = Vocabulary(["a"])
    with pytest.raises(TypeError, match=r"texts must be str, not int \(item 1\)"):
        vocabulary.encode(["a", 3])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="texts must be a list of str, not str"):
        vocabulary.encode("abc")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"words must be str, not bytes \(item 0\)"):
        Vocabulary([b"a"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="threads must be at least 1"):
        vocabulary.encode(["a"], threads=0)


@pytest.mark.parametrize("threads", [2, 3, 7, 100_000])
def test_threads_do_not_change_the_answer(threads: int) -> None:
    texts = ["the film , " * (number % 50) + "中文 great" * (number % 3) for number in range(500)]
    texts[3] = "great " * 10_000
    vocabulary = Vocabulary(WORDS)
    assert vocabulary.encode(texts, threads=threads) == vocabulary.encode(texts)


def test_list_may_change_while_it_is_encoded() -> None:
    vocabulary = Vocabulary(WORDS)
    texts = [f"the film {number} " * 50 for number in range(20_000)]
    expected = vocabulary.encode(texts)
    results = []
    worker = threading.Thread(target=lambda: results.append(vocabulary.encode(texts, threads=2)))
    references = sys.getrefcount(texts)
    worker.start()
    # Either the worker has taken its copy of the list, or it sees an emptied one; neither may crash.
    texts.clear()
    worker.join()
    assert sys.getrefcount(texts) == references
    assert results[0] in (expected, vocabulary.encode([]))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(TEXTS)
def test_count_words(texts: list[str]) -> None:
    expected = Counter(token for text in texts for token in tokenize(text))
    counts = count_words(texts)
    assert counts == expected
    assert list(counts) == list(expected)  # in the order of their first occurrence
