"""Arrow structures that were consumed, are too short or contradict themselves: a sentence, and no byte is read."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest

import prunetext

TEXTS = ["a great film", "a dull film, and a long text of more than twelve bytes", ""]
Pointers = ctypes.POINTER(ctypes.c_void_p)
new_capsule = ctypes.pythonapi.PyCapsule_New
new_capsule.restype, new_capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


class Schema(ctypes.Structure):
    _fields_ = (
        ("format", ctypes.c_char_p),
        *((name, ctypes.c_char_p) for name in ("name", "metadata")),
        *((name, ctypes.c_int64) for name in ("flags", "n_children")),
        *((name, ctypes.c_void_p) for name in ("children", "dictionary", "release", "private_data")),
    )


class Array(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")),
        ("buffers", Pointers),
        *((name, ctypes.c_void_p) for name in ("children", "dictionary", "release", "private_data")),
    )


released: list[int] = []
Release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
release = Release(lambda pointer: released.append(pointer))
RELEASE = ctypes.cast(release, ctypes.c_void_p).value


class Made:
    """An array of strings by hand, one or more of whose fields are others; `buffers` are bytes, or None."""

    def __init__(self, kind: bytes, buffers: list[bytes | None], **fields: Any) -> None:
        self.data = [None if each is None else ctypes.create_string_buffer(each, len(each)) for each in buffers]
        self.places = (ctypes.c_void_p * max(len(buffers), 1))(
            *(None if each is None else ctypes.addressof(each) for each in self.data)
        )
        self.schema = Schema(format=kind, release=RELEASE)
        values = {"length": 2, "n_buffers": len(buffers), "release": RELEASE, **fields}
        self.array = Array(buffers=ctypes.cast(self.places, Pointers), **values)

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        return (
            new_capsule(ctypes.addressof(self.schema), b"arrow_schema", None),
            new_capsule(ctypes.addressof(self.array), b"arrow_array", None),
        )


def numbers(kind: type[Any], *values: int) -> bytes:
    return bytes((kind * len(values))(*values))


SMALL = numbers(ctypes.c_int32, 0, 7, 12)
LARGE = numbers(ctypes.c_int64, 0, 7, 12)
BYTES = b"a great film"


def view(text: bytes, buffer: int = 0, at: int = 0, length: int | None = None) -> bytes:
    size = len(text) if length is None else length
    if length is None and size <= 12:
        return numbers(ctypes.c_int32, size) + text.ljust(12, b"\0")
    return numbers(ctypes.c_int32, size) + text[:4] + numbers(ctypes.c_int32, buffer, at)


VIEWED = b"a film of more than twelve"
VIEWS = view(b"a great") + view(VIEWED)


def test_arrays_by_hand_are_read_and_released_once(model: Path) -> None:
    classifier = prunetext.load(model)
    expected = classifier.predict(["a great", " film"])
    assert classifier.predict(Made(b"u", [None, SMALL, BYTES])) == expected
    assert classifier.predict(Made(b"U", [b"\x03", LARGE, BYTES])) == expected
    views = Made(b"vu", [None, VIEWS, VIEWED, numbers(ctypes.c_int64, len(VIEWED))])
    before = len(released)
    assert classifier.predict(views) == classifier.predict(["a great", VIEWED.decode()])
    assert len(released) == before + 1
    assert not views.array.release
    with pytest.raises(prunetext.InputError, match="texts were consumed before: their arrow_array is released"):
        classifier.predict(views)
    assert classifier.predict(Made(b"u", [None, None, None], length=0)) == []


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: Made(b"u", [None, SMALL, BYTES], length=-1), "impossible"),
        (lambda: Made(b"u", [None, SMALL, BYTES], offset=-1), "impossible"),
        (lambda: Made(b"u", [None, SMALL, BYTES], length=1 << 62), "impossible"),
        (lambda: Made(b"u", [None, SMALL, BYTES], n_buffers=2), "buffers are missing"),
        (lambda: Made(b"u", [None, SMALL, BYTES], n_buffers=-3), "buffers are missing"),
        (lambda: Made(b"vu", [None, VIEWS], n_buffers=1), "buffers are missing"),
        (lambda: Made(b"u", [None, None, BYTES]), "offsets are missing"),
        (lambda: Made(b"u", [None, SMALL, None]), "characters are missing"),
        (lambda: Made(b"u", [None, SMALL, BYTES], null_count=1), "it has nulls, but not which"),
        (lambda: Made(b"u", [None, SMALL, BYTES], n_children=1), "children"),
        (lambda: Made(b"u", [None, numbers(ctypes.c_int32, 7, 3, 12), BYTES]), "an offset lies before another"),
        (lambda: Made(b"u", [None, numbers(ctypes.c_int32, -7, 3, 12), BYTES]), "an offset lies before another"),
        (lambda: Made(b"U", [None, numbers(ctypes.c_int64, 0, 9, 8), BYTES]), "an offset lies before another"),
        (lambda: Made(b"vu", [None, VIEWS, VIEWED]), "outside of its buffer"),
        (lambda: Made(b"vu", [None, VIEWS, VIEWED, numbers(ctypes.c_int64, 25)]), "outside of its buffer"),
        (lambda: Made(b"vu", [None, VIEWS, None, numbers(ctypes.c_int64, 99)]), "outside of its buffer"),
        *(
            (lambda bad=bad: Made(b"vu", [None, 2 * bad, VIEWED, numbers(ctypes.c_int64, 26)]), "Arrow array: a ")
            for bad in (
                view(VIEWED, length=-1),
                view(VIEWED, buffer=1),
                view(VIEWED, buffer=-1),
                view(VIEWED, at=1),
                view(VIEWED, at=-1),
                view(VIEWED, length=2**31 - 1),
            )
        ),
        (lambda: Made(b"u", [None, SMALL, BYTES], release=None), "consumed before"),
        (lambda: Made(None, [None, SMALL, BYTES]), "must be an Arrow array of strings, not of type ''"),  # type: ignore[arg-type]
    ],
)
def test_an_array_that_contradicts_itself_is_refused(model: Path, made: Callable[[], Made], reason: str) -> None:
    with pytest.raises(prunetext.InputError, match=rf"{reason}.*; give a list of strings\.$"):
        prunetext.load(model).predict(made())


class Given:
    """Gives what it was made with."""

    def __init__(self, **given: object) -> None:
        for name, value in given.items():
            setattr(self, f"__arrow_c_{name}__", lambda requested_schema=None, value=value: value)


ARRAY = pyarrow.array(TEXTS).__arrow_c_array__()
STREAM = pyarrow.chunked_array([TEXTS]).__arrow_c_stream__()


@pytest.mark.parametrize("given", [(), ARRAY[:1], (*ARRAY, None), ARRAY[::-1], (None, None), [*ARRAY], None, 3, "no"])
def test_what_is_no_pair_of_capsules_is_refused(model: Path, given: object) -> None:
    with pytest.raises(prunetext.InputError, match=r"must give a .*capsule.*; give a list of strings\.$"):
        prunetext.load(model).predict(Given(array=given))


@pytest.mark.parametrize("given", [None, (), 3, ARRAY, ARRAY[0]])
def test_what_is_no_stream_is_refused(model: Path, given: object) -> None:
    with pytest.raises(prunetext.InputError, match=r"must give a capsule named arrow_array_stream"):
        prunetext.load(model).predict(Given(stream=given))


@pytest.mark.parametrize("by", ["predict", "pyarrow"])
def test_a_stream_that_was_consumed_is_refused(model: Path, by: str) -> None:
    classifier, stream = prunetext.load(model), Given(stream=pyarrow.chunked_array([TEXTS]).__arrow_c_stream__())
    if by == "predict":
        assert classifier.predict(stream) == classifier.predict(TEXTS)
    else:
        pyarrow.chunked_array(stream)
    for use in (classifier.predict, classifier.predict_proba, classifier.encode):
        with pytest.raises(prunetext.InputError, match="texts were consumed before: their arrow_array_stream is rel"):
            use(stream)


def test_an_array_that_was_consumed_is_refused(model: Path) -> None:
    given = Given(array=pyarrow.array(TEXTS).__arrow_c_array__())
    pyarrow.array(given)
    with pytest.raises(prunetext.InputError, match="texts were consumed before"):
        prunetext.load(model).predict(given)
