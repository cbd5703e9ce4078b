"""The native tokenizer pieces/3 against a reference in Python: words/2, and behind each word its pieces."""

from __future__ import annotations

import string
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import words as reference
from prunetext.runtime import _native
from prunetext.runtime.reference import ReferenceModel
from prunetext.runtime.tokenizers import PIECES_3, WORDS_2, pieces_of, whole_words

SCALARS = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
NASTY = [*"aB0 .·'éßİǆΣ\u0301\u0323\u0316", *"中が\u3099ที่ดี", *"कु\u093c\u200d\u200cল\u09be각\u1100\u1161\u11a8"]
NASTY += [*"\U0001f1e9\U0001f1ea😀🏽", "\u00ad", "\U000e0067", "\ud800", "x" * 31, "é" * 15, "·" * 3]


def tokenize(text: str) -> list[str]:
    return _native.tokenize(text, PIECES_3)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a", ["a"]),
        ("In", ["in", "··in", "·in·"]),
        ("Schön!", ["schön", "··sc", "·sch", "·chö", "·hön", "·ön·", "!"]),
        ("कुल", ["कुल", "··कुल", "·कुल·"]),
        ("한국어", ["한국어", "··한국", "·한국어", "·국어·"]),
        ("我喜欢NLP。", ["我", "喜", "欢", "nlp", "··nl", "·nlp", "·lp·", "。"]),
        ("ที่ดี 🇩🇪 😀", ["ที่", "ดี", "🇩🇪", "😀"]),
        ("··a", ["·", "·", "a"]),
        ("a" * 64, ["a" * 64, "··aa", *["·aaa"] * 62, "·aa·"]),
        ("a" * 65, ["a" * 65]),
        ("", []),
    ],
)
def test_defined_results(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens
    assert reference.with_pieces(text) == tokens


def test_every_scalar_between_letters() -> None:
    for start in range(0, len(SCALARS), 2048):
        text = " ".join(f"a{chr(code)}b" for code in SCALARS[start : start + 2048])
        assert tokenize(text) == reference.with_pieces(text)


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(NASTY)).map("".join))
def test_nasty_strings(text: str) -> None:
    assert tokenize(text) == reference.with_pieces(text)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(max_size=200))
def test_without_the_pieces_it_is_words_2(text: str) -> None:
    pieces, words = pieces_of(text, PIECES_3), _native.tokenize(text, whole_words(PIECES_3))
    assert sorted([*words, *pieces]) == sorted(tokenize(text))
    assert words == _native.tokenize(text, WORDS_2)
    assert not set(pieces) & set(words)


def test_the_middle_letters_of_the_pieces_are_the_word() -> None:
    word = string.ascii_lowercase
    assert "".join(piece[2] for piece in tokenize(word)[1:]) == word


KNOWN = ("a", "é", "··ab", "·abé", "·bé·", "·aaa", "abé", "中", "·क\u200dकa", "x" * 64, "x" * 70, "!")


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from([*NASTY[:-4], "abé", *KNOWN]), min_size=1, max_size=12).map("".join),
    st.integers(0, 80),
    st.booleans(),
    st.sampled_from([{}, {"pairs": True}]),
)
def test_kernels_read_piece_by_piece_as_the_reference_reads_the_whole(
    make_model: Callable[..., Path], text: str, back: int, utf8: bool, shape: dict[str, bool]
) -> None:
    """A kernel takes 4,096 units of a text at a time: words are put around that place."""
    path = make_model(words=KNOWN, tokenizer=PIECES_3, filters={1: 3, 3: 2}, **shape)
    whole = "a " * ((4096 - back) // 2) + "x" * (back % 2) + text + text
    whole = whole.encode("utf-8", "replace").decode()
    item = whole.encode() if utf8 else whole
    expected = ReferenceModel(path).predict_proba([(whole, whole)] if shape else [whole])
    for kernel in _native.kernels():
        found = _native.Model(path, kernel).probabilities([(item, item)] if shape else [item], 1)
        assert np.frombuffer(found, np.float32) == pytest.approx(expected[0], abs=1e-6), kernel


def test_the_vocabulary_counts_and_finds_pieces() -> None:
    assert _native.count_words(["no on"], PIECES_3) == {"no": 1, "··no": 1, "·no·": 1, "on": 1, "··on": 1, "·on·": 1}
    ids, _ = _native.Vocabulary(["·on·", "no"], PIECES_3).encode(["No on"])
    assert memoryview(ids).cast("i").tolist() == [3, 1, 1, 1, 1, 2]
    assert not _native.same_tokens(["ascii"], WORDS_2, PIECES_3)


@pytest.mark.parametrize("unit", ["a", "ab ", "é", "\u0301", "a\u0301b "])
def test_long_text_takes_linear_time(unit: str) -> None:
    start = time.process_time()
    tokenize(unit * (1_000_000 // len(unit)))
    assert time.process_time() - start < 20
