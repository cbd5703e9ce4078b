import copy
import gc
import json
import os
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest

import prunetext

TEXTS = ["a great film", "", "dull, bad films!", "电影 unseen"] * 400


def test_it_describes_itself(model: Path) -> None:
    classifier = prunetext.load(model)
    assert classifier.labels == ["label 0", "label 1", "label 2"]
    assert classifier.metadata["format"] == "prunetext/1"
    assert json.loads(classifier.metadata["labels"]) == classifier.labels
    assert classifier.size == model.stat().st_size
    assert "3 labels" in repr(classifier)


def test_path_may_be_str_path_or_strange(model: Path, tmp_path: Path) -> None:
    strange = tmp_path / "mödel \udcff"  # a file name that is not valid UTF-8
    strange.write_bytes(model.read_bytes())
    assert prunetext.load(str(strange)).labels == prunetext.load(strange).labels


def test_threads_change_nothing(model: Path) -> None:
    classifier = prunetext.load(model)
    one = classifier.predict(TEXTS, threads=1)
    assert set(one) <= set(classifier.labels)
    assert len(set(one)) > 1
    for threads in (None, 2, 3, 10_000):
        assert classifier.predict(TEXTS, threads=threads) == one
        assert (classifier.predict_proba(TEXTS, threads=threads) == classifier.predict_proba(TEXTS, threads=1)).all()
    long = TEXTS * 50  # above the threshold from which threads are used unasked
    assert classifier.predict(long) == one * 50


def test_texts_may_be_any_iterable(model: Path) -> None:
    classifier = prunetext.load(model)
    expected = classifier.predict(TEXTS)
    assert classifier.predict(tuple(TEXTS)) == expected
    assert classifier.predict(text for text in TEXTS) == expected
    assert classifier.predict(np.array(TEXTS, object)) == expected
    assert classifier.predict([]) == []
    empty = classifier.predict_proba([])
    assert empty.shape == (0, 3)
    assert empty.dtype == np.float32


def test_arrow_arrays_are_read_where_they_lie(model: Path) -> None:
    classifier = prunetext.load(model)
    expected = classifier.predict(TEXTS)
    for kind in (pyarrow.string(), pyarrow.large_string(), pyarrow.string_view()):
        column = pyarrow.array(TEXTS, kind)
        assert classifier.predict(column) == expected
        assert classifier.predict(column[3:700], threads=2) == expected[3:700], "a slice begins at an offset"
        assert classifier.predict(column[:0]) == []
        chunks = pyarrow.chunked_array([column[:5], column[5:5], column[5:]])
        assert classifier.predict(chunks) == expected, "a stream of arrays"
        assert classifier.predict_with_probability(chunks[:3]) == classifier.predict_with_probability(TEXTS[:3])
        assert classifier.predict_proba(chunks).shape == (len(TEXTS), 3)
    assert classifier.predict(pyarrow.chunked_array([], pyarrow.string())) == []


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (pyarrow.array([1, 2]), "must be an Arrow array of strings, not of type 'l'"),
        (pyarrow.array(["a", None]), r"not null \(item 1\)"),
        (pyarrow.chunked_array([["a", "b"], ["c", None]]), r"not null \(item 3\)"),
        (pyarrow.array(["a", "a"]).dictionary_encode(), "cast it to strings"),
        (pyarrow.table({"text": ["a"]}), "not of type '\\+s'"),
    ],
)
def test_other_arrow_arrays_are_refused(model: Path, texts: Any, message: str) -> None:
    with pytest.raises(prunetext.InputError, match=message):
        prunetext.load(model).predict(texts)


