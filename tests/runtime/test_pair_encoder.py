"""The ids of pairs and their flags, against a definition in plain Python that compares every token with every other."""

from array import array
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prunetext.runtime._native import BESIDE, MATCHED, Vocabulary, tokenize

WORDS = ["the", "film", "great", ",", "中", "文", "a", "abcdefgh", "abcdefghi", "y" * 17]
FLAGS = MATCHED | BESIDE
PARTS = [*WORDS, "THE", "unseen", "café", "CAFE", "abcdefghj", "x" * 16, "x" * 17]
texts = st.lists(st.sampled_from(PARTS), max_size=9).map(" ".join) | st.text(max_size=12)
# Above and below the length up to which texts are compared by masks.
long_texts = st.integers(0, 3).flatmap(
    lambda kinds: st.lists(st.sampled_from(PARTS + ["w1", "w2", "w3"][:kinds]), min_size=58, max_size=90).map(" ".join)
)


def flags_of(own: list[str], other: list[str]) -> list[int]:
    """MATCHED where a token occurs in the other text, BESIDE where it does so next to an equal one."""
    flags = []
    for i, token in enumerate(own):
        places = [j for j, each in enumerate(other) if each == token]
        after = any(i + 1 < len(own) and j + 1 < len(other) and own[i + 1] == other[j + 1] for j in places)
        before = any(i > 0 and j > 0 and own[i - 1] == other[j - 1] for j in places)
        flags.append((MATCHED if places else 0) | (BESIDE if after or before else 0))
    return flags


def encode_pairs(vocabulary: Vocabulary, pairs: list[tuple[str, str]], threads: int = 1) -> list[list[int]]:
    ids, offsets = vocabulary.encode_pairs([a for a, _ in pairs], [b for _, b in pairs], threads=threads)
    numbers, bounds = array("i", ids), array("q", offsets)
    assert len(bounds) == 2 * len(pairs) + 1
    assert (bounds[0], bounds[-1]) == (0, len(numbers))
    return [numbers[begin:end].tolist() for begin, end in pairwise(bounds)]


def expected(pairs: list[tuple[str, str]]) -> list[list[int]]:
    rows = []
    for pair in pairs:
        tokens = [tokenize(text) for text in pair]
        for own, other in (tokens, tokens[::-1]):
            ids = [WORDS.index(token) + 2 if token in WORDS else 1 for token in own]
            rows.append([number | flag for number, flag in zip(ids, flags_of(own, other), strict=True)])
    return rows


@settings(max_examples=300)
@given(st.lists(st.tuples(texts, texts), max_size=6))
def test_ids_and_flags_are_those_of_the_definition(pairs: list[tuple[str, str]]) -> None:
    assert encode_pairs(Vocabulary(WORDS), pairs) == expected(pairs)


@settings(max_examples=100)
@given(long_texts, texts | long_texts)
def test_long_texts_have_the_flags_of_the_definition(one: str, other: str) -> None:
    pairs = [(one, other), (other, one), (one, one)]
    assert encode_pairs(Vocabulary(WORDS), pairs) == expected(pairs)


@settings(max_examples=100)
@given(st.lists(st.tuples(texts, texts | long_texts), max_size=5))
def test_exchanged_texts_exchange_their_ids(pairs: list[tuple[str, str]]) -> None:
    vocabulary = Vocabulary(WORDS)
    there, back = encode_pairs(vocabulary, pairs), encode_pairs(vocabulary, [(b, a) for a, b in pairs])
    assert there[::2] == back[1::2]
    assert there[1::2] == back[::2]


@settings(max_examples=50)
@given(st.lists(st.tuples(texts, texts), max_size=9))
def test_without_flags_they_are_the_ids_of_the_texts(pairs: list[tuple[str, str]]) -> None:
    vocabulary = Vocabulary(WORDS)
    ids, offsets = vocabulary.encode([text for pair in pairs for text in pair])
    flagged, bounds = vocabulary.encode_pairs([a for a, _ in pairs], [b for _, b in pairs])
    assert bounds == offsets
    assert array("i", [number & ~FLAGS for number in array("i", flagged)]) == array("i", ids)


def test_worked_example() -> None:
    vocabulary = Vocabulary(["film", "great"])
    assert encode_pairs(vocabulary, []) == []
    first, second = encode_pairs(vocabulary, [("A great FILM", "this great film: great")])
    assert first == [1, 3 | FLAGS, 2 | FLAGS]
    assert second == [1, 3 | FLAGS, 2 | FLAGS, 1, 3 | MATCHED]
    assert (MATCHED, BESIDE) == (1 << 29, 1 << 30)


@pytest.mark.parametrize("threads", [2, 3, 7, 100_000])
def test_threads_do_not_change_the_answer(threads: int) -> None:
    firsts = ["the film , " * (number % 50) + "great" for number in range(300)]
    seconds = ["great film " * (number % 7) + "unseen" * (number % 2) for number in range(300)]
    firsts[3] = "great " * 10_000
    vocabulary = Vocabulary(WORDS)
    assert vocabulary.encode_pairs(firsts, seconds, threads=threads) == vocabulary.encode_pairs(firsts, seconds)


def test_long_texts_take_linear_time() -> None:
    words = [f"word{number % 1000}" for number in range(500_000)]
    first, second = encode_pairs(Vocabulary(WORDS), [(" ".join(words), " ".join(words[7:]))])
    assert set(first[7:]) == set(second) == {1 | FLAGS}
    first, second = encode_pairs(Vocabulary(WORDS), [(" ".join(words), " ".join(words[::2]))])
    assert first[:4] == [1 | MATCHED, 1, 1 | MATCHED, 1]


def test_what_is_no_pair_of_lists_is_refused() -> None:
    vocabulary = Vocabulary(WORDS)
    with pytest.raises(ValueError, match="2 first texts and 1 second ones"):
        vocabulary.encode_pairs(["a", "b"], ["a"])
    with pytest.raises(TypeError, match=r"seconds must be str, not int \(item 1\)"):
        vocabulary.encode_pairs(["a", "b"], ["a", 3])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="firsts must be a list of str, not str"):
        vocabulary.encode_pairs("ab", ["a", "b"])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="threads must be at least 1"):
        vocabulary.encode_pairs([], [], threads=0)
