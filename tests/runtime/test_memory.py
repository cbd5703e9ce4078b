"""A model from bytes in memory is the model of the file that holds them."""

import array
import copy
import mmap
import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prunetext

TEXTS = ["a great film", "", "dull, bad films!", "电影 unseen"]


def test_any_buffer_is_loaded(model: Path) -> None:
    expected, data = prunetext.load(model), model.read_bytes()
    scattered = memoryview(bytes(unit for each in data for unit in (each, 0)))[::2]
    with model.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        sources = [data, bytearray(data), memoryview(data), scattered, array.array("B", data), mapped]
        loaded = [prunetext.load(source) for source in [*sources, np.frombuffer(data, np.uint8)]]
    for classifier in loaded:
        assert classifier.labels == expected.labels
        assert classifier.metadata == expected.metadata
        assert classifier.size == expected.size == len(data)
        assert classifier.predict(TEXTS) == expected.predict(TEXTS)
        assert (classifier.predict_proba(TEXTS) == expected.predict_proba(TEXTS)).all()
        assert "in memory" in repr(classifier)


@pytest.mark.parametrize("kind", ["coded_model", "pair_model", "several_model", "rejecting_model"])
def test_every_kind_of_model_is_loaded(request: pytest.FixtureRequest, kind: str) -> None:
    path: Path = request.getfixturevalue(kind)
    expected, classifier = prunetext.load(path), prunetext.load(path.read_bytes())
    items: list[Any] = [(text, "a film") for text in TEXTS] if expected.task == "pairs" else TEXTS
    assert classifier.predict_with_probability(items) == expected.predict_with_probability(items)


def test_the_callers_bytes_are_copied(model: Path) -> None:
    data = bytearray(model.read_bytes())
    classifier = prunetext.load(data)
    expected = classifier.predict(TEXTS)
    data[:] = bytes(len(data))
    data.clear()  # nothing holds on to the buffer
    assert classifier.predict(TEXTS) == expected
    assert pickle.loads(pickle.dumps(classifier)).predict(TEXTS) == expected


def test_bytes_that_change_meanwhile_do_no_harm(model: Path) -> None:
    data = bytearray(model.read_bytes())
    whole, stop = bytes(data), threading.Event()

    def churn() -> None:
        at = 0
        while not stop.is_set():
            data[at % len(data)] ^= 0xFF
            at += 997

    other = threading.Thread(target=churn)
    other.start()
    try:
        for _ in range(300):
            try:
                prunetext.load(data)
            except prunetext.ModelFileError:
                continue
    finally:
        stop.set()
        other.join()
    assert prunetext.load(whole).predict(TEXTS)


def test_a_pickle_or_a_copy_needs_no_file(model: Path) -> None:
    classifier = prunetext.load(model.read_bytes())
    for other in (pickle.loads(pickle.dumps(classifier)), copy.deepcopy(classifier), copy.copy(classifier)):
        assert type(other) is prunetext.Classifier
        assert other.predict(TEXTS) == classifier.predict(TEXTS)


@pytest.mark.parametrize("data", [b"", b"a", b"runs/reviews/model.safetensors", bytes(1000)])
def test_bytes_that_are_no_model_are_refused(data: bytes) -> None:
    with pytest.raises(
        prunetext.ModelFileError, match=r"^the model in memory: .*; give a file written by prunetext fit"
    ):
        prunetext.load(data)


@pytest.mark.parametrize("source", [3, None, ["a"], object(), 2.5])
def test_what_is_neither_path_nor_bytes_is_refused(source: Any) -> None:
    with pytest.raises(prunetext.InputError, match="from a path or from the bytes of its file, not from") as caught:
        prunetext.load(source)
    assert not isinstance(caught.value, prunetext.ModelFileError)
