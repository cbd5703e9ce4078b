"""The native tokenizer words/2 against a reference in Python, and its tables against the Unicode database."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import time
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import unicodedataplus as ucd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import prunetext
from helpers import words as reference
from prunetext.runtime import _native
from prunetext.runtime.format import read_packed, write
from prunetext.runtime.reference import ReferenceModel

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_words_tables.py"
SCALARS = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]

NASTY = [
    *"aAzZ09 .,!?-'<=>`",
    *"\x00\t\n\x0b\x1f\x7f\x85\xa0\xad",
    *"éÉñßẞİıſǰΐΣσςǅﬁKÅЖйĭİ≠≮∄`´²½①",
    *"，。「」“”…—·¿€©´",
    *"中文一龥豈㐀𠀀𪛖々〇ーｰﾞａＡ１",
    *"안녕가힣ᄀ\u1161\u1162\u11a7\u11a8\u11c2ㄱㅏㅤ\u1160",
    *"あア゛パガかは\u3099\u309a",
    *"กาำิี่้๊๋์ๆะไ\u0e38\u0e3aລາວ\u0eb8ខ្មែរ\u17d2မြန်မာ",
    *"कुल\u093c\u0958ऴक्ष\u200c\u200dমো\u09c7\u09be\u09d7তৎ\u09dcതമിഴ\u0dd9\u0dca\u0dcf",
    *"سلاَمُ\u0653\u0622می‌خواهم\u0640\u0654",
    *"\u0300\u0301\u0302\u0307\u0308\u0316\u0323\u0327\u0328\u0338\u0340\u0344\u0345\u034f\u0f71\u0f72\u0f73\u0f81\u20e3\ufe0f",
    *"\u2028\u200b\u202e\u2060\u3000\ufeff\ufffc\ufffd\uffff",
    *"😀👍🏽❤\U0001f1e9\U0001f1ea\U0001f3f4\U000e0067\U000e007f\U000f0000\U0010ffff\U00010400\U0001e900\u0378",
    *"\U000113c2\U000113c5\U00016121\U0001611e\U0001d15e",
    *"\ud800\udfff",
]
COMPOSED = (
    "aAiIeEọộ\u0300\u0301\u0302\u0307\u0316\u0323\u0328\u0338<=\u09c7\u09be\u1100\u1161\u11a8"
    "가각か\u3099\u0dd9\u0dca\u0dcf"
)


def tokenize(text: str) -> list[str]:
    return _native.tokenize(text, "words/2")


def assert_equal_tokens(texts: Iterable[str]) -> None:
    """Compare texts, many at a time, between spaces; show the first that differ."""
    texts = list(texts)
    for start in range(0, len(texts), 2048):
        group = texts[start : start + 2048]
        if tokenize(" ".join(group)) != reference.tokenize(" ".join(group)):
            different = [text for text in group if tokenize(text) != reference.tokenize(text)]
            first = different[:1]
            pytest.fail(f"{len(different)} differ: {first!a}: {list(map(tokenize, first))!a}")


def test_every_scalar_between_letters() -> None:
    assert_equal_tokens(f"a{chr(code)}b" for code in SCALARS)


def test_every_mark_behind_letters_and_before_another_mark() -> None:
    marks = [chr(code) for code in SCALARS if reference.kind(chr(code)) == "M"]
    assert len(marks) > 2000
    assert_equal_tokens(f"{letter}{mark}\u0323\u0301{letter}" for mark in marks for letter in ("E", "か", "क"))


def test_every_decomposed_character() -> None:
    changed = [code for code in SCALARS if ucd.normalize("NFD", chr(code)) != chr(code)]
    assert len(changed) > 13_000
    for code in changed:
        whole, parts = chr(code), ucd.normalize("NFD", chr(code))
        assert tokenize(f"x{whole}\u0323y") == tokenize(f"x{parts}\u0323y"), hex(code)
    assert_equal_tokens(ucd.normalize("NFD", chr(code)) for code in changed)


def test_50_000_nasty_strings() -> None:
    lengths = range(3, 17)
    seen: set[str] = set()

    @settings(max_examples=500, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.text(st.sampled_from(NASTY), min_size=8 * sum(lengths), max_size=8 * sum(lengths)))
    def check(text: str) -> None:
        assert tokenize(text) == reference.tokenize(text)
        start = 0
        for length in [*lengths] * 8:
            piece = text[start : start + length]
            assert tokenize(piece) == reference.tokenize(piece)
            seen.add(piece)
            start += length

    check()
    assert len(seen) >= 50_000


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(st.text(st.sampled_from(COMPOSED)))
def test_what_composes(text: str) -> None:
    assert tokenize(text) == reference.tokenize(text)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.text(max_size=300))
def test_any_string(text: str) -> None:
    assert tokenize(text) == reference.tokenize(text)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(st.sampled_from(NASTY)))
def test_equivalent_texts_have_the_same_tokens(text: str) -> None:
    """NFC, NFD and what was typed: the same tokens, as long as nothing invisible keeps marks apart."""
    seen = "".join(each for each in text if reference.kind(each) not in "DJ")
    assert tokenize(seen) == tokenize(ucd.normalize("NFC", seen)) == tokenize(ucd.normalize("NFD", seen))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(st.characters(max_codepoint=127), max_size=200))
def test_ascii_is_as_with_bert(text: str) -> None:
    assert tokenize(text) == _native.tokenize(text)
    assert tokenize(text + " Ж") == [*_native.tokenize(text), "ж"]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("great😀", ["great", "😀"]),
        ("😀😀!", ["😀", "😀", "!"]),
        ("👍🏽", ["👍", "🏽"]),
        ("👩‍💻 👨‍👩‍👧", ["👩", "💻", "👨", "👩", "👧"]),
        ("I❤️NY", ["i", "❤", "ny"]),
        ("🇩🇪🇫🇷 🇩", ["🇩🇪", "🇫🇷", "🇩"]),
        ("1️⃣a", ["1⃣a"]),
        ("🏴\U000e0067\U000e0062\U000e007f!", ["🏴\U000e0067\U000e0062\U000e007f", "!"]),
        ("5€ ±3 x²", ["5", "€", "±", "3", "x²"]),
        ("Schön SCHON", ["schön", "schon"]),
        ("scho\u0308n", ["schön"]),
        ("कुल कल", ["कुल", "कल"]),
        ("がか", ["が", "か"]),
        ("か\u3099", ["が"]),
        ("コーヒー", ["コ", "ー", "ヒ", "ー"]),
        ("ที่ดี", ["ที่", "ดี"]),
        ("ខ្មែរ", ["ខ្", "មែ", "រ"]),
        ("မြန်မာ", ["မြ", "န်", "မာ"]),
        ("ລາວ", ["ລ", "າ", "ວ"]),
        ("我喜欢NLP。", ["我", "喜", "欢", "nlp", "。"]),
        ("한국어를", ["한국어를"]),
        ("İstanbul ISPARTA ısı", ["istanbul", "isparta", "ısı"]),
        ("ΟΔΟΣ οδος", ["οδοσ", "οδοσ"]),
        ("می‌خواهم a\u200cb", ["می‌خواهم", "ab"]),
        ("Don't stop—ÉLAN!", ["don", "'", "t", "stop", "—", "élan", "!"]),
        ("", []),
        ("\u0301a", ["\u0301a"]),
    ],
)
def test_defined_results(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens
    assert reference.tokenize(text) == tokens


@pytest.mark.parametrize(
    "character", ["a", "é", "中", "가", "😀", "\u0301", "e\u0323\u0301", ".", "\u1100\u1161", "क\u200d"]
)
def test_long_text_takes_linear_time(character: str) -> None:
    text = character * (5_000_000 // len(character))
    start = time.process_time()
    tokens = tokenize(text)
    assert time.process_time() - start < 20
    assert len(tokens) in (1, len(text), len(text) // 2)


def test_names() -> None:
    assert _native.TOKENIZERS == ("bert/1", "words/2", "pieces/3", "pairs/4")
    assert _native.WORDS_SOURCE.startswith("unicodedataplus ")


def test_unknown_name() -> None:
    for ask in (
        lambda: _native.tokenize("a", "words/3"),
        lambda: _native.count_words(["a"], "words/3"),
        lambda: _native.Vocabulary(["a"], "words/3"),
        lambda: _native.same_tokens(["a"], "bert/1", "words/3"),
    ):
        with pytest.raises(ValueError, match="tokenizer must be bert/1, words/2, pieces/3 or pairs/4, not 'words/3'"):
            ask()


@pytest.mark.parametrize(
    ("texts", "same"),
    [(["A cafe!", "two"], True), (["中文"], True), (["a café"], False), (["great😀"], False), ([], True)],
)
def test_same_tokens(texts: list[str], *, same: bool) -> None:
    assert _native.same_tokens(texts, "bert/1", "words/2") is same
    assert all(_native.tokenize(text) == tokenize(text) for text in texts) is same


def test_vocabulary_reads_with_its_tokenizer() -> None:
    ids, _ = _native.Vocabulary(["schön", "schon"], "words/2").encode(["Schön schon"])
    assert memoryview(ids).cast("i").tolist() == [2, 3]
    assert _native.count_words(["ä a"], "words/2") == {"ä": 1, "a": 1}


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_words_tables", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_are_what_the_database_says() -> None:
    source = f"unicodedataplus {importlib.metadata.version('unicodedataplus')}, Unicode {ucd.unidata_version}"
    if source != _native.WORDS_SOURCE:
        pytest.skip(f"the tables come from {_native.WORDS_SOURCE}, and {source} is installed")
    script = load_script()
    assert script.OUTPUT.stat().st_size < 150_000
    assert script.main(["--check"]) == 0


def test_the_reference_needs_no_other_database() -> None:
    """Python's own may be older; where both know a letter, they agree on its composed form."""
    for code in range(0x300, 0x2000):
        if unicodedata.category(chr(code)) != "Cn":
            assert unicodedata.normalize("NFC", chr(code)) == ucd.normalize("NFC", chr(code))


