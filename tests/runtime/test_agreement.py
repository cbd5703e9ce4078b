"""reference.py and the native kernel give the same labels and probabilities, whatever the model and the text."""

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prunetext
from prunetext.runtime import _native
from prunetext.runtime.reference import ReferenceModel

WORDS = ("a", "bad", "dull", "film", "films", "good", "great", "the", "ø", "电", "影")
BIGRAMS = ("a film", "bad film", "film film", "great films", "not good", "the unlisted", "电 影", "影 电")
FIXED = ["", " ", "film", "unseen", "the film", "GREAT, great film!", "电影 good \ud800", "good " * 40, "\x00a\u0301"]

BYTES = [
    b"good",
    b" film ",
    "电影".encode(),
    b"\xe7",
    b"\x94\xb5",
    b"\xff",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98",
    b"\xf4\x90\x80\x80",
]

shapes = st.fixed_dictionaries(
    {
        "filters": st.dictionaries(st.integers(1, 16), st.integers(1, 70), min_size=1, max_size=3),
        "dimensions": st.integers(1, 40),
        "classes": st.integers(2, 9),
        "pooling": st.sampled_from(["max", "max+mean"]),
        "table": st.sampled_from(["int8", "int16"]),
        "temperature": st.sampled_from([0.1, 1.0, 1.7]),
        "reject": st.sampled_from([None, 0.4, 0.6, 1.0]),
        "bigrams": st.sampled_from([(), BIGRAMS]),
        "seed": st.integers(0, 2**32 - 1),
    }
)
texts = st.lists(st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join) | st.text(max_size=20), max_size=4)


def agree(path: Path, given_texts: list[str]) -> None:
    native, reference = prunetext.load(path), ReferenceModel(path)
    labels, probabilities = native.predict(given_texts), native.predict_proba(given_texts)
    assert labels == reference.predict(given_texts)
    np.testing.assert_allclose(probabilities, reference.predict_proba(given_texts), rtol=0, atol=1e-5)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    if native.reject is not None:
        assert native.predict(given_texts, reject=True) == reference.predict(given_texts, reject=True)
    said = native.answers(given_texts)
    assert (said[0] == probabilities).all()
    assert [native.labels[at] for at in said[1].argmax(1)] == labels
    assert (said[1].sum(1) == 1).all()
    for kernel in _native.kernels():  # all that this processor has, to the last bit
        other = _native.Model(path, kernel)
        assert other.predict(given_texts, 1) == labels
        assert other.answers(given_texts, 1) == tuple(each.tobytes() for each in said)
        tops = probabilities.max(1).astype(float)
        accepted = [label if top >= (native.reject or 0) else None for label, top in zip(labels, tops, strict=True)]
        assert other.predict(given_texts, 1, True) == accepted
        assert other.predict_with_probability(given_texts, 1) == list(zip(labels, tops.tolist(), strict=True))
        assert other.predict_with_probability(given_texts, 1, True) == list(zip(accepted, tops.tolist(), strict=True))
        assert other.probabilities(given_texts, 1) == probabilities.tobytes()
        encoded = [text.encode("utf-8", "surrogatepass") for text in given_texts]
        assert other.probabilities(encoded, 1) == probabilities.tobytes()


@settings(max_examples=150)
@given(shape=shapes, some=texts)
def test_random_models_and_texts(make_model: Callable[..., Path], shape: dict[str, Any], some: list[str]) -> None:
    agree(make_model(**shape), FIXED + some)


def test_there_is_a_kernel_for_every_processor_and_an_unknown_one_is_refused(make_model: Callable[..., Path]) -> None:
    names = _native.kernels()
    assert names[-1] == "plain"
    assert set(names) <= {"avx512", "avx2", "plain"}
    if platform.machine() == "x86_64" and "avx2" in Path("/proc/cpuinfo").read_text():
        assert "avx2" in names
    with pytest.raises(ValueError, match="no such kernel"):
        _native.Model(make_model(), "fast")


PIECE = 4096  # characters that the kernel looks at together


@settings(max_examples=20)
@given(
    before=st.integers(PIECE - 80, PIECE + 5),
    parts=st.lists(
        st.sampled_from(
            [*WORDS, "films!", ",", " ", "\x00", "e\u0301", "\u0301", "电影", "x" * 70, "ß", "\U0001f600", "good "]
        ),
        min_size=30,
        max_size=60,
    ),
    filler=st.sampled_from(["a ", "电", "ø", "good,", "e\u0301 ", "y"]),
)
def test_a_text_may_be_cut_anywhere(
    make_model: Callable[..., Path], before: int, parts: list[str], filler: str
) -> None:
    text = (filler * PIECE)[:before] + "".join(parts)
    agree(make_model(filters={1: 3, 3: 20, 16: 2}, seed=4, bigrams=BIGRAMS), [text, text * 3])


