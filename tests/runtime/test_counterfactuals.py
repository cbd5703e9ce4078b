"""Words that, once masked, flip a label: the model itself says that they do."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prunetext
from prunetext.runtime import _native
from prunetext.runtime.counterfactuals import MOST_TRIED, maskable_words, masks, needed, with_masks
from prunetext.runtime.format import Tensor, encode_vocabulary, write
from prunetext.runtime.parts import Masked

WORDS = ("a", "bad", "dull", "Film", "films", "good", "great!", "the", "unseen", "电影", "ø")
texts = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)


MODELS: dict[str, _native.Model] = {}


def put_back(item: Any, words: list[Masked]) -> Any:
    """The item with these words alone masked, as by hand."""
    made = []
    for side, text in enumerate(item if isinstance(item, tuple) else (item,)):
        for word in sorted((each for each in words if each.side == side), key=lambda each: -each.begin):
            mask = f" {'ᚠᚢ'[side]} " if isinstance(text, str) else " ᚠ ".encode()
            text = text[: word.begin] + mask + text[word.end :]
        made.append(text)
    return tuple(made) if len(made) == 2 else made[0]


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
    for word in found.words if len(found.words) > 1 else ():  # none can be put back
        fewer = [each for each in found.words if each != word]
        assert has(classifier.predict([put_back(item, fewer)])[0], asked) == has(classifier.predict([item])[0], asked)
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
        masked = str(with_masks(text, [Masked("", word[1], word[2], 0)], mask))
        assert _native.tokenize(masked, plain) == [*tokens[:at], mask, *tokens[at + 1 :]]
        assert _native.tokenize(masked, tokenizer).count(mask) == 1
        assert not any(mask in token for token in _native.tokenize(masked, tokenizer) if token != mask)


def test_the_word_that_decides_is_found(make_tensors: Callable[..., Any], tmp_path: Path) -> None:
    # A filter for each of the two words; "bad" speaks for the first label more than "good" does for the second.
    tensors, metadata = make_tensors(filters={1: 2}, classes=2, pooling="max")
    vocabulary, one = encode_vocabulary(["bad", "good"]), np.ones(2, np.float32)
    tensors |= {
        "embedding": np.array([[0, 0], [1, 0], [0, 1]], np.int8),
        "embedding.scale": np.ones(1, np.float32),
        "vocabulary": Tensor("U8", (len(vocabulary),), vocabulary),
        "conv1.weight": np.array([[[1, 0]], [[0, 1]]], np.int8),
        "head.weight": np.array([[3, 0], [0, 2]], np.float32),
        "head.bias": np.zeros(2, np.float32),
        **{f"conv1.{name}": one for name in ("scale", "table_scale")},
        "conv1.bias": np.zeros(2, np.float32),
    }
    write(tmp_path / "model", tensors, metadata)
    classifier = prunetext.load(tmp_path / "model")
    found = classifier.counterfactual("so good, so good, not bad so")
    assert found is not None
    assert [(word.word, word.begin) for word in found.words] == [("bad", 22)]
    assert [found.label] == classifier.predict([found.text]) == [classifier.labels[1]]
    most = " bad" * (MOST_TRIED + 1)  # one more than are tried
    assert classifier.counterfactual("good" + most, most=MOST_TRIED + 1) is None
    assert classifier.counterfactual("good" + most[4:], most=MOST_TRIED + 1) is not None


def test_a_needless_word_is_put_back_even_if_only_a_later_one_makes_it_so() -> None:
    one, two, three, four = (Masked(word, at, at + 1, 0) for at, word in enumerate("abcd"))

    def flips(words: Sequence[Masked]) -> bool:
        return four in words and (three not in words or one in words or two in words)

    assert needed([one, two, three, four], flips) == [four]


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
