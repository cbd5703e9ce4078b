"""Write what the fuzzers start from: small model files, texts, and the models that read the texts.

    .venv/bin/python fuzz/make_seeds.py build/fuzz

Streams are stored, not compressed, since the fuzzers' inflater takes them as they are.
"""

from __future__ import annotations

import importlib.util
import struct
import sys
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

from prunetext.runtime import format as packed
from prunetext.runtime.format import Tensor

TESTS = Path(__file__).parents[1] / "tests" / "runtime"
LONGEST_SEED = 20_000  # bytes

SHAPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "reject": {"reject": 0.75, "temperature": 1.3, "classes": 2},
    "wide": {"table": "int16", "pooling": "max", "filters": {1: 2}, "classes": 2, "dimensions": 3},
    "taps": {"filters": {4: 1, 5: 1, 7: 1, 16: 2}, "dimensions": 1, "classes": 2},
    "filters": {"filters": {1: 16, 2: 33, 3: 70}, "dimensions": 2, "classes": 5},
    "empty": {"words": (), "dimensions": 2, "filters": {1: 1}, "classes": 2},
    "long": {"words": ("aaaaaaaa", "aaaaaaaaa", "films film", "unbelievable", "y\u302e", "\0a"), "dimensions": 2},
    "bitmap": {"dimensions": 12, "filters": {2: 3}, "zeros": 0.5},
    "gaps": {"dimensions": 40, "filters": {3: 5}, "zeros": 0.95, "classes": 2},
    "mixed": {"dimensions": 40, "filters": {2: 4, 3: 4}, "zeros": 0.7, "precisions": (8, 4, 2)},
    "two bits": {"dimensions": 24, "filters": {1: 4}, "zeros": 0.0, "precisions": (2,)},
    "pairs": {"pairs": True, "dimensions": 3},
    "wide pairs": {"pairs": True, "table": "int16", "pooling": "max", "filters": {1: 2, 5: 17}, "dimensions": 3},
    "several": {"thresholds": (0.5, 0.25, 0.75), "dimensions": 3},
    "bigrams": {"bigrams": ("a film", "film a", "good film"), "dimensions": 2, "classes": 2},
    "bigrams of letters": {"bigrams": ("电 影", "影 a"), "dimensions": 2, "tokenizer": "pairs/4"},
    "four bits": {"dimensions": 24, "filters": {1: 4}, "zeros": 0.4, "precisions": (4,), "table": "int16"},
}
WORDS = (*"abe.。ø电", "aa", "aaaaaaaa", "aaaaaaaaa", "film", "great", "x" * 70, "y\u302e", "y\u302eb")
MARKED = (*WORDS, *"éがด😀中", "e\u0316", "ดี", "🇩🇪", "कुल", "क\u200dक", "각")
CUT = (*MARKED, "··fi", "·lm·", "·aaa", "·xxx", "·é·", "··ऄ", "·e\u0316·")
PAIRED = (*MARKED, "中が", "が中", "电影", "。中", "😀中", "ที่ดี", "e\u0316中", "中a", "中\u0301中")
LISTED = {"bigrams": ("a film", "great film", "电 影", "影 a")}
READERS: dict[str, dict[str, Any]] = {
    "a": {
        "words": WORDS,
        "filters": {1: 3, 3: 17, 16: 2},
        "dimensions": 4,
        "bigrams": ("a film", "great film", "电 影"),
    },
    "b": {"words": WORDS, "filters": {2: 33, 5: 1}, "table": "int16", "pooling": "max", "dimensions": 4},
    "c": {"words": WORDS, "filters": {4: 70}, "table": "int16", "classes": 9, "dimensions": 4},
    "d": {"words": WORDS, "filters": {1: 3, 3: 17, 16: 2}, "dimensions": 4, "pairs": True},
    "e": {"words": WORDS, "filters": {2: 33, 5: 1}, "table": "int16", "dimensions": 4, "pairs": True},
    "f": {"words": MARKED, "filters": {1: 3, 3: 17, 16: 2}, "dimensions": 4, "tokenizer": "words/2"},
    "g": {"words": MARKED, "filters": {1: 16, 2: 2}, "dimensions": 4, "pairs": True, "tokenizer": "words/2"},
    "h": {"words": CUT, "filters": {1: 3, 3: 17, 16: 2}, "dimensions": 4, "tokenizer": "pieces/3"},
    "i": {"words": CUT, "filters": {1: 16, 2: 2}, "dimensions": 4, "pairs": True, "tokenizer": "pieces/3"},
    "j": {"words": PAIRED, "filters": {1: 3, 3: 17, 16: 2}, "dimensions": 4, "tokenizer": "pairs/4"} | LISTED,
    "k": {"words": PAIRED, "filters": {1: 16, 2: 2}, "dimensions": 4, "pairs": True, "tokenizer": "pairs/4"},
}
TEXTS = [
    "a great film. aaaaaaaa aaaaaaaaa",
    "GREAT, Great\tfilm\r\n\x00\x7f b" * 12,
    "é e\u0301 \u0301 ß İ ø y\u302eb y\u0301\u302e\u1b44 b",
    "电影。 great 电 film 㐀",
    "\U0001f600 \U00020000 \U0001d15e \uac00\ud7a3 \ufeff\ufffd",
    "e\u0316\u0301 か\u3099 ที่ดี \U0001f1e9\U0001f1ea\U0001f1ea क\u200dक कुल \u1100\u1161\u11a8",
    "é\u0323 😀\u0301中\u0301=\u0338 \U0001f1e9x",
    "中が 。中 电影, 中\u0301中" + "中\u0323" * 40 + "中" + " " * 70 + "中\u302e" * 40,
    "x" * 140 + " " + "x" * 70 + "." * 70 + "y\u302e" * 60,
]


