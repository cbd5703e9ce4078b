"""Tokens with their places: those that the tokenizer finds, each at the characters that it was made from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.runtime import _native

# Characters that change, vanish, join, wait for others, or are parted: what makes places hard to keep.
HARD = [
    *"ab A.=<\x01'-éßİꙮ·",
    "\u0301",
    "\u0338",
    "\u3099",
    "か",
    "電",
    "影",
    "ᄀ",
    "ᅡ",
    "ᆨ",
    "각",
    "\ufe0f",
    "\u200d",
    "👩",
    "❤",
]
HARD += ["🇩", "🇪", "क", "\u094d", "\u093c", "ا", "\u0651", "\ud800", "\udc00", "\ufffd", "\u0344", "\u0dd9", "\u0dca"]
HARD += ["\u1b05", "\u1b35", "ท", "\u0e35", "\u200b", "\u2028", "\u0958", "Å", "\u0345", "\u05d0", "\xad", "\u0600"]
texts = st.lists(st.sampled_from(HARD) | st.characters(), max_size=12).map("".join)
tokenizers = pytest.mark.parametrize("tokenizer", _native.TOKENIZERS)
whole = pytest.mark.parametrize("tokenizer", _native.TOKENIZERS[:2])  # no token among the words


@tokenizers
@given(text=texts)
def test_the_tokens_are_those_of_the_tokenizer_and_each_is_made_from_its_characters(tokenizer: str, text: str) -> None:
    spans = _native.token_spans(text, tokenizer)
    assert [token for token, _, _ in spans] == _native.tokenize(text, tokenizer)
    for token, begin, end in spans:
        assert 0 <= begin < end <= len(text)
        if not token.startswith(_native.PIECE_MARK) or token == _native.PIECE_MARK:
            assert token in _native.tokenize(text[begin:end], tokenizer)
        else:
            assert token.strip(_native.PIECE_MARK) in "".join(_native.tokenize(text[begin:end], "words/2"))


@whole
@given(text=texts)
def test_the_characters_of_no_token_make_none(tokenizer: str, text: str) -> None:
    at = 0
    for _, begin, end in _native.token_spans(text, tokenizer):
        assert _native.tokenize(text[at:begin], tokenizer) == []
        assert begin >= at or end == at, "in order, apart, or made from the same character"
        at = max(at, end)
    assert _native.tokenize(text[at:], tokenizer) == []


@tokenizers
@given(text=texts)
def test_places_in_utf_8_are_those_of_its_characters(tokenizer: str, text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    bytes_before = [len(text[:at].encode()) for at in range(len(text) + 1)]
    expected = [(token, bytes_before[a], bytes_before[b]) for token, a, b in _native.token_spans(text, tokenizer)]
    assert _native.token_spans(text.encode(), tokenizer) == expected


@tokenizers
@given(data=st.lists(st.sampled_from([b"a", b" ", b"\xe4", b"\xb8", b"\xad", b"\xff", b"\xcc\x81", "電".encode()])))
def test_bytes_that_are_no_utf_8_have_no_token(tokenizer: str, data: list[bytes]) -> None:
    text = b"".join(data)
    for token, begin, end in _native.token_spans(text, tokenizer):
        assert token in _native.tokenize(text[begin:end], tokenizer) or token.startswith(_native.PIECE_MARK)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tokenizer", "text", "spans"),
    [
        ("bert/1", "Cafe\u0301!", [("cafe", 0, 5), ("!", 5, 6)]),
        ("words/2", "Cafe\u0301 ❤\ufe0f", [("café", 0, 5), ("❤", 6, 8)]),
        ("words/2", "か\u3099ᅡ🇩🇪🇫", [("が", 0, 2), ("ᅡ", 2, 3), ("🇩🇪", 3, 5), ("🇫", 5, 6)]),
        ("pieces/3", "é Ab", [("é", 0, 1), ("ab", 2, 4), ("··ab", 2, 4), ("·ab·", 2, 4)]),
        ("pairs/4", "我 喜a", [("我", 0, 1), ("我喜", 0, 3), ("喜", 2, 3), ("a", 3, 4)]),
    ],
)
def test_places(tokenizer: str, text: str, spans: list[tuple[str, int, int]]) -> None:
    assert _native.token_spans(text, tokenizer) == spans


def test_a_long_text_has_the_places_of_its_parts() -> None:
    part = "Ein schöner Film, e\u0301lan \x01 電影! "
    spans = _native.token_spans(part, "words/2")
    expected = [
        (token, begin + at, end + at) for at in range(0, 500 * len(part), len(part)) for token, begin, end in spans
    ]
    assert _native.token_spans(part * 500, "words/2") == expected
