"""The WebAssembly modules of the installed package, run by wasmtime."""

from __future__ import annotations

import ctypes
import struct
from pathlib import Path
from typing import Any

import pytest

import prunetext

FOLDER = Path(prunetext.__file__).parent / "runtime" / "wasm"
MODULES = ("prunetext-simd.wasm", "prunetext.wasm")
MESSAGE = 1024


def wasm_folder() -> Path:
    """Where the modules lie; the test is skipped if this wheel was built without them."""
    if not all((FOLDER / name).is_file() for name in MODULES):
        pytest.skip("this prunetext was built without ziglang: it has no WebAssembly")
    return FOLDER


class RefusedError(Exception):
    """What the module wrote before it ended."""


class Module:
    """An instance of a module, and the model that it has loaded.

    module = Module("prunetext.wasm", path.read_bytes())
    module.predict("a good film")    # (1, [0.25, 0.75], [0, 1]): the winner, float32 probabilities, the given labels
    """

    def __init__(self, name: str, model: bytes) -> None:
        wasmtime = pytest.importorskip("wasmtime")
        engine = _engine(wasmtime)
        self.store = wasmtime.Store(engine)
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        self.store.set_wasi(wasmtime.WasiConfig())
        exports = linker.instantiate(self.store, _module(wasmtime, name)).exports(self.store)
        self.exports: Any = exports
        self.call("_initialize")
        message, file = self.call("malloc", MESSAGE), self.call("malloc", len(model))
        self.write(file, model)
        try:
            self.model = self.call("prunetext_load", file, len(model), message, MESSAGE)
        except wasmtime.Trap:
            self.model = 0
        if not self.model:
            raise RefusedError(self.read(message, MESSAGE).partition(b"\0")[0].decode())
        self.classes = self.call("prunetext_label_count", self.model)

    def call(self, name: str, *arguments: int) -> int:
        found: int = self.exports[name](self.store, *arguments)
        return found

    def read(self, at: int, size: int) -> bytes:
        return bytes(self.exports["memory"].read(self.store, at, at + size))

    def write(self, at: int, data: bytes) -> None:
        self.exports["memory"].write(self.store, data, at)

    @property
    def labels(self) -> list[str]:
        length = self.call("malloc", 4)
        found = []
        for label in range(self.classes):
            at = self.call("prunetext_label", self.model, label, length)
            found.append(self.read(at, struct.unpack("<I", self.read(length, 4))[0]).decode())
        return found

    def predict(self, item: str | bytes | tuple[str, str]) -> tuple[int, list[float], list[int]]:
        texts = [each if isinstance(each, bytes) else each.encode("utf-8", "surrogatepass") for each in _texts(item)]
        room = self.call("malloc", 5 * self.classes)
        places: list[int] = []
        for text in texts:
            at = self.call("malloc", len(text) + 1)
            self.write(at, text)
            places += (at, len(text))
        given = places if len(texts) == 2 else [*places, 0, 0]
        winner = self.call("prunetext_predict", self.model, *given, room, room + 4 * self.classes)
        data = self.read(room, 5 * self.classes)
        for at in (room, *places[::2]):
            self.call("free", at)
        shares = list(struct.unpack(f"<{self.classes}f", data[: 4 * self.classes]))
        return winner, shares, list(data[4 * self.classes :])


def expected(model: Any, items: list[Any]) -> list[tuple[list[float], list[int]]]:
    """What the native runtime, a `_native.Model`, gives for the items."""
    shares, chosen = model.answers(items, 1)
    classes = model.classes
    numbers = (ctypes.c_float * (classes * len(items))).from_buffer(shares)[:]
    rows = range(0, classes * len(items), classes)
    return [(list(numbers[at : at + classes]), list(chosen[at : at + classes])) for at in rows]


def _texts(item: str | bytes | tuple[str, str]) -> tuple[str | bytes, ...]:
    return item if isinstance(item, tuple) else (item,)


_kept: dict[str, Any] = {}


def _engine(wasmtime: Any) -> Any:
    if "engine" not in _kept:
        _kept["engine"] = wasmtime.Engine()
    return _kept["engine"]


def _module(wasmtime: Any, name: str) -> Any:
    if name not in _kept:
        _kept[name] = wasmtime.Module.from_file(_engine(wasmtime), str(wasm_folder() / name))
    return _kept[name]
