"""The native tokenizer pairs/4 against a reference in Python: words/2, and any two letters of their own in a row."""

from __future__ import annotations

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
from prunetext.runtime.tokenizers import BERT, PAIRS_4, PIECES_3, WORDS_2, pieces_of, whole_words

SCALARS = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
NASTY = [*"aB0 .·'éßİ\u0301\u0323\u0316", *"中文。が\u3099か", "豈", *"ที่ดี", *"कु\u200dल각\u1100\u1161\u11a8"]
NASTY += [*"\U0001f1e9\U0001f1ea😀🏽=≠\u0338", "\u00ad", "\u3000", "\U000e0067", "\ud800", "中" + "\u0323" * 31]
NASTY += ["x" * 31, "\U00020000", "\n"]


def tokenize(text: str) -> list[str]:
    return _native.tokenize(text, PAIRS_4)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("我", ["我"]),
        ("我喜欢NLP。", ["我", "我喜", "喜", "喜欢", "欢", "nlp", "。"]),
        ("欢。", ["欢", "欢。", "。"]),
        ("我 \n　喜", ["我", "我喜", "喜"]),
        ("我,喜", ["我", ",", "喜"]),
        ("我a喜", ["我", "a", "喜"]),
        ("ที่ดี", ["ที่", "ที่ดี", "ดี"]),
        ("がか", ["が", "がか", "か"]),
        ("😀🏽🇩🇪😀", ["😀", "😀🏽", "🏽", "🇩🇪", "😀"]),
        ("Schön! कुल 한국어", ["schön", "!", "कुल", "한국어"]),
        ("中" + "\u0323" * 30 + "文", ["中" + "\u0323" * 30, "中" + "\u0323" * 30 + "文", "文"]),
        ("我中" + "\u0323" * 31 + "文文", ["我", "中" + "\u0323" * 31, "文", "文文", "文"]),
        ("", []),
    ],
)
def test_defined_results(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens
    assert reference.with_pairs(text) == tokens


@pytest.mark.parametrize("around", ["中{}文", "a{}中", "中{}\u0323 文"])
def test_every_scalar_between_letters(around: str) -> None:
    for start in range(0, len(SCALARS), 2048):
        text = ",".join(around.format(chr(code)) for code in SCALARS[start : start + 2048])
        assert tokenize(text) == reference.with_pairs(text)


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(NASTY)).map("".join))
def test_nasty_strings(text: str) -> None:
    assert tokenize(text) == reference.with_pairs(text)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(NASTY)).map("".join)))
def test_without_the_pairs_it_is_words_2(text: str) -> None:
    words = _native.tokenize(text, whole_words(PAIRS_4))
    assert words == _native.tokenize(text, WORDS_2)
    known = set(words)
    assert [token for token in tokenize(text) if token in known] == words
    for pair in set(tokenize(text)) - known:
        assert len(_native.tokenize(pair, WORDS_2)) == 2
    assert pieces_of(text, PAIRS_4) == []


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(NASTY)).map("".join))
def test_words_joined_by_spaces_have_the_pairs_of_their_text(text: str) -> None:
    assert tokenize(" ".join(_native.tokenize(text, WORDS_2))) == tokenize(text)


KNOWN = (
    "a",
    "é",
    "中",
    "文",
    "中文",
    "文中",
    "。中",
    "中a",
    "ที่ดี",
    "がか",
    "😀🏽",
    "中" + "\u0323" * 30 + "文",
    "x" * 70,
)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from([*NASTY, *KNOWN]), min_size=1, max_size=12).map("".join),
    st.sampled_from(["a ", "中", "a, ", "中 "]),
    st.integers(0, 80),
    st.booleans(),
    st.sampled_from([{}, {"pairs": True}]),
)
def test_kernels_read_piece_by_piece_as_the_reference_reads_the_whole(
    make_model: Callable[..., Path], text: str, filler: str, back: int, utf8: bool, shape: dict[str, bool]
) -> None:
    """A kernel takes 4,096 units of a text at a time: letters are put around that place, also beside ASCII."""
    path = make_model(words=KNOWN, tokenizer=PAIRS_4, filters={1: 3, 3: 2}, **shape)
    units = len(filler.encode()) if utf8 else len(filler)
    whole = "中" + filler * ((4096 - back) // units) + "文" + text + text
    whole = whole.encode("utf-8", "replace").decode()
    item = whole.encode() if utf8 else whole
    expected = ReferenceModel(path).predict_proba([(whole, whole)] if shape else [whole])
    for kernel in _native.kernels():
        found = _native.Model(path, kernel).probabilities([(item, item)] if shape else [item], 1)
        assert np.frombuffer(found, np.float32) == pytest.approx(expected[0], abs=1e-6), kernel


@pytest.mark.parametrize("between", ["", " " * 9_000, "," + " " * 9_000, "a " * 4_500, " " * 4_095 + "." + " " * 4_095])
@pytest.mark.parametrize("utf8", [False, True])
def test_a_pair_goes_on_behind_pieces_of_spaces_alone(
    make_model: Callable[..., Path], between: str, utf8: bool
) -> None:
    path = make_model(words=("中文", "中", "a"), tokenizer=PAIRS_4, filters={1: 3, 2: 2})
    text = "中" + between + "文"
    assert ("中文" in tokenize(text)) == (not between.strip())
    expected = ReferenceModel(path).predict_proba([text])
    for kernel in _native.kernels():
        found = _native.Model(path, kernel).probabilities([text.encode() if utf8 else text], 1)
        assert np.frombuffer(found, np.float32) == pytest.approx(expected[0], abs=1e-6), kernel


def test_the_vocabulary_counts_and_finds_pairs() -> None:
    assert _native.count_words(["中文。", "中文"], PAIRS_4) == {"中": 2, "中文": 2, "文": 2, "文。": 1, "。": 1}
    ids, _ = _native.Vocabulary(["中文", "文"], PAIRS_4).encode(["中 文文"])
    assert memoryview(ids).cast("i").tolist() == [1, 2, 3, 1, 3]


def test_in_ascii_the_tokens_are_those_of_words_2() -> None:
    assert _native.same_tokens(["ASCII, two!"], WORDS_2, PAIRS_4)
    assert _native.same_tokens(["ASCII, two!", "中, 文"], BERT, PAIRS_4)
    assert not _native.same_tokens(["中文"], WORDS_2, PAIRS_4)
    assert not _native.same_tokens(["ascii"], PIECES_3, PAIRS_4)


@pytest.mark.parametrize("unit", ["a", "中", "中 ", "中,", "中\u0301", "\u0301", "é中", "ที่"])
def test_long_text_takes_linear_time(unit: str) -> None:
    start = time.process_time()
    tokenize(unit * (1_000_000 // len(unit)))
    assert time.process_time() - start < 20
