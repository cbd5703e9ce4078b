"""Files with one fault each under a valid checksum, for the tests (fixture `hostile`) and for the fuzzers' seeds."""

import json
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from prunetext.runtime.states import BLANK_CHECKSUM, seal

Header = dict[str, Any]


def take_apart(data: bytes) -> tuple[Header, bytes]:
    start = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:start]), data[start:]


def put_together(header: Header | bytes, body: bytes) -> bytes:
    """A file with a valid checksum, whatever else is wrong with it."""
    if isinstance(header, dict):
        metadata = header.get("__metadata__")
        if isinstance(metadata, dict) and "checksum" in metadata:
            header = {**header, "__metadata__": {**metadata, "checksum": BLANK_CHECKSUM}}
        header = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    header += b" " * (-len(header) % 8)
    return seal(len(header).to_bytes(8, "little") + header + body)


def tensor_data(header: Header, body: bytes, name: str) -> bytes:
    first, last = header[name]["data_offsets"]
    return body[first:last]


def replaced(header: Header, body: bytes, name: str, data: bytes) -> tuple[Header, bytes]:
    """The file with another content of one tensor, the others moved to stay without holes."""
    first, last = header[name]["data_offsets"]
    moved = {}
    for other, entry in header.items():
        if other == "__metadata__":
            moved[other] = entry
            continue
        start, end = entry["data_offsets"]
        shift = len(data) - (last - first)
        if start > first:
            start, end = start + shift, end + shift
        elif other == name:
            end += shift
        moved[other] = {**entry, "data_offsets": [start, end]}
    return moved, body[:first] + data + body[last:]


def floats(*values: float) -> Callable[[Header, bytes, str], tuple[Header, bytes]]:
    """Overwrite the first numbers of a tensor."""

    def change(header: Header, body: bytes, name: str) -> tuple[Header, bytes]:
        data = np.array(values, "<f4").tobytes()
        return replaced(header, body, name, data + tensor_data(header, body, name)[len(data) :])

    return change


def vocabulary(inflated: bytes, words: int, size: int | None = None, stream: bytes | None = None) -> Any:
    def change(header: Header, body: bytes, name: str) -> tuple[Header, bytes]:
        data = zlib.compress(inflated) if stream is None else stream
        entry = json.dumps({"bytes": len(inflated) if size is None else size, "words": words}, separators=(",", ":"))
        header = {**header, "__metadata__": {**header["__metadata__"], "vocabulary": entry}}
        header = {**header, name: {**header[name], "shape": [len(data)]}}
        return replaced(header, body, name, data)

    return change


def entry(**fields: Any) -> Callable[[Header, bytes, str], tuple[Header, bytes]]:
    return lambda header, body, name: ({**header, name: {**header[name], **fields}}, body)


def metadata(**fields: Any) -> Callable[[Header, bytes, str], tuple[Header, bytes]]:
    def change(header: Header, body: bytes, name: str) -> tuple[Header, bytes]:
        changed = {**header["__metadata__"], **fields}
        return {**header, name: dict(sorted((k, v) for k, v in changed.items() if v is not None))}, body

    return change


def without(header: Header, body: bytes, name: str) -> tuple[Header, bytes]:
    header, body = replaced(header, body, name, b"")
    return {key: value for key, value in header.items() if key != name}, body


def renamed(new: str) -> Callable[[Header, bytes, str], tuple[Header, bytes]]:
    def change(header: Header, body: bytes, name: str) -> tuple[Header, bytes]:
        return dict(sorted((new if key == name else key, value) for key, value in header.items())), body

    return change


GOOD_WORDS = b"\0" * 11 + b"a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n"
BOMB = zlib.compress(b"\0" * (300 << 20), 9)
HUGE = 2**63 - 1

