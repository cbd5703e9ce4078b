"""Models of pairs: reference.py and every native kernel give the same labels and probabilities, whatever the texts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prunetext
from prunetext.runtime import _native
from prunetext.runtime.format import write
from prunetext.runtime.reference import ReferenceModel

Pairs = list[tuple[str, str]]
WORDS = ("a", "bad", "dull", "film", "films", "good", "great", "the", "ø", "电", "影")
FIXED = [
    ("", ""),
    ("", "a film"),
    ("unseen film", ""),
    ("a great film", "a great film"),
    ("great film unseenunseen", "GREAT, unseenunseen film"),
    ("电影 good \ud800", "good 电影"),
    ("good " * 70, "film good " * 40),
]
PIECE = 4096  # characters that the kernel looks at together

shapes = st.fixed_dictionaries(
    {
        "filters": st.dictionaries(st.integers(1, 16), st.integers(1, 70), min_size=1, max_size=3),
        "dimensions": st.integers(1, 20),
        "classes": st.integers(2, 6),
        "pooling": st.sampled_from(["max", "max+mean"]),
        "table": st.sampled_from(["int8", "int16"]),
        "reject": st.sampled_from([None, 0.6]),
        "seed": st.integers(0, 2**32 - 1),
    }
)
texts = st.lists(st.sampled_from(WORDS), max_size=20).map(" ".join) | st.text(max_size=20)
pairs = st.lists(st.tuples(texts, texts), max_size=4)


def agree(path: Path, given_pairs: Pairs) -> None:
    native, reference = prunetext.load(path), ReferenceModel(path)
    labels, probabilities = native.predict(given_pairs), native.predict_proba(given_pairs)
    assert labels == reference.predict(given_pairs)
    np.testing.assert_allclose(probabilities, reference.predict_proba(given_pairs), rtol=0, atol=1e-5)
    if native.reject is not None:
        assert native.predict(given_pairs, reject=True) == reference.predict(given_pairs, reject=True)
    for kernel in _native.kernels():  # all that this processor has, to the last bit
        other = _native.Model(path, kernel)
        assert other.predict(given_pairs, 1) == labels
        assert other.probabilities(given_pairs, 1) == probabilities.tobytes()
        encoded = [[text.encode("utf-8", "surrogatepass") for text in pair] for pair in given_pairs]
        assert other.probabilities(encoded, 1) == probabilities.tobytes()


@settings(max_examples=100)
@given(shape=shapes, some=pairs)
def test_random_models_and_pairs(make_model: Callable[..., Path], shape: dict[str, Any], some: Pairs) -> None:
    agree(make_model(pairs=True, **shape), FIXED + some)


@settings(max_examples=20)
@given(
    before=st.integers(PIECE - 30, PIECE + 5),
    parts=st.lists(st.sampled_from([*WORDS, "films!", "e\u0301", "x" * 70, "电影", "good "]), min_size=9, max_size=30),
    other=texts,
)
def test_a_text_may_be_cut_anywhere(make_model: Callable[..., Path], before: int, parts: list[str], other: str) -> None:
    text = ("a film " * PIECE)[:before] + "".join(parts)
    agree(make_model(pairs=True, filters={1: 3, 3: 20}, seed=4), [(text, other), (other, text), (text, text[::-1])])


def test_sums_of_many_windows_do_not_overflow(make_model: Callable[..., Path]) -> None:
    text = "great films the good " * 17_000  # more windows than one int32 takes of an int16 table, all far from 0
    agree(make_model(pairs=True, filters={1: 5, 16: 3}, dimensions=3, table="int16", seed=7), [(text, "films the")])


@pytest.mark.parametrize("table", ["int8", "int16"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_largest_entries_add_up_without_overflow(
    make_tensors: Callable[..., Any], tmp_path: Path, table: str, sign: int
) -> None:
    # Every word and both flags have the largest entry that there may be, under all taps: of 16 taps, 48 such entries.
    tensors, metadata = make_tensors(pairs=True, filters={16: 16}, dimensions=1, table=table)
    limit = 127 if table == "int8" else 32767 // (3 * 16)
    tensors["embedding"][:] = 127
    tensors["match"][:] = 127
    tensors["conv16.weight"][:] = sign
    tensors["embedding.scale"][:] = tensors["conv16.scale"][:] = 1
    tensors["conv16.table_scale"][:] = 127 / limit
    write(tmp_path / "model", tensors, metadata)
    agree(tmp_path / "model", [("good film " * 40, "film good " * 30)])
    tensors["conv16.table_scale"][:] = 127 / (limit + 1)
    with pytest.raises(prunetext.ModelFileError, match="out of range"):
        write(tmp_path / "model", tensors, metadata)


def test_flags_beyond_the_tables_range_are_refused(make_tensors: Callable[..., Any], tmp_path: Path) -> None:
    tensors, metadata = make_tensors(pairs=True, filters={2: 1}, dimensions=1)
    tensors["embedding"][:] = tensors["conv2.weight"][:] = 1
    for name in ("embedding.scale", "conv2.scale", "conv2.table_scale"):
        tensors[name][:] = 1
    tensors["match"][:] = 127
    write(tmp_path / "model", tensors, metadata)
    tensors["conv2.weight"][:] = 2
    with pytest.raises(prunetext.ModelFileError, match="for matched words is out of range"):
        write(tmp_path / "model", tensors, metadata)


@settings(max_examples=50)
@given(some=pairs)
def test_a_head_that_is_symmetric_does_not_see_the_order(
    make_tensors: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, some: Pairs
) -> None:
    tensors, metadata = make_tensors(pairs=True, seed=2)
    features = tensors["head.weight"].shape[1] // 4
    tensors["head.weight"][:, features : 2 * features] = tensors["head.weight"][:, :features]
    path = tmp_path_factory.mktemp("symmetric") / "model"
    write(path, tensors, metadata)
    classifier = prunetext.load(path)
    there = classifier.predict_proba(FIXED + some)
    back = classifier.predict_proba([(b, a) for a, b in FIXED + some])
    np.testing.assert_allclose(there, back, rtol=0, atol=1e-6)


def test_words_outside_the_vocabulary_are_compared(pair_model: Path) -> None:
    classifier = prunetext.load(pair_model)
    same, other = classifier.predict_proba([("unseen film", "unseen"), ("unseen film", "unheard")])
    assert (same != other).any()


def test_a_long_pair_among_short_ones_changes_nothing(pair_model: Path) -> None:
    classifier = prunetext.load(pair_model)
    words = " ".join(f"good word{number}" for number in range(100_000))
    many = [*FIXED, (words, words[5:]), *FIXED]
    rows = classifier.predict_proba(many, threads=1)
    alone = np.concatenate([classifier.predict_proba([pair]) for pair in many])
    assert (rows == alone).all()
    assert (classifier.predict_proba(many, threads=3) == rows).all()
