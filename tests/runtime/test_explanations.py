"""The n-grams that decided, of texts and of pairs of them."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prunetext
from prunetext.runtime import _native
from prunetext.runtime.explanations import Explanation
from prunetext.runtime.format import encode_vocabulary, write
from prunetext.runtime.reference import ReferenceModel

WORDS = ("a", "bad", "dull", "film", "films", "good", "great", "the", "unseen", "电")
texts = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)


def test_explain_takes_one_text(model: Path) -> None:
    with pytest.raises(prunetext.InputError, match="one text"):
        prunetext.load(model).explain(["a film"])  # type: ignore[arg-type]


@given(st.lists(st.sampled_from(["great", "dull", "film", "unseen", "电影", "!"]), max_size=12).map(" ".join))
def test_explanation_shares_are_of_the_texts_own_ngrams(model: Path, text: str) -> None:
    shares = prunetext.load(model).explain(text)
    tokens = _native.tokenize(text)
    ngrams = {
        " ".join(tokens[first:last]) for last in range(len(tokens) + 1) for first in range(max(0, last - 3), last)
    }
    assert {ngram for ngram, _ in shares} <= ngrams
    assert len({ngram for ngram, _ in shares}) == len(shares)
    numbers = [share for _, share in shares]
    assert numbers == sorted(numbers, reverse=True)
    assert all(share > 0 for share in numbers)
    if shares:
        assert sum(numbers) == pytest.approx(1)


def test_explanation_of_a_model_made_by_hand(make_tensors: Callable[..., Any], tmp_path: Path) -> None:
    # Filter 0 (two taps) fires on "not bad", filter 1 on "good"; "bad" alone, by filter 2's mean, speaks against.
    words = ["bad", "good", "not"]
    embedding = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.int8)
    weight = np.zeros((3, 2, 3), np.int8)
    weight[0, 0, 2] = weight[0, 1, 0] = 10
    weight[1, 0, 1] = 10
    weight[2, 0, 0] = 10
    tensors, metadata = make_tensors(filters={2: 3}, classes=2)
    vocabulary = encode_vocabulary(words)
    head = np.zeros((2, 6), np.float32)
    head[1, :3] = [0.3, 0.2, 0]  # the second label, from the maxima
    head[0, 5] = 0.1  # the first, from the mean of filter 2
    one = np.ones(3, np.float32)
    tensors |= {
        "embedding": embedding,
        "embedding.scale": one[:1],
        "vocabulary": ("U8", (len(vocabulary),), vocabulary),
        "conv2.weight": weight,
        "conv2.scale": one,
        "conv2.table_scale": one,
        "conv2.bias": 0 * one,
        "head.weight": head,
        "head.bias": np.zeros(2, np.float32),
    }
    write(tmp_path / "model", tensors, metadata)
    classifier = prunetext.load(tmp_path / "model")
    assert classifier.predict(["Not bad, good"]) == ["label 1"]
    shares = classifier.explain("Not bad, good")
    # Maxima: 0.3 · 20 for "not bad"; 0.2 · 10 for the first maximal window of "good", which is trimmed to it.
    assert [ngram for ngram, _ in shares] == ["not bad", "good"]
    assert [share for _, share in shares] == pytest.approx([0.75, 0.25])
    assert classifier.explain("") == []


@given(st.tuples(texts, texts))
def test_explanation_shares_of_a_pair_are_of_its_texts_ngrams(pair_model: Path, pair: tuple[str, str]) -> None:
    shares = prunetext.load(pair_model).explain(pair)
    ngrams = set()
    for text in pair:
        tokens = _native.tokenize(text)
        ngrams |= {
            " ".join(tokens[first:last]) for last in range(len(tokens) + 1) for first in range(max(0, last - 3), last)
        }
    assert {ngram for ngram, _ in shares} <= ngrams
    numbers = [share for _, share in shares]
    assert numbers == sorted(numbers, reverse=True)
    assert all(share > 0 for share in numbers)
    if shares:
        assert sum(numbers) == pytest.approx(1)


def test_explanation_of_a_pair_by_a_model_made_by_hand(make_tensors: Callable[..., Any], tmp_path: Path) -> None:
    # One filter of one tap. "good" counts 10, and 2 more where it is matched; "film" counts 4.
    tensors, metadata = make_tensors(pairs=True, words=("film", "good"), filters={1: 1}, dimensions=1, classes=2)
    tensors |= {"embedding": np.array([[0], [4], [10]], np.int8), "match": np.array([[2], [0]], np.int8)}
    for name in ("embedding.scale", "conv1.scale", "conv1.table_scale"):
        tensors[name][:] = 1
    tensors["conv1.weight"][:] = 1
    for name in ("conv1.bias", "head.weight", "head.bias"):
        tensors[name][:] = 0
    tensors["head.weight"][1, 4] = 1  # |u - v| of the maxima, for the second label
    write(tmp_path / "apart", tensors, metadata)
    apart = prunetext.load(tmp_path / "apart")
    assert apart.predict([("good", "film")]) == ["label 1"]
    assert apart.explain(("good", "film")) == [("good", 1.0)]  # 10 - 4: all of it is what the larger one adds
    tensors["head.weight"][:] = 0
    tensors["head.weight"][1, 6] = 1  # u · v
    write(tmp_path / "product", tensors, metadata)
    product = prunetext.load(tmp_path / "product")
    assert product.explain(("good", "film")) == [("good", 0.5), ("film", 0.5)], "equals as they stand in the text"
    assert product.explain(("good", "good")) == [("good", 1.0)]
    assert product.explain(("unseen", "film")) == [], "a product with nothing is nothing"
    assert product.predict_proba([("good", "good"), ("good", "film")])[:, 1].tolist() == [1, 1]
    tensors["head.weight"] /= 100
    write(tmp_path / "product", tensors, metadata)
    logits = np.log(1 / prunetext.load(tmp_path / "product").predict_proba([("good", "good")])[0, 0] - 1)
    assert logits == pytest.approx(12 * 12 / 100, rel=1e-5), "each has the two of the match"


@pytest.mark.parametrize("pair", ["a film", ("a",), ("a", "b", "c"), ("a", 3), None])
def test_explain_takes_one_pair(pair_model: Path, pair: Any) -> None:
    with pytest.raises(prunetext.InputError, match="explain takes one pair of texts"):
        prunetext.load(pair_model).explain(pair)


KINDS = {
    "int8": {},
    "int16": {"table": "int16", "filters": {1: 3, 3: 20}},
    "max": {"pooling": "max", "classes": 2},
    "wide": {"filters": {1: 2, 6: 5}},
    "several": {"thresholds": (0.5, 0.3, 0.8)},
    "pairs": {"pairs": True, "seed": 7},
    "pairs of int16": {"pairs": True, "table": "int16", "pooling": "max"},
    "words": {"tokenizer": "words/2"},
    "pieces": {"tokenizer": "pieces/3"},
    "letter pairs": {"tokenizer": "pairs/4"},
}
ODD = ["Great", "\u0301", "影", "\x01", "\ud800", "☃", "ø"]
unicode = st.lists(st.sampled_from([*WORDS, *ODD]) | st.characters(), max_size=9)


@pytest.mark.parametrize("kind", KINDS)
@given(one=unicode.map(" ".join), other=unicode.map("".join), number=st.integers(-1, 1))
def test_parts_and_base_add_up_to_the_logit(
    make_model: Callable[..., Path], kind: str, one: str, other: str, number: int
) -> None:
    path = _made(make_model, kind)
    classifier, reference = prunetext.load(path), ReferenceModel(path)
    pairs = classifier.task == "pairs"
    item: Any = (one, other) if pairs else one
    found = classifier.explain(item, classifier.labels[number] if number >= 0 else None)
    column = classifier.labels.index(found.label)
    logits = reference.logits(item)
    assert classifier.logits([item])[0].tolist() == logits
    assert found.logit == logits[column]
    assert found.probability == classifier.predict_proba([item])[0, column]
    assert number >= 0 or column == int(np.argmax(logits))
    assert found.base + sum(part.logit for part in found.parts) == pytest.approx(found.logit, abs=1e-9)
    texts = item if pairs else (item,)
    places = [(part.side, part.begin, part.end) for part in found.parts]
    assert places == sorted(set(places))
    tokens = [_native.token_spans(text, reference.tokenizer) for text in texts]
    for part in found.parts:
        assert part.ngram == texts[part.side][part.begin : part.end]
        assert part.begin in {begin for _, begin, _ in tokens[part.side]}
        assert part.end in {end for _, _, end in tokens[part.side]}


MADE: dict[str, Path] = {}


def _made(make_model: Callable[..., Path], kind: str) -> Path:
    if kind not in MADE:
        MADE[kind] = make_model(**KINDS[kind])
    return MADE[kind]


def test_an_explanation_of_bytes_has_places_in_them(model: Path) -> None:
    classifier = prunetext.load(model)
    text = "a great 电影, dull film"
    of_text, of_bytes = classifier.explain(text), classifier.explain(text.encode())
    assert of_text == of_bytes
    assert [part.ngram for part in of_text.parts] == [part.ngram for part in of_bytes.parts]
    assert all(text.encode()[part.begin : part.end].decode() == part.ngram for part in of_bytes.parts)


def test_a_text_of_several_pieces_is_explained_as_one(model: Path) -> None:
    classifier = prunetext.load(model)
    text = "x " * 3000 + "a great film " + "y " * 3000
    for form in (text, text + "é"):
        found = classifier.explain(form)
        assert found.base + sum(part.logit for part in found.parts) == pytest.approx(found.logit, abs=1e-9)
        assert any(part.begin >= 6000 for part in found.parts)


def test_an_explanation_can_be_kept(model: Path) -> None:
    found = prunetext.load(model).explain("a great film")
    assert isinstance(found, list)
    for other in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert isinstance(other, Explanation)
        assert (other, other.label, other.logit, other.parts) == (found, found.label, found.logit, found.parts)


def test_the_common_part_of_all_labels_is_in_the_base(make_tensors: Callable[..., Any], tmp_path: Path) -> None:
    tensors, metadata = make_tensors(classes=3)
    write(tmp_path / "one", tensors, metadata)
    tensors["head.weight"] += np.float32(0.5)  # alike for all labels: no probability changes
    write(tmp_path / "other", tensors, metadata)
    one, other = (prunetext.load(tmp_path / name).explain("a great dull film") for name in ("one", "other"))
    assert [part.logit for part in one.parts] == pytest.approx([part.logit for part in other.parts], abs=1e-5)
    assert one.base != pytest.approx(other.base)


@pytest.mark.parametrize("kind", ["model", "several_model", "pair_model"])
def test_filters_are_fired_by_their_largest_windows(request: pytest.FixtureRequest, kind: str) -> None:
    path = request.getfixturevalue(kind)
    classifier, reference = prunetext.load(path), ReferenceModel(path)
    plain = ["a great film", "dull films, the good", "", "bad bad 电影"]
    items: Any = [(text, "a film") for text in plain] if kind == "pair_model" else plain
    fired = classifier.fired(iter(items), top=3)
    count = sum(reference.arrays[f"conv{k}.bias"].shape[0] for k in reference.widths)
    assert len(fired) == count
    assert [each.width for each in fired] == sorted(each.width for each in fired)
    texts = [(own, other) for pair in items for own, other in (pair, pair[::-1])] if kind == "pair_model" else plain
    features = []
    for each in texts:
        own, other = each if isinstance(each, tuple) else (each, "")
        features.append(reference.features(_native.tokenize(own), _native.tokenize(other)))
    for at, each in enumerate(fired):
        values = [value for _, value in each.ngrams]
        assert values == sorted(values, reverse=True)
        assert len(values) <= 3
        if values:
            assert values[0] == pytest.approx(max(row[at] for row in features))
        for label, row in zip(classifier.labels, reference.arrays["head.weight"].tolist(), strict=True):
            assert list(each.weights[label].values()) == row[at::count]
    with pytest.raises(prunetext.InputError, match="top is 0"):
        classifier.fired(items, top=0)
    with pytest.raises(prunetext.InputError, match="texts is a single str"):
        classifier.fired("a film")