HOSTILE: list[tuple[str, str, Any]] = [
    *[
        (f"{name} {value}", name, floats(value))
        for name in ("embedding.scale", "conv2.scale", "conv2.table_scale", "conv3.scale", "conv3.table_scale")
        for value in (0.0, -0.0, -1.0, float("nan"), float("inf"), float("-inf"))
    ],
    *[
        (f"{name} {value}", name, floats(value))
        for name in ("conv2.bias", "conv3.bias", "head.weight", "head.bias")
        for value in (float("nan"), float("inf"), float("-inf"))
    ],
    ("table out of range", "conv2.table_scale", floats(1e-30)),
    ("table far out of range", "conv2.table_scale", floats(1e-45)),
    *[
        (f"{name} of {what}", name, change)
        for name in ("embedding", "embedding.scale", "conv2.weight", "conv3.bias", "head.weight", "vocabulary")
        for what, change in {
            "no shape": entry(shape=[]),
            "a huge axis": entry(shape=[HUGE]),
            "a product that overflows": entry(shape=[2**32, 2**32]),
            "another that overflows": entry(shape=[2**62, 4, 1]),
            "an empty product": entry(shape=[0, HUGE]),
            "an axis too many": entry(shape=[1, 1, 1, 1]),
            "five axes": entry(shape=[1, 1, 1, 1, 1]),
            "a negative axis": entry(shape=[-1]),
            "a fractional axis": entry(shape=[1.5]),
            "a number too large": entry(shape=[10**30]),
            "backward offsets": entry(data_offsets=[8, 0]),
            "offsets past the end": entry(data_offsets=[0, HUGE]),
            "one offset": entry(data_offsets=[0]),
            "unknown dtype": entry(dtype="F64"),
            "pickled dtype": entry(dtype="O" * 100),
            "another dtype": entry(dtype="U8" if name != "vocabulary" else "I8"),
            "dtype no string": entry(dtype=8),
            "an unknown key": entry(zeta=1),
            "no entry": without,
            "another name": renamed("zeta"),
        }.items()
    ],
    ("width of 0 taps", "conv2.weight", renamed("conv0.weight")),
    ("width of 17 taps", "conv2.weight", renamed("conv17.weight")),
    ("weights of another width", "conv2.weight", renamed("conv4.weight")),
    *[
        (f"metadata without {key}", "__metadata__", metadata(**{key: None}))
        for key in (
            "format",
            "task",
            "labels",
            "tokenizer",
            "pooling",
            "table",
            "temperature",
            "vocabulary",
            "checksum",
        )
    ],
    *[
        (f"{key} {value!r}"[:60], "__metadata__", metadata(**{key: value}))
        for key, values in {
            "format": ("prunetext/2", "", 1, None),
            "task": ("regression", "pairs"),
            "tokenizer": ("bert/2",),
            "pooling": ("mean", "max+mean "),
            "table": ("int4", "float32"),
            "temperature": ("0", "-1", "nan", "inf", "1e400", "1e-9", "", "1.0 ", "1,0", "0x1p3"),
            "reject": (
                "0",
                "-0.5",
                "1.0001",
                "2",
                "nan",
                "inf",
                "1e400",
                "1e-9",
                "",
                "0.5 ",
                " 0.5",
                "0,5",
                "0x1p-1",
                0.5,
            ),
            "labels": (
                "[]",
                '["a"]',
                '["a","b"]',
                '["a","b","c","d"]',
                '["a","a","b"]',
                '["a","","b"]',
                '["a","b","c"',
                '["a","b","c"]]',
                '["a","b",3]',
                '["a","b","\\ud800"]',
                '["a","b","\\x"]',
                '["a","b","\n"]',
                "[" * 100_000,
                json.dumps([str(number) for number in range(70_000)]),
            ),
            "vocabulary": (
                "{}",
                '{"bytes":1}',
                '{"bytes":1,"bytes":1}',
                '{"bytes":35,"words":11,"more":1}',
                '{"bytes":-1,"words":11}',
                f'{{"bytes":{HUGE},"words":{HUGE}}}',
                f'{{"bytes":{64 << 20},"words":4194304}}',
                '{"bytes":35,"words":0}',
                '{"bytes":0,"words":11}',
                "[35,11]",
            ),
            "pad": (0, [], {}),
        }.items()
        for value in values
    ],
    *[(f"metadata {value!r}"[:40], "__metadata__", lambda h, b, n, v=value: ({**h, n: v}, b)) for value in ([], "", 1)],
    ("many metadata entries", "__metadata__", metadata(**{f"key{number:05}": "" for number in range(2000)})),
    ("no zlib stream", "vocabulary", vocabulary(GOOD_WORDS, 11, stream=b"no zlib stream")),
    ("empty stream", "vocabulary", vocabulary(GOOD_WORDS, 11, stream=b"")),
    ("cut stream", "vocabulary", vocabulary(GOOD_WORDS, 11, stream=zlib.compress(GOOD_WORDS)[:-2])),
    ("stream goes on", "vocabulary", vocabulary(GOOD_WORDS, 11, stream=zlib.compress(GOOD_WORDS) + b"x")),
    ("stream too long", "vocabulary", vocabulary(GOOD_WORDS, 11, size=len(GOOD_WORDS) - 1)),
    ("stream too short", "vocabulary", vocabulary(GOOD_WORDS, 11, size=len(GOOD_WORDS) + 1)),
    ("zip bomb", "vocabulary", vocabulary(GOOD_WORDS, 11, stream=BOMB)),
    ("zip bomb, stated", "vocabulary", vocabulary(GOOD_WORDS, 11, stream=BOMB, size=300 << 20)),
    ("zip bomb, stated small", "vocabulary", vocabulary(GOOD_WORDS, 11, stream=BOMB, size=64 << 20)),
    ("fewer words than stated", "vocabulary", vocabulary(GOOD_WORDS[:-2] + b"kk", 11)),
    ("more words than stated", "vocabulary", vocabulary(GOOD_WORDS + b"l\n", 11)),
    ("other number of words", "vocabulary", vocabulary(b"\0\0a\nb\n", 2)),
    ("words unsorted", "vocabulary", vocabulary(GOOD_WORDS.replace(b"a\nb", b"b\na"), 11)),
    ("word twice", "vocabulary", vocabulary(GOOD_WORDS.replace(b"a\nb", b"b\nb"), 11)),
    ("empty word", "vocabulary", vocabulary(GOOD_WORDS.replace(b"a\n", b"\n") + b" ", 11)),
    ("words of bad UTF-8", "vocabulary", vocabulary(GOOD_WORDS.replace(b"k", b"\xff"), 11)),
    ("words of surrogates", "vocabulary", vocabulary(GOOD_WORDS.replace(b"k", b"\xed\xa0\x80"), 11)),
    ("word of an overlong form", "vocabulary", vocabulary(GOOD_WORDS.replace(b"k", b"\xe0\x80\xaf"), 11)),
    ("word cut off", "vocabulary", vocabulary(GOOD_WORDS.replace(b"k", b"\xe7\x94"), 11)),
    ("prefix too long", "vocabulary", vocabulary(b"\5" + GOOD_WORDS[1:], 11)),
]


