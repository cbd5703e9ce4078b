"""The WebAssembly modules give the native runtime's labels and probabilities, to the bit, and refuse what it does."""

import gzip
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.wasm import MODULES, Module, RefusedError, expected, wasm_folder
from prunetext.runtime import _native

MOST_COMPRESSED = 80_000  # bytes of a module, of which a page takes one
WORDS = ("a", "bad", "dull", "film", "films", "good", "great", "the", "ø", "电", "影", "电影", "··fi", "unbelievable")
FIXED = [
    "",
    " ",
    "film",
    "unseen",
    "GREAT, great film!",
    "电影 good ø Ø \ud800",
    "good " * 40,
    "\x00a\u0301 ﬁlm ẞ İ schön ﷺ 각 🇩🇪 ดี",
    "the great dull bad film " * 900,
    "unbelievable, " * 5 + "ø电影" * 2000,
]
SHAPES: dict[str, dict[str, Any]] = {
    "one of three": {},
    "int16": {"table": "int16", "filters": {1: 3, 5: 33, 16: 2}, "dimensions": 12},
    "only maxima": {"pooling": "max", "filters": {2: 70, 3: 1}, "classes": 11, "temperature": 0.37},
    "coded": {"dimensions": 40, "filters": {2: 11, 3: 17}, "zeros": 0.7, "precisions": (8, 4, 2)},
    "several": {"thresholds": (0.5, 0.25, 0.75), "temperature": 1.7},
    "bigrams": {"bigrams": ("great film", "the great", "unbelievable unbelievable", "ø 电"), "classes": 2},
    "bigrams of several": {"bigrams": ("film the", "great great"), "thresholds": (0.1, 0.2, 0.3)},
    "pairs": {"pairs": True, "seed": 7},
    "wide pairs": {"pairs": True, "table": "int16", "pooling": "max", "filters": {1: 2, 6: 17}},
    "words/2": {"tokenizer": "words/2", "pairs": True},
    "pieces/3": {"tokenizer": "pieces/3"},
    "pairs/4": {"tokenizer": "pairs/4", "thresholds": (0.1, 0.2, 0.3)},
}


def agree(module: Module, native: Any, items: list[Any]) -> None:
    for item, (shares, chosen) in zip(items, expected(native, items), strict=True):
        winner, found, given_labels = module.predict(item)
        assert found == shares, ascii(item)
        assert given_labels == chosen, ascii(item)
        assert found[winner] == max(found)


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_module_gives_the_same_bits(make_model: Callable[..., Path], shape: str, name: str) -> None:
    path = make_model(words=tuple(sorted(WORDS)), **SHAPES[shape])
    native, module = _native.Model(path), Module(name, path.read_bytes())
    assert module.labels == native.labels
    pairs = "pairs" in SHAPES[shape]
    agree(module, native, list(zip(FIXED, FIXED[::-1], strict=True)) if pairs else FIXED)


@pytest.fixture(scope="module", params=MODULES)
def loaded(request: pytest.FixtureRequest, make_model: Callable[..., Path]) -> list[tuple[Module, Any]]:
    paths = [make_model(words=tuple(sorted(WORDS)), tokenizer=each) for each in _native.TOKENIZERS]
    return [(Module(request.param, path.read_bytes()), _native.Model(path)) for path in paths]


@settings(max_examples=150)
@given(texts=st.lists(st.text(max_size=30) | st.sampled_from(WORDS), max_size=6).map("".join))
def test_any_text_has_the_same_probabilities(loaded: list[tuple[Module, Any]], texts: str) -> None:
    for module, native in loaded:
        agree(module, native, [texts])


@settings(max_examples=100)
@given(text=st.lists(st.binary(max_size=8) | st.sampled_from(WORDS).map(str.encode), max_size=6).map(b"".join))
def test_any_bytes_have_the_same_probabilities(loaded: list[tuple[Module, Any]], text: bytes) -> None:
    for module, native in loaded:
        agree(module, native, [text])


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_module_explains_as_the_native_runtime(make_model: Callable[..., Path], shape: str, name: str) -> None:
    path = make_model(words=tuple(sorted(WORDS)), **SHAPES[shape])
    native, module = _native.Model(path), Module(name, path.read_bytes())
    texts = [text.encode("utf-8", "surrogatepass") for text in FIXED]
    items: list[Any] = list(zip(texts, texts[::-1], strict=True)) if "pairs" in SHAPES[shape] else texts
    for item in items:
        for label in (-1, 0):
            number, probability, logit, base, _, packed = native.explain(item, label)
            parts = list(struct.iter_unpack("<QQQd", packed))
            found = module.explain(item, label)
            assert found == (number, probability, logit, base, parts), ascii(item[:50])


def reason_of(load: Callable[[], object]) -> str:
    """What the loader says, or nothing if it takes the file."""
    try:
        load()
    except (ValueError, RefusedError) as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", MODULES)
def test_a_module_refuses_what_the_native_runtime_refuses(
    hostile: ModuleType, make_model: Callable[..., Path], model: Path, coded_model: Path, name: str
) -> None:
    sound, coded, listed = (
        path.read_bytes() for path in (model, coded_model, make_model(bigrams=("a film", "film a")))
    )
    beyond = [  # numbers that would be sound in 32 bits
        hostile.put_together(header, body)
        for data in (sound, coded, listed)
        for header, body in widened(*hostile.take_apart(data))
    ]
    assert len(beyond) == 8
    cut = [sound[:at] for at in (0, 7, 100, len(sound) - 1)] + [sound + b"\0", coded[:-1]]
    for data in [*cut, *beyond, *(data for _, data in hostile.hostile_files(sound))]:
        reason = reason_of(lambda data=data: _native.Model(data))
        assert reason
        assert reason_of(lambda data=data: Module(name, data)) == reason


def widened(header: dict[str, Any], body: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
    """The file, and in turn each number of bytes or words in its metadata is 2^32 more."""
    for key in ("vocabulary", "bigrams", "coding"):
        text = header["__metadata__"].get(key, "")
        for found in list(re.finditer(r'"(?:bytes|words)":(\d+)', text))[:2]:
            start, end = found.span(1)
            more = text[:start] + str(int(found[1]) + 2**32) + text[end:]
            yield {**header, "__metadata__": {**header["__metadata__"], key: more}}, body


@pytest.mark.parametrize("name", MODULES)
def test_a_wrong_number_of_texts_is_refused(make_model: Callable[..., Path], name: str) -> None:
    assert Module(name, make_model().read_bytes()).predict(("one", "two"))[0] == -1
    assert Module(name, make_model(pairs=True).read_bytes()).predict("one")[0] == -1


def test_modules_are_small_and_need_nothing_but_random_bytes() -> None:
    wasmtime = pytest.importorskip("wasmtime")
    sizes = {name: len(gzip.compress((wasm_folder() / name).read_bytes(), 9)) for name in MODULES}
    assert max(sizes.values()) <= MOST_COMPRESSED, sizes
    for name in MODULES:
        module = wasmtime.Module.from_file(wasmtime.Engine(), str(wasm_folder() / name))
        assert [(each.module, each.name) for each in module.imports] == [("wasi_snapshot_preview1", "random_get")]