KNOWN = (*"abeéがかด😀中각ل", "e\u0316", "ดี", "🇩🇪", "कुल", "क\u200dक", "aaaaaaaa", "aaaaaaaaa", "!")


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from([*NASTY[:-2], *KNOWN]), min_size=1, max_size=12).map("".join),
    st.integers(0, 14),
    st.booleans(),
    st.sampled_from([{}, {"pairs": True}]),
)
def test_kernels_read_piece_by_piece_as_the_reference_reads_the_whole(
    make_model: Callable[..., Path], text: str, back: int, utf8: bool, shape: dict[str, bool]
) -> None:
    """A piece is 4,096 units of a text: what ends one and begins the next one is put around that place."""
    path = make_model(words=KNOWN, tokenizer="words/2", filters={1: 3, 3: 2}, **shape)
    whole = "a " * ((4096 - back) // 2) + "x" * (back % 2) + text + text
    given = whole.encode() if utf8 else whole
    items = [(given, given)] if shape else [given]
    expected = ReferenceModel(path).predict_proba([(whole, whole)] if shape else [whole])
    for kernel in _native.kernels():
        found = _native.Model(path, kernel).probabilities(items, 1)
        assert np.frombuffer(found, np.float32) == pytest.approx(expected[0], abs=1e-6), kernel


def test_a_model_explains_with_its_own_tokens(make_model: Callable[..., Path]) -> None:
    path = make_model(words=KNOWN, tokenizer="words/2", filters={1: 3})
    assert {ngram for ngram, _ in prunetext.load(path).explain("Đé 😀か")} <= {"đé", "😀", "か"}


@pytest.mark.parametrize("name", ["words/3", "", "bert/2", "bert/1 "])
def test_an_unknown_tokenizer_is_refused(make_model: Callable[..., Path], tmp_path: Path, name: str) -> None:
    tensors, metadata = read_packed(make_model())
    with pytest.raises(prunetext.ModelFileError, match="its tokenizer is none that this version knows"):
        write(tmp_path / "model.safetensors", tensors, {**metadata, "tokenizer": name})
    assert not list(tmp_path.iterdir())