def tests_module(name: str) -> ModuleType:
    """A file of the runtime's tests, which know how to make models, sound and unsound ones."""
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stored(path: Path) -> bytes:
    """A packed file whose compressed tensors are not."""
    tensors, metadata = packed.stored(path)
    inflated = ({"vocabulary", "bigrams"} & set(tensors)) | {
        name for name, entry in packed.codings_of(metadata).items() if "bytes" in entry
    }
    for name in inflated:
        data = zlib.decompress(tensors[name].data)
        tensors[name] = Tensor("U8", (len(data),), data)
    return packed._file_bytes(tensors, {key: value for key, value in metadata.items() if key != "checksum"})


def main() -> None:
    """Write the folders `model`, `inflate`, `tokenizer`, `match` and `readers` into the folder given."""
    target = Path(sys.argv[1])
    for name in ("model", "inflate", "tokenizer", "match", "readers"):
        (target / name).mkdir(parents=True, exist_ok=True)
    make_tensors = tests_module("conftest").make_tensors
    scratch = target / "scratch"
    for folder, shapes in (("model", SHAPES), ("readers", READERS)):
        for name, shape in shapes.items():
            packed.write(scratch, *make_tensors(**shape))
            (target / folder / name).write_bytes(stored(scratch))
    scratch.unlink()
    hostile = tests_module("hostile").hostile_files((target / "model" / "plain").read_bytes())
    for number, (_, data) in enumerate(hostile):
        if len(data) <= LONGEST_SEED:
            (target / "model" / f"hostile {number}").write_bytes(data)
    for number, text in enumerate(TEXTS):
        for way, encoding in enumerate(("utf-8", "latin-1", "utf-16-le", "utf-32-le")):
            for reader in range(len(READERS)):
                data = bytes([way | reader << 2]) + text.encode(encoding, "replace")
                (target / "tokenizer" / f"{number} {way} {reader}").write_bytes(data)
    for name, data in matches().items():
        (target / "match" / name).write_bytes(data)
    for name, data in streams().items():
        (target / "inflate" / name).write_bytes(data)


def streams() -> dict[str, bytes]:
    """Streams of each kind of block, behind the number of bytes that they stand for; and a decimal number."""
    content = " ".join(TEXTS).encode()[:1500]
    found = {"number": b"  0.12500000000000000000000000000001e-7"}
    for level, strategy in ((0, 0), (1, 0), (9, 0), (9, zlib.Z_FIXED), (9, zlib.Z_HUFFMAN_ONLY)):
        deflater = zlib.compressobj(level, strategy=strategy)
        stream = deflater.compress(content) + deflater.flush()
        found[f"{level} {strategy}"] = len(content).to_bytes(2, "little") + stream
    return found


def matches() -> dict[str, bytes]:
    """Texts whose words are compared, vectors of which the nearest are found, and stored texts with a query."""
    stored = b"".join(bytes([len(text.encode())]) + text.encode() for text in TEXTS if len(text.encode()) < 256)
    vectors = [1.0, 0.0, -1.0, 0.5, 1e-30, 1e30, 3e38, 1e-45, 0.0, 0.0, 2.0, -2.0] * 9
    inputs = {f"words {count}": bytes([0, 5, count, *range(2 * count)]) for count in (3, 20, 70, 120)}
    inputs |= {
        f"vectors {width}": bytes([1, width, 4]) + struct.pack("<108f", *vectors) for width in (0, 2, 15, 17, 35)
    }
    for reader in range(2):
        for second in range(2):
            for texts in range(2):
                inputs[f"stored {reader} {second} {texts}"] = bytes([2, reader, second, texts, 9, 5]) + stored
    return inputs


if __name__ == "__main__":
    main()
