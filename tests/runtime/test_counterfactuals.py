"""Words that, once masked, flip a label: the model itself says that they do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import prunetext
from prunetext.runtime import _native
from prunetext.runtime.counterfactuals import MOST_TRIED, maskable_words, masks, with_masks

WORDS = ("a", "bad", "dull", "Film", "films", "good", "great!", "the", "unseen", "电影", "ø")
texts = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)


MODELS: dict[str, _native.Model] = {}


def has(answer: Any, label: str) -> bool:
    return label in answer if isinstance(answer, list) else answer == label


@pytest.mark.parametrize("kind", ["model", "several_model", "pair_model", "bytes"])
@given(one=texts, other=texts, number=st.integers(-1, 2))
def test_the_masked_text_has_another_label(
    request: pytest.FixtureRequest, kind: str, one: str, other: str, number: int
) -> None:
    classifier = prunetext.load(request.getfixturevalue("model" if kind == "bytes" else kind))
    item: Any = (one, other) if kind == "pair_model" else one.encode() if kind == "bytes" else one
    label = classifier.labels[number] if number >= 0 else None
    found = classifier.counterfactual(item, label)
    asked = classifier.explain(item, label).label
    if found is None:
        return
    assert has(classifier.predict([item])[0], asked) != has(found.label, asked)
    assert classifier.predict([found.text])[0] == found.label
    sides = item if isinstance(item, tuple) else (item,)
    for word in found.words:
        own = sides[word.side][word.begin : word.end]
        assert word.word == (own.decode() if isinstance(own, bytes) else own)
    assert len(set(found.words)) == len(found.words) <= 8


PLAIN = ("great", "Film", "电", "影", "😀", " ", "!", "é", "が", "e\u0301", "1", "🇩🇪", "कुल", "한국")


@pytest.mark.parametrize("tokenizer", _native.TOKENIZERS)
@given(text=st.lists(st.sampled_from(PLAIN), max_size=7).map("".join))
def test_a_mask_takes_the_place_of_one_word(make_model: Callable[..., Path], tokenizer: str, text: str) -> None:
    if tokenizer not in MODELS:
        MODELS[tokenizer] = _native.Model(make_model(tokenizer=tokenizer))
    (mask,) = masks(MODELS[tokenizer], [text])
    plain = tokenizer if tokenizer in _native.TOKENIZERS[:2] else "words/2"
    tokens = _native.tokenize(text, plain)
    words = maskable_words(MODELS[tokenizer], text, 0)
    assert len(words) == len(tokens)
    for at, word in enumerate(words):
        masked = str(with_masks(text, [word], mask))
        assert _native.tokenize(masked, plain) == [*tokens[:at], mask, *tokens[at + 1 :]]
        assert _native.tokenize(masked, tokenizer).count(mask) == 1
        assert not any(mask in token for token in _native.tokenize(masked, tokenizer) if token != mask)


def test_words_are_bounded(model: Path) -> None:
    classifier = prunetext.load(model)
    text = " ".join(f"{word} {number}" for number, word in enumerate(WORDS * 40))
    assert len(text.split()) > MOST_TRIED
    found = classifier.counterfactual(text, most=2)
    assert found is None or len(found.words) <= 2
    assert classifier.counterfactual("") is None
    with pytest.raises(prunetext.InputError, match="most is 0: it must be a whole number of at least 1"):
        classifier.counterfactual(text, most=0)
    with pytest.raises(prunetext.InputError, match="label is 'x'"):
        classifier.counterfactual(text, "x")


def test_a_text_of_all_runes_has_no_mask(model: Path) -> None:
    with pytest.raises(prunetext.InputError, match="none is left for a masked word"):
        prunetext.load(model).counterfactual("".join(map(chr, range(0x16A0, 0x16EB))))