def hostile_files(data: bytes) -> list[tuple[str, bytes]]:
    header, body = take_apart(data)
    files = [(what, put_together(*change(header, body, name))) for what, name, change in HOSTILE]
    sealed = json.dumps({**header, "__metadata__": {**header["__metadata__"], "checksum": BLANK_CHECKSUM}})
    compact = sealed.replace(": ", ":").replace(", ", ",").encode()
    assert put_together(compact, body)
    return [
        *files,
        ("trailing brace", put_together(compact + b"}", body)),
        ("duplicate tensor", put_together(compact[:-1] + b"," + compact[compact.index(b'"vocabulary":{') :], body)),
        ("two metadata", put_together(compact.replace(b"{", b'{"__metadata__":{},', 1), body)),
        ("unsorted tensors", put_together(dict(reversed(header.items())), body)),
        ("deep nesting", put_together(b'{"a":' * 1_000_000, body)),
        ("deep list", put_together(b"[" * 8_000_000, body)),
        ("header of 17 MiB", put_together(compact + b" " * (17 << 20), body)),
        ("many tensors", put_together({f"t{n:06}": header["head.bias"] for n in range(100_000)}, body)),
        ("not UTF-8", put_together(compact.replace(b'"{}"', b'"\xff"'), body)),
        ("NUL bytes", put_together(compact.replace(b'"{}"', b'"\0"'), body)),
        ("header of 2^63", (2**63).to_bytes(8, "little") + data[8:]),
        ("header of 0", (0).to_bytes(8, "little") + data[8:]),
        ("header not aligned", (int.from_bytes(data[:8], "little") + 1).to_bytes(8, "little") + data[8:]),
        ("nothing", b""),
        ("zeros", bytes(1000)),
        ("text", b"a film, great\n" * 100),
    ]