@pytest.mark.parametrize("last", ["y\u302e", "电", "é", "\U0001f600", "\u302e"])
def test_marks_wait_for_the_next_piece_of_utf8(make_model: Callable[..., Path], last: str) -> None:
    path = make_model(words=tuple(sorted({*WORDS, "b", "\u302e", "\u302eb", "y\u302e", "y\u302eb", "eb", "e"})))
    for kernel in _native.kernels():
        model = _native.Model(path, kernel)
        for before in range(PIECE - 6, PIECE + 2):
            text = "." * before + last + "b good film"
            assert model.probabilities([text.encode()], 1) == model.probabilities([text], 1)


@pytest.mark.parametrize(
    "odd", [b"\xc3\xa0\x80\x80\x80\x80", b"\xe7\x94\xb5\x80\x80\x80\x80", b"\x80" * 9, b"\xf0\x9f\x98"]
)
def test_a_piece_of_broken_utf8_ends_between_characters(make_model: Callable[..., Path], odd: bytes) -> None:
    path = make_model(words=tuple(sorted({*WORDS, "a"})))
    for kernel in _native.kernels():
        model = _native.Model(path, kernel)
        for before in range(PIECE - 10, PIECE + 2):
            text = b"." * before + odd + b" good film"
            assert model.probabilities([text], 1) == model.probabilities([text.decode("utf-8", "replace")], 1)


def test_a_word_may_be_longer_than_many_pieces(make_model: Callable[..., Path]) -> None:
    long = "w" * (3 * PIECE + 5)
    path = make_model(words=tuple(sorted((*WORDS, long, long + "w"))))
    agree(path, [f"good {tail} film" for tail in (long, long + "w", long + "ww", long[1:], long + "\x00w", long + "é")])


@settings(max_examples=100)
@given(some=texts)
def test_utf8_is_read_as_the_text_that_it_is(make_model: Callable[..., Path], some: list[str]) -> None:
    classifier = prunetext.load(make_model(seed=3))
    valid = [
        text.encode("utf-8", "replace").decode() for text in [*FIXED, *some, "电影 good, " * 900, "ø" + "a film " * 900]
    ]
    expected = classifier.predict_proba(valid)
    assert (classifier.predict_proba([text.encode() for text in valid]) == expected).all()
    for kind in (pyarrow.string(), pyarrow.large_string(), pyarrow.string_view()):
        assert (classifier.predict_proba(pyarrow.array(valid, kind)) == expected).all()


@settings(max_examples=300)
@given(some=st.lists(st.binary(max_size=12) | st.sampled_from(BYTES), max_size=8).map(b"".join))
def test_bytes_that_are_no_utf8_are_left_out(make_model: Callable[..., Path], some: bytes) -> None:
    model = _native.Model(make_model(seed=3))
    assert model.probabilities([some], 1) == model.probabilities([some.decode("utf-8", "replace")], 1)


def test_sums_of_many_windows_do_not_overflow(make_model: Callable[..., Path]) -> None:
    text = "great films the good " * 17_000  # more windows than one int32 block takes, all far from 0
    for table in ("int8", "int16"):
        agree(make_model(filters={1: 5, 4: 3}, dimensions=3, table=table, seed=7), [text])


def test_a_model_without_words_knows_only_the_unknown_word(make_model: Callable[..., Path]) -> None:
    agree(make_model(words=()), ["", "film", "the film"])


def test_table_rounds_half_to_even(make_tensors: Callable[..., Any], tmp_path: Path) -> None:
    # One dimension, all scales 1 but the table's 2: entries are embedding / 2, of which every second is a tie.
    rows = np.arange(-11, 1, dtype=np.int8)[:, None]
    tensors, metadata = make_tensors(dimensions=1, filters={1: 1}, pooling="max+mean", classes=2)
    tensors |= {
        "embedding": rows,
        "embedding.scale": np.ones(1, np.float32),
        "conv1.weight": np.ones((1, 1, 1), np.int8),
        "conv1.scale": np.ones(1, np.float32),
        "conv1.table_scale": np.full(1, 2, np.float32),
        "head.weight": np.array([[0, 0], [0, 1]], np.float32),
        "head.bias": np.zeros(2, np.float32),
    }
    prunetext.runtime.format.write(tmp_path / "model", tensors, metadata)
    classifier = prunetext.load(tmp_path / "model")
    for row, word in enumerate(["unseen", *sorted(WORDS)]):
        mean = 2 * round(int(rows[row, 0]) / 2)  # Python's round is half to even, too
        assert _native.tokenize(word) == [word]
        expected = 1 / (1 + np.exp(-mean))
        assert classifier.predict_proba([word])[0, 1] == pytest.approx(expected, rel=1e-6)
