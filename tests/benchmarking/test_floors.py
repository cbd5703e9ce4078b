"""The floors count and hash every word: what they are compared by is work that was done."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.benchmarking.floors import WordCount
from prunetext.runtime._native import split_and_hash

FACTOR, ALL = 0x9E3779B97F4A7C15, (1 << 64) - 1


def reference(text: str) -> int:
    """The same sum, plain and slow."""
    highest = max(map(ord, text), default=0)
    unit = 1 if highest < 1 << 8 else 2 if highest < 1 << 16 else 4
    total, word = 0, b""
    for character in f"{text} ":
        if character > " ":
            word += ord(character).to_bytes(unit, "little")
        elif word:
            total, word = total + hash_of(word), b""
    return total & ALL


def hash_of(word: bytes) -> int:
    value, at = len(word), 0
    while len(word) - at > 8:
        value = (value ^ int.from_bytes(word[at : at + 8], "little")) * FACTOR & ALL
        value = (value << 32 | value >> 32) & ALL
        at += 8
    value = (value ^ int.from_bytes(word[at:], "little")) * FACTOR & ALL
    return value ^ value >> 32


@given(st.lists(st.text(st.sampled_from("ab \t\x1fé电𝕏")) | st.text(max_size=200)))
def test_every_word_of_every_text_is_hashed(texts: list[str]) -> None:
    assert split_and_hash(texts) == sum(map(reference, texts)) & ALL


@given(st.lists(st.sampled_from(["a", "film", "eightish", "a-longer-word", " ", "\n"]), min_size=1, max_size=80))
def test_words_that_cross_blocks_are_hashed_whole(parts: list[str]) -> None:
    text = " ".join(parts)
    assert split_and_hash([text]) == reference(text)
    assert split_and_hash(["".join(parts)]) == reference("".join(parts))
    assert split_and_hash([text.encode()]) == reference(text)


def test_the_checksum_changes_with_a_word_and_not_with_the_threads() -> None:
    texts = [f"a film about number {number}" for number in range(1000)]
    sums = {split_and_hash(texts, threads) for threads in (1, 2, 7)}
    assert len(sums) == 1
    assert split_and_hash([*texts[:-1], "a film about number 998"]) not in sums
    assert split_and_hash([]) == 0


def test_what_is_no_list_of_texts_is_refused() -> None:
    with pytest.raises(TypeError, match="must be str"):
        split_and_hash(["a", 1])
    with pytest.raises(ValueError, match="threads"):
        split_and_hash(["a"], 0)


@pytest.mark.skipif(not WordCount.installed(), reason="needs wc")
def test_wc_counts_the_words_that_python_splits(tmp_path: Path) -> None:
    words = ["a", "film", "it's", "(great)", "42", "\tindented"]
    texts = [" ".join(random.Random(seed).choices(words, k=seed % 9)) for seed in range(200)]
    count = WordCount(texts, tmp_path)
    assert count.times > 1
    assert count.words() == sum(len(text.split()) for text in texts)
    assert count.seconds() > 0
