"""Bigrams with weights of their own: found wherever they stand, counted once, explained, and refused where they lie."""

import json
import time
from collections.abc import Callable
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prunetext
from prunetext.runtime import _native, format
from prunetext.runtime.format import read_packed, write
from prunetext.runtime.reference import ReferenceModel

Parts = tuple[dict[str, Any], dict[str, str]]
LISTED = ("a film", "extraordinarily good", "good film", "not a", "not extraordinarily", "unlisted words")
CHINESE = ("好 看", "好看 看的", "电影 影好", "film 电")
LONG = "extraordinarily"


def texts_of(*words: str) -> st.SearchStrategy[str]:
    """Texts of these words, with and without spaces between them."""
    return st.lists(st.sampled_from([*words, ".", " ", "\n", "\u0301"]), max_size=40).flatmap(
        lambda parts: st.sampled_from(["".join(parts), " ".join(parts)])
    )


def agree(path: Path, texts: list[str]) -> None:
    """Every kernel gives the logits of the reference, to the last bit."""
    reference = ReferenceModel(path)
    expected = [reference.logits(text) for text in texts]
    for kernel in _native.kernels():
        model = _native.Model(path, kernel)
        found = np.frombuffer(model.logits(texts, 1), np.float64).reshape(len(texts), -1)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", [{"classes": 2}, {"classes": 5}, {"classes": 2, "thresholds": (0.4, 0.6)}])
@settings(max_examples=60)
@given(text=texts_of("a", "film", "not", "good", LONG, "words", "unlisted"), seed=st.integers(0, 99))
def test_bigrams_are_found_between_any_words(
    make_model: Callable[..., Path], kind: dict[str, Any], text: str, seed: int
) -> None:
    path = make_model(words=("a", "film", "good"), bigrams=LISTED, seed=seed, **kind)
    agree(path, [text, "", "not", "a film a film a film", f"not {LONG} good"])


@settings(max_examples=60)
@given(text=texts_of("好", "看", "的", "电", "影", "film"))
def test_bigrams_of_letters_have_a_pair_between_them(make_model: Callable[..., Path], text: str) -> None:
    assert _native.tokenize("电影好", "pairs/4") == ["电", "电影", "影", "影好", "好"]
    path = make_model(words=("好", "好看"), bigrams=CHINESE, tokenizer="pairs/4", classes=2, seed=3)
    agree(path, [text, "电影好看的", "film电影", "好看", "好"])
    one, other = ReferenceModel(path).of_bigrams(["电", "电影", "影", "影好", "好"])
    assert other == -one != 0


@pytest.mark.parametrize("tokenizer", ["bert/1", "pairs/4"])
def test_a_bigram_may_lie_in_two_pieces(make_model: Callable[..., Path], tokenizer: str) -> None:
    path = make_model(bigrams=(*LISTED, *CHINESE), tokenizer=tokenizer, seed=5)
    for filler in (".", "好"):
        for before in range(4096 - 20, 4096 + 2):
            agree(path, [filler * before + f" not {LONG} good film 好看的"])


def test_a_bigram_that_no_token_spells_is_never_taken_for_another(make_model: Callable[..., Path]) -> None:
    alike = ("a film", "a\0 film", "a film\0", "\0 film", f"{LONG} a", f"{LONG}\0 a", f"a {LONG}", f"a {LONG}ly")
    path = make_model(bigrams=alike, seed=4)
    agree(path, ["a film", "film", "a film film a", f"a {LONG} a", f"a {LONG}ly a", "a\0 film a \0film"])


def test_each_bigram_counts_once_and_less_in_a_longer_text(make_tensors: Callable[..., Parts], tmp_path: Path) -> None:
    tensors, metadata = make_tensors(words=(), filters={1: 1}, classes=2, bigrams=("good film", "not good"))
    tensors["head.weight"][:], tensors["head.bias"][:] = 0, 0
    tensors |= {"bigrams.weight": np.array([[3], [-5]], np.int8), "bigrams.scale": np.array([0.5], np.float32)}
    write(tmp_path / "model", tensors, metadata)
    model = prunetext.load(tmp_path / "model")
    texts = ["good film", "not good", "not good film, good film", "good", "", "filmgood", "good, film"]
    expected = [1.5 / 2**0.5, -2.5 / 2**0.5, -1.0 / 6**0.5, 0, 0, 0, 0]
    np.testing.assert_allclose(model.logits(texts)[:, 1], expected)
    np.testing.assert_array_equal(model.logits(texts)[:, 0], -model.logits(texts)[:, 1])
    found = model.explain("Not good film, good film", "label 0")
    assert found == [("not good", 1.0)], "of the two, it speaks for this label"
    assert [(part.ngram, round(part.logit * 6**0.5, 6)) for part in found.parts] == [
        ("Not good", 2.5),
        ("good film", -1.5),
    ], "the first one alone"
    assert found.base + sum(part.logit for part in found.parts) == pytest.approx(found.logit)


