"""The native tokenizer against its oracle, Hugging Face `tokenizers`."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest
import tokenizers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from prunetext.runtime import _native
from prunetext.runtime._native import tokenize

NORMALIZER = BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
PRE_TOKENIZER = BertPreTokenizer()
SCRIPT = Path(__file__).parents[2] / "scripts" / "make_unicode_tables.py"
SCALARS = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
MARKS = [chr(code) for code in SCALARS if unicodedata.category(chr(code)).startswith("M")]
SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")

NASTY = [
    *"aAzZ09 .,!?-'\"@[]{}~_^`\\/",
    *(chr(code) for code in range(0x21)),  # controls, of which the oracle deletes all but tab, line feed and return
    *"\x7f\x80\x85\x9f\xa0\xad",
    *"éÉñÅßẞİıſŉǰΐΣσςĦŁøÆDžDŽﬁKΩЖй",
    *"，。、「」“”…—·‘¿¡€§©´¨¸",
    *"中文字一龥豈更丽㐀𠀀𪛖々〇ー。",
    *"안녕가힣ᄀ\u1161\u11a7\u11a8ㄱ",
    *"あア゛パガ\u3099\u309a",
    *"\u1680\u2000\u200a\u200b\u200c\u200d\u2028\u2029\u202e\u202f\u205f\u2060\u3000\ufeff\ufffc\ufffd\uffff",
    *"\u0300\u0301\u0323\u0327\u0338\u0340\u0344\u0345\u034f\u0f73\u0f71\u20dd\ufe0f\u0901\u0903\u09cb",
    *"\u302e\u302f\u1b44\u0c3c\u0d3b\u08d4\u1ac0\u1df6\u1dfa",  # kept marks, which canonical ordering moves
    *"\U0001d157\U0001d15e\U0001d160\U0001d165\U0001d16d\U0001d16e\U0001d1c0\U00016ff0",
    *"😀👍🏽\U0001f1e9\U000e0001\U000e0100\U000f0000\U0010ffff\U00010400\U0001e900\u0378\u2c2f\ua7c0",
    *"\ud800\udbff\udc00\udfff",
]

REORDERED = "aé\x00\u0301\u0901\u09cb\u302e\u302f\u1b44\u0c3c\u08d4\u1df6\U0001d15e\U0001d160\U0001d16d\U0001d16e"


def oracle(text: str) -> list[str]:
    return [token for token, _ in PRE_TOKENIZER.pre_tokenize_str(NORMALIZER.normalize_str(text))]


def assert_equal_tokens(words: Iterable[str]) -> None:
    """Compare words, each from a letter to a letter, many in one call of the oracle; show the first that differ."""
    words = list(words)
    for start in range(0, len(words), 2048):
        group = words[start : start + 2048]
        text = " ".join(group)
        if tokenize(text) != oracle(text):
            different = [word for word in group if tokenize(word) != oracle(word)]
            pytest.fail(f"{len(different)} of {len(group)} differ, first {different[:3]!a}: {tokenize(different[0])!a}")


def test_every_scalar_between_letters() -> None:
    assert len(SCALARS) == 1_112_064
    assert_equal_tokens(f"a{chr(code)}b" for code in SCALARS)


def test_characters_between_marks_that_are_reordered() -> None:
    plain = {"Cn", "Co", "Lo"}  # unassigned, private and most ideographs, of which none is a mark
    characters = [chr(code) for code in SCALARS if unicodedata.category(chr(code)) not in plain]
    assert_equal_tokens(f"a\u302e{character}\u1b44b" for character in characters)


def test_all_pairs_of_kept_marks() -> None:
    kept = [mark for mark in MARKS if tokenize(f"a{mark}b") != ["ab"]]
    assert len(kept) > 500
    assert tokenize("a\u302e\u1b44b") == ["a\u1b44\u302eb"]  # sorted by combining class: 9 before 224
    for first in kept:
        assert_equal_tokens(f"a{first}{second}b" for second in kept)


def test_deleted_starters_keep_marks_apart() -> None:
    assert tokenize("a\u302e\u0301\u1b44b") == oracle("a\u302e\u0301\u1b44b") == ["a\u1b44\u302eb"]
    assert tokenize("a\u302e\u0901\u1b44b") == oracle("a\u302e\u0901\u1b44b") == ["a\u302e\u1b44b"]
    assert tokenize("a\u302e\x00\ud800\u1b44b") == ["a\u1b44\u302eb"]


def test_100_000_nasty_strings() -> None:
    """Many at a time are cut from a long one: drawn on their own they take a minute, drawn in lists most are equal."""
    lengths = range(3, 17)
    seen: set[str] = set()

    @settings(max_examples=1_000, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.text(st.sampled_from(NASTY), min_size=8 * sum(lengths), max_size=8 * sum(lengths)))
    def check(text: str) -> None:
        assert tokenize(text) == oracle(text.translate(SURROGATES))
        start = 0
        for length in [*lengths] * 8:
            piece = text[start : start + length]
            assert tokenize(piece) == oracle(piece.translate(SURROGATES))
            seen.add(piece)
            start += length

    check()
    assert len(seen) >= 100_000


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(st.text(st.sampled_from(REORDERED)))
def test_runs_of_marks(text: str) -> None:
    assert tokenize(text) == oracle(text)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.text(max_size=300))
def test_any_string(text: str) -> None:
    assert tokenize(text) == oracle(text)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.text(st.sampled_from("aB0 .\x01\t"), max_size=300))
def test_ascii_across_blocks(text: str) -> None:
    """The tokens are found 64 bytes at a time."""
    assert tokenize(text) == oracle(text)
    assert tokenize(text + " é") == [*oracle(text), "e"]  # the same characters on the Latin-1 path
    assert tokenize(text + " Ж") == [*oracle(text), "ж"]  # UCS-2
    assert tokenize(text + " 😀") == [*oracle(text), "😀"]  # UCS-4


@pytest.mark.parametrize("length", [*range(1, 20), *range(56, 73), *range(120, 137), 1000])
def test_tokens_of_every_length(length: int) -> None:
    for before in ("", ".", " ", "x "):
        for after in ("", "!", " ", " x"):
            text = before + "W" * length + after
            assert tokenize(text) == oracle(text)


@pytest.mark.parametrize("character", ["a", "é", "中", "가", "😀", "\u302e", ".", " ", "\x00", "\u1b44\u302e\u1b44"])
def test_long_text_takes_linear_time(character: str) -> None:
    text = character * (10_000_000 // len(character))
    start = time.process_time()
    tokens = tokenize(text)
    assert time.process_time() - start < 20  # seconds; the Python list of ten million tokens takes most of them
    expected = len(oracle(character * 2)) // 2
    assert len(tokens) == (len(text) if expected else len(oracle(character)))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        (" \t\r\n\u3000", []),
        ("\x00", []),
        ("a\x00b", ["ab"]),
        ("a\x00 b", ["a", "b"]),
        ("\x00é\x00 \x00", ["e"]),
        ("a\x0b\x0c\x85\x1cb", ["ab"]),
        ("\ud800", []),
        ("a\udfffb", ["ab"]),
        ("\ud83d\ude00", []),  # two halves are not joined
        ("中\ud800文\U0001f600", ["中", "文", "😀"]),
        ("Don't stop—ÉLAN!", ["don", "'", "t", "stop", "—", "elan", "!"]),
        ("我喜欢NLP。", ["我", "喜", "欢", "nlp", "。"]),
        ("한", ["\u1112\u1161\u11ab"]),
    ],
)
def test_defined_results(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens


def test_subclass_of_str() -> None:
    class Text(str):
        __slots__ = ()

    assert tokenize(Text("Hello, Café")) == ["hello", ",", "cafe"]


@pytest.mark.parametrize("value", [bytearray(b"bytes"), None, 3, ["a"]])
def test_not_a_string(value: object) -> None:
    with pytest.raises(TypeError, match=rf"text must be str, not {type(value).__name__}"):
        tokenize(value)  # type: ignore[arg-type]


def test_caller_strings_keep_no_utf8_copy() -> None:
    text = "é" * 1000
    before = sys.getsizeof(text)
    tokenize(text)
    _native.count_words([text])
    _native.Vocabulary([text]).encode([text])
    assert sys.getsizeof(text) == before


def test_import_brings_no_other_module() -> None:
    heavy = "json re typing dataclasses pathlib importlib.metadata numpy"
    code = (
        "import sys\nimport prunetext.runtime._native\n"
        f"loaded = [name for name in {heavy.split()!r} if name in sys.modules]\n"
        "sys.exit(', '.join(loaded) or 0)"
    )
    paths = [path for path in sys.path if path]
    run = subprocess.run(  # -S: an installed .pth file may import anything
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {paths!r}\n{code}"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_unicode_tables", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_names() -> None:
    assert _native.TOKENIZERS[0] == "bert/1"
    assert _native.ORACLE.startswith("tokenizers 0.")


def test_tables_are_what_the_oracle_says() -> None:
    if f"tokenizers {tokenizers.__version__}" != _native.ORACLE:
        pytest.skip(f"the tables come from {_native.ORACLE}, and {tokenizers.__version__} is installed")
    script = load_script()
    assert script.OUTPUT.stat().st_size < 250_000
    assert script.main(["--check"]) == 0