def test_a_failing_arrow_stream_says_why(model: Path) -> None:
    def batches() -> Iterator[pyarrow.RecordBatch]:
        raise ValueError("the disk is gone")
        yield

    reader = pyarrow.RecordBatchReader.from_batches(pyarrow.schema([("text", pyarrow.string())]), batches())
    with pytest.raises(ValueError, match=r"the disk is gone|not of type"):
        prunetext.load(model).predict(reader)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("a film", "wrap it in a list"),
        (b"a film", "wrap it in a list"),
        (["a film", None], "item 1"),
        ([("a", "b")], "tuple"),
        (3, "list of strings"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(model: Path, texts: Any, message: str) -> None:
    classifier = prunetext.load(model)
    for method in (classifier.predict, classifier.predict_proba):
        with pytest.raises(prunetext.InputError, match=message):
            method(texts)


def test_a_file_without_a_threshold_rejects_nothing_and_says_so(model: Path) -> None:
    classifier = prunetext.load(model)
    assert classifier.reject is None
    assert classifier.predict(TEXTS, reject=False) == classifier.predict(TEXTS)
    for method in (classifier.predict, classifier.predict_with_probability):
        with pytest.raises(
            prunetext.InputError, match=r"this model has no threshold .* --precision, or leave reject out"
        ):
            method(TEXTS, reject=True)


@pytest.mark.parametrize("threads", [1, 2])
def test_texts_below_the_threshold_have_no_label(model: Path, rejecting_model: Path, threads: int) -> None:
    classifier = prunetext.load(rejecting_model)
    assert classifier.reject == 0.75
    labels = classifier.predict(TEXTS)
    assert labels == prunetext.load(model).predict(TEXTS), "neither temperature nor threshold changes a label"
    tops = classifier.predict_proba(TEXTS).max(1)
    expected = [label if top >= 0.75 else None for label, top in zip(labels, tops, strict=True)]
    assert None in expected
    assert set(expected) - {None}
    assert classifier.predict(TEXTS, threads, reject=True) == expected
    answers = classifier.predict_with_probability(TEXTS, threads, reject=True)
    assert [label for label, _ in answers] == expected
    assert [top for _, top in answers] == tops.tolist()


def test_a_probability_of_just_the_threshold_is_accepted(make_model: Callable[..., Path]) -> None:
    text = "dull, bad films!"
    top = prunetext.load(make_model()).predict_proba([text]).max()
    for least, accepted in ((float(top), True), (float(np.nextafter(top, np.float32(1))), False)):
        classifier = prunetext.load(make_model(reject=least))
        assert (classifier.predict([text], reject=True) != [None]) is accepted
        assert (classifier.predict_with_probability([text], reject=True)[0][0] is not None) is accepted


def test_none_is_counted_as_often_as_it_is_given(rejecting_model: Path) -> None:
    classifier = prunetext.load(rejecting_model)
    before = sys.getrefcount(None)
    given = sum(classifier.predict(TEXTS, reject=True).count(None) for _ in range(20))
    assert given > 4000
    assert abs(sys.getrefcount(None) - before) < 1000


def test_an_error_of_the_callers_own_generator_comes_through(model: Path) -> None:
    classifier = prunetext.load(model)
    own = TypeError("of the caller")

    def texts() -> Iterator[str]:
        yield "a film"
        raise own

    for method in (classifier.predict, classifier.predict_proba, classifier.predict_with_probability):
        with pytest.raises(TypeError) as caught:
            method(texts())
        assert caught.value is own


@pytest.mark.parametrize("threads", [0, -1, 2.5, 2.0, "2", [2], float("nan")])
def test_what_is_no_number_of_threads_is_refused(model: Path, threads: Any) -> None:
    classifier = prunetext.load(model)
    for method in (classifier.predict, classifier.predict_proba, classifier.predict_with_probability):
        with pytest.raises(prunetext.InputError, match=r"^threads is .+: it must be a whole number of at least 1"):
            method(["a"], threads=threads)
    with pytest.raises(prunetext.InputError, match=r"^threads is "):
        prunetext.predict(classifier, "-", threads=threads)


@pytest.mark.parametrize("threads", [1, np.int64(2), 10**12])
def test_any_number_of_threads_is_taken(model: Path, threads: int) -> None:
    assert len(prunetext.load(model).predict(["a", "b"], threads=threads)) == 2


def test_a_pickle_or_a_copy_loads_the_same_file_again(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model.parent)
    classifier = prunetext.load(model.name)
    pickled = pickle.dumps(classifier)
    monkeypatch.chdir("/")
    for other in (pickle.loads(pickled), copy.deepcopy(classifier), copy.copy(classifier)):
        assert type(other) is prunetext.Classifier
        assert (other.labels, other.metadata) == (classifier.labels, classifier.metadata)
        assert other.predict(TEXTS) == classifier.predict(TEXTS)


def test_missing_path_is_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        prunetext.load(tmp_path / "absent")


def test_what_is_no_regular_file_is_refused(tmp_path: Path, model: Path) -> None:
    with pytest.raises(prunetext.ModelFileError, match="directory"):
        prunetext.load(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path(os.devnull)):
        with pytest.raises(prunetext.ModelFileError, match="not a regular file"):
            prunetext.load(path)
    with pytest.raises(prunetext.ModelFileError, match="opened"):
        prunetext.load(model / "inside")
    with pytest.raises(prunetext.ModelFileError, match="null"):
        prunetext.load("a\0b")


def test_strings_keep_no_utf8_copy(model: Path) -> None:
    texts = ["é" * number for number in range(1, 50)]
    before = [sys.getsizeof(text) for text in texts]
    prunetext.load(model).predict(texts)
    assert [sys.getsizeof(text) for text in texts] == before


def test_references_are_given_back(model: Path) -> None:
    classifier = prunetext.load(model)
    text = "a great film number " + str(id(model))
    texts = [text] * 10
    gc.collect()
    before = sys.getrefcount(text)
    labels = classifier.predict(texts)
    classifier.predict_proba(texts)
    classifier.explain(text)
    del labels
    assert sys.getrefcount(text) == before


def test_list_may_change_meanwhile(model: Path) -> None:
    classifier = prunetext.load(model)
    texts = [f"a great film {number}" for number in range(20_000)]
    stop = threading.Event()

    def churn() -> None:
        number = 0
        while not stop.is_set():
            texts[number % len(texts)] = f"a great film {number}"
            number += 7

    other = threading.Thread(target=churn)
    other.start()
    try:
        for _ in range(5):
            assert len(classifier.predict(texts, threads=2)) == len(texts)
    finally:
        stop.set()
        other.join()