@pytest.mark.parametrize("kind", [{"classes": 2}, {"classes": 5}, {"classes": 3, "thresholds": (0.4, 0.5, 0.6)}])
@given(text=texts_of("a", "film", "not", "good", LONG))
def test_parts_add_up_to_the_logit(make_model: Callable[..., Path], kind: dict[str, Any], text: str) -> None:
    model = prunetext.load(make_model(words=("a", "film", "good"), bigrams=LISTED, seed=7, **kind))
    for label in model.labels:
        found = model.explain(text, label)
        assert found.base + sum(part.logit for part in found.parts) == pytest.approx(found.logit, abs=1e-9)


def test_a_file_of_many_bigrams_is_read_back(make_tensors: Callable[..., Parts], tmp_path: Path) -> None:
    bigrams = tuple(f"{one:x} {other:x}" for one in range(60) for other in range(60))
    tensors, metadata = make_tensors(bigrams=bigrams, classes=2, filters={1: 1})
    write(tmp_path / "model", tensors, metadata)
    assert json.loads(read_packed(tmp_path / "model")[1]["bigrams"])["words"] == 3600
    agree(tmp_path / "model", [" ".join(f"{at:x}" for at in range(60)), "1 1 1", "3b 3b"])


def test_bigrams_that_collided_by_a_known_factor_are_loaded_as_soon_as_others(
    make_tensors: Callable[..., Parts], tmp_path: Path
) -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    ones = ["aaa" + "".join(each) + "a" for each in islice(product(letters, repeat=4), 20_000)]
    times = {}
    for other in (b"\xeb\x83\xb5\x00\xc2\x86\x00b".decode(), "bcdefghi"):
        tensors, metadata = make_tensors(classes=2, filters={1: 1}, bigrams=tuple(f"{one} {other}" for one in ones))
        write(tmp_path / "model", tensors, metadata)
        began = time.process_time()
        _native.Model(tmp_path / "model")
        times[other] = time.process_time() - began
    alike, plain = times.values()
    assert alike < 8 * plain + 0.05


TENSORS: list[tuple[str, dict[str, Any], str]] = [
    ("no weights", {"bigrams.weight": None}, "tensor bigrams.weight is missing"),
    ("no scale", {"bigrams.scale": None}, "tensor bigrams.scale is missing"),
    ("weights alone", {"bigrams": None}, "a tensor that format 1 does not know"),
    ("a row less", {"bigrams.weight": np.zeros((5, 3), np.int8)}, "tensor bigrams.weight has the wrong shape"),
    ("a class less", {"bigrams.weight": np.zeros((6, 2), np.int8)}, "tensor bigrams.weight has the wrong shape"),
    ("floats", {"bigrams.weight": np.zeros((6, 3), np.float32)}, "bigrams.weight has the wrong dtype"),
    ("no scale above 0", {"bigrams.scale": np.zeros(1, np.float32)}, "a scale that is not positive"),
    ("a scale that is none", {"bigrams.scale": np.full(1, np.nan, np.float32)}, "is not finite"),
]
METADATA: list[tuple[str, dict[str, str | None], str]] = [
    ("no entry", {"bigrams": None}, 'the metadata lacks "bigrams"'),
    ("no words", {"bigrams": '{"bytes":0,"words":0}'}, "its bigrams are none"),
    ("too many", {"bigrams": '{"bytes":9000000,"words":2000000}'}, "or more than 1,048,576"),
    ("too many bytes", {"bigrams": '{"bytes":900000000,"words":6}'}, "or have more than 64 MiB"),
    ("a huge number", {"bigrams": '{"bytes":18446744073709551615,"words":6}'}, "its bigrams"),
    ("fewer words than there are", {"bigrams": '{"bytes":95,"words":5}'}, "its bigrams"),
    ("pieces", {"tokenizer": "pieces/3"}, "neither a model of pairs nor one of pieces"),
]


def test_what_lies_about_bigrams_is_refused(make_tensors: Callable[..., Parts], tmp_path: Path) -> None:
    tensors, metadata = make_tensors(bigrams=LISTED)
    write(tmp_path / "sound", tensors, metadata)
    metadata = read_packed(tmp_path / "sound")[1]
    cases = [(what, {**tensors, **change}, {}, reason) for what, change, reason in TENSORS]
    cases += [(what, tensors, change, reason) for what, change, reason in METADATA]
    cases.append(("no zlib", tensors | {"bigrams": np.zeros(9, np.uint8)}, {}, "its bigrams"))
    for what, changed, about, reason in cases:
        left = {name: format._as_tensor(name, each) for name, each in changed.items() if each is not None}
        given = {name: each for name, each in {**metadata, **about}.items() if each is not None}
        (tmp_path / "model").write_bytes(format._file_bytes(left, given))
        with pytest.raises(prunetext.ModelFileError) as caught:
            prunetext.load(tmp_path / "model")
        assert reason in str(caught.value), what


@pytest.mark.parametrize("bigram", ["film", " film", "film ", "a b c", "a  b"])
def test_a_bigram_is_two_words(make_tensors: Callable[..., Parts], tmp_path: Path, bigram: str) -> None:
    with pytest.raises(prunetext.ModelFileError, match="not two words with a space between them"):
        write(tmp_path / "model", *make_tensors(bigrams=(bigram, "good film")))
