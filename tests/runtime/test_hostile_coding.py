"""Hostile codings of units: each is refused with a sentence, without a crash and without a large allocation."""

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prunetext
from prunetext.runtime import format
from prunetext.runtime.coding import Coded, CodedUnits, codings, plain

ROWS, COLUMNS = 12, 37  # 444 units: no section but that of 8 bits ends with a byte
BOMB = zlib.compress(b"\0" * (80 << 20), 9)
HUGE = 2**63 - 1

Parts = tuple[dict[str, Any], dict[str, str]]


@pytest.fixture(scope="module")
def parts(make_tensors: Callable[..., Parts]) -> Parts:
    return make_tensors(dimensions=COLUMNS, zeros=0.7, filters={2: 3})


def units(zeros: float) -> CodedUnits:
    """Rows of 8, 4 and 2 bits."""
    rng = np.random.default_rng(0)
    values = rng.choice([-15, 15], (ROWS, COLUMNS))  # on the grid of each
    precision = np.array([(8, 4, 2)[row % 3] for row in range(ROWS)], np.uint8)
    return CodedUnits(np.where(rng.random(values.shape) < zeros, 0, values).astype(np.int8), precision, (3, 5))


def coded(zeros: str | None, *, compressed: bool = False) -> Coded:
    found = codings(*plain(units(0.7 if zeros else 0.0)))
    return next(each for each in found if each.coding.get("zeros") == zeros and ("bytes" in each.coding) is compressed)


def but(sound: Coded, payload: bytes | None = None, **changed: Any) -> Coded:
    """The same with another payload, or other entries; None leaves an entry out."""
    entries = {key: value for key, value in {**sound.coding, **changed}.items() if value is not None}
    return Coded(sound.payload if payload is None else payload, entries)


FORMS = {form or "codes": coded(form) for form in (None, "bitmap", "gaps")}
STREAM = coded("bitmap", compressed=True)
BYTES = STREAM.coding["bytes"]
EIGHT: dict[str, Any] = {"shape": [ROWS, COLUMNS]}
FOUR, TWO = {**EIGHT, "precision": "4", "m4": 18}, {**EIGHT, "precision": "2", "m2": 42}
ENDS, GOES_ON, BITS = "ends before its last unit", "goes on after its last unit", "has bits after the last of a section"
INFLATES = "tensor embedding is not a zlib stream of the size stated"
SHAPE, MANY = "has a shape that no units have", "more than 67,108,864 units"
NEEDS, MULTIPLIER = "has not the multipliers that its precision needs", "has a multiplier outside 1 to"
UNKNOWN, WORD = "has an unknown or repeated key", "has a word that format 1 does not know"


HOSTILE: list[tuple[str, Coded, str]] = [
    *[(f"{form} cut", but(each, each.payload[:-1]), ENDS) for form, each in FORMS.items()],
    *[(f"{form} empty", but(each, b""), ENDS) for form, each in FORMS.items()],
    *[(f"{form} goes on", but(each, each.payload + b"\0"), GOES_ON) for form, each in FORMS.items()],
    ("stream cut", but(STREAM, STREAM.payload[:-1]), INFLATES),
    ("stream goes on", but(STREAM, STREAM.payload + b"\0"), INFLATES),
    ("no stream", but(STREAM, b"no zlib stream"), INFLATES),
    ("empty stream", but(STREAM, b""), INFLATES),
    ("fewer bytes", but(STREAM, bytes=BYTES - 1), INFLATES),
    ("more bytes", but(STREAM, bytes=BYTES + 1), INFLATES),
    ("stream of fewer bytes", but(STREAM, zlib.compress(b"\0" * 9), bytes=9), ENDS),
    (
        "stream of a byte more",
        but(STREAM, zlib.compress(zlib.decompress(STREAM.payload) + b"\0"), bytes=BYTES + 1),
        GOES_ON,
    ),
    ("bomb", but(STREAM, BOMB), INFLATES),
    ("bomb, stated", but(STREAM, BOMB, bytes=80 << 20), "has a payload of no bytes, or more than 64 MiB"),
    ("bomb, stated small", but(STREAM, BOMB, bytes=64 << 20), "more bytes than its units can take"),
    ("bomb of the most bytes", but(STREAM, BOMB, bytes=ROWS * COLUMNS * 3 // 2 + 8), INFLATES),
    ("a byte above the most", but(STREAM, BOMB, bytes=ROWS * COLUMNS * 3 // 2 + 9), "than its units can take"),
    ("no bytes", but(STREAM, bytes=0), "has a payload of no bytes"),
    *[(f"bytes {value!r}", but(STREAM, bytes=value), "no whole number") for value in (-1, "9", [])],
    ("bytes 9.5", but(STREAM, bytes=9.5), "is not the JSON expected"),
    *[(f"m4 {value}", but(FORMS["codes"], m4=value), MULTIPLIER) for value in (0, 19, HUGE)],
    *[(f"m2 {value}", but(FORMS["codes"], m2=value), MULTIPLIER) for value in (0, 43, HUGE)],
    ("no m4", but(FORMS["codes"], m4=None), NEEDS),
    ("no m2", but(FORMS["codes"], m2=None), NEEDS),
    ("no precision", but(FORMS["codes"], precision=None), NEEDS),
    ("m2 for 4 bits", Coded(bytes(222), {**FOUR, "m2": 1}), NEEDS),
    ("m4 for 8 bits", Coded(bytes(444), {**EIGHT, "m4": 1}), NEEDS),
    *[
        (f"precision {value!r}", but(FORMS["codes"], precision=value), WORD)
        for value in ("8", "3", "", "Mixed", "mixed ")
    ],
    ("precision as a number", but(FORMS["codes"], precision=4), "is not the JSON expected"),
    *[(f"zeros {value!r}", but(FORMS["bitmap"], zeros=value), WORD) for value in ("codes", "", "gap", "Bitmap")],
    ("unknown key", but(FORMS["bitmap"], rows=ROWS), UNKNOWN),
    ("no shape", but(FORMS["bitmap"], shape=None), "has a tensor without its shape"),
    *[
        (f"shape {shape}", but(FORMS["gaps"], b"\xff" * 20, shape=shape), reason)
        for shape, reason in (
            ([], SHAPE),
            ([ROWS], SHAPE),
            ([0, COLUMNS], SHAPE),
            ([ROWS, 0], SHAPE),
            ([ROWS, COLUMNS, 1, 1], SHAPE),
            ([HUGE, 1], SHAPE),
            ([2**26 + 1, 1], SHAPE),
            ([2**26, 2], MANY),
            ([2**26, 2**26], MANY),
            ([2**13, 2**13 + 1], MANY),
            ([ROWS, COLUMNS, 1], "has a precision for another tensor than the embedding"),
            ([2**26, 1], "not one row for each word"),
            ([ROWS + 1, COLUMNS], "not one row for each word"),
            ([ROWS, 2**20], "more than 4,096"),
            ([ROWS, COLUMNS + 1], "has not the embedding's dimensions"),
            ([-1, COLUMNS], "no whole number"),
            (3, "is not the JSON expected"),
        )
    ],
    ("three axes", Coded(bytes(444), {"shape": [ROWS, COLUMNS, 1]}), "has the wrong number of axes"),
    ("code -128", Coded(b"\x80" + bytes(443), EIGHT), "has a code outside"),
    ("code -8", Coded(b"\x08" + bytes(221), FOUR), "has a code outside"),
    ("code -8, high", Coded(b"\x80" + bytes(221), FOUR), "has a code outside"),
    *[
        (
            f"code 0 among {bits} bits",
            Coded(b"\1" + bytes(56), {**entries, "zeros": "bitmap"}),
            "has a code for a unit",
        )
        for bits, entries in ((8, EIGHT), (4, FOUR))
    ],
    ("row of precision 3", but(FORMS["codes"], b"\xff" + FORMS["codes"].payload[1:]), "has a row of unknown precision"),
    ("bits after the bitmap", Coded(bytes(55) + b"\x10", {**EIGHT, "zeros": "bitmap"}), BITS),
    ("bits after the codes of 4", Coded(b"\0\xff\xbc\x11", {**FOUR, "zeros": "gaps"}), BITS),
    ("bits after the codes of 2", Coded(b"\0\xff\xbc\x04", {**TWO, "zeros": "gaps"}), BITS),
    ("gap past the end", Coded(b"\xff\xbe", {**EIGHT, "zeros": "gaps"}), "has a gap that leads past its last unit"),
    ("gap past the end that goes on", Coded(b"\xff\xff", {**EIGHT, "zeros": "gaps"}), "leads past its last unit"),
    ("gaps that end", Coded(b"\xff\xbc", {**EIGHT, "zeros": "gaps"}), ENDS),
    ("gaps that go on", Coded(b"\xff\xbd\0", {**EIGHT, "zeros": "gaps"}), GOES_ON),
]


SOUND = json.dumps(STREAM.coding)
TEXTS = [  # the metadata's entry where the embedding is coded, and the reason
    ("{}", "its coding names no tensor"),
    ("", "its coding is not the JSON expected"),
    ("[]", "its coding is not the JSON expected"),
    ('{"embedding":{}}', "has a tensor without its shape"),
    (f'{{"embedding":{SOUND}', "its coding is not the JSON expected"),
    (f'{{"embedding":{SOUND}}}}}', "its coding goes on after its end"),
    (f'{{"embedding":{SOUND},"embedding":{SOUND}}}', "its coding names a tensor twice"),
    (f'{{"embedding":{SOUND.replace("{", chr(123) + chr(34) + "m2" + chr(34) + ":1,", 1)}}}', UNKNOWN),
    (f'{{"vocabulary":{SOUND}}}', "tensor embedding has the wrong dtype"),
    (f'{{"embedding":{SOUND},"vocabulary":{SOUND}}}', "its coding names a tensor that has no units"),
    (f'{{"conv9.weight":{SOUND},"embedding":{SOUND}}}', "its coding names a tensor that has no units"),
    (f'{{"conv2.weight":{SOUND},"embedding":{SOUND}}}', "tensor conv2.weight has the wrong dtype"),
    ("{" + ",".join(f'"{name}":{SOUND}' for name in range(200)) + "}", "its coding names a tensor twice, or too many"),
    ('{"embedding":' * 100_000, UNKNOWN),
]


def hostile_files(parts: Parts, assemble: Callable[..., bytes]) -> list[tuple[str, bytes, str]]:
    tensors, metadata = parts
    tensors = {**tensors, "conv2.weight": tensors["conv2.weight"].values}
    of_filters = Coded(bytes(111), {"shape": [3, 2, COLUMNS], "precision": "4", "m4": 1})
    plain_embedding = {**tensors, "embedding": tensors["embedding"].values}
    return [
        *[(what, assemble(tensors, metadata, {"embedding": each}), reason) for what, each, reason in HOSTILE],
        *[(text[:60], assemble(tensors, metadata, {"embedding": STREAM}, coding=text), why) for text, why in TEXTS],
        (
            "precision of filters",
            assemble(tensors, metadata, {"conv2.weight": of_filters}),
            "has a precision for another tensor",
        ),
        (
            "coding of a plain tensor",
            assemble(plain_embedding, metadata, {}, coding=f'{{"embedding":{SOUND}}}'),
            "tensor embedding has the wrong dtype",
        ),
    ]


def test_each_is_refused_with_its_reason(parts: Parts, assemble: Callable[..., bytes], tmp_path: Path) -> None:
    path = tmp_path / "hostile.safetensors"
    for what, data, reason in hostile_files(parts, assemble):
        path.write_bytes(data)
        with pytest.raises(prunetext.ModelFileError) as caught:
            prunetext.load(path)
        assert str(caught.value).startswith(f"{path}: "), what
        assert reason in str(caught.value), what


def test_what_they_are_made_of_is_accepted(parts: Parts, assemble: Callable[..., bytes], tmp_path: Path) -> None:
    tensors, metadata = parts
    tensors = {**tensors, "conv2.table_scale": np.full(3, 1e3, np.float32)}
    for each in (*FORMS.values(), STREAM):
        (tmp_path / "sound").write_bytes(assemble(tensors, metadata, {"embedding": each}))
        assert prunetext.load(tmp_path / "sound").predict(["a great film"])


def test_every_shorter_payload_is_refused(parts: Parts, assemble: Callable[..., bytes], tmp_path: Path) -> None:
    path = tmp_path / "short"
    for each in (*FORMS.values(), STREAM):
        for length in range(len(each.payload)):
            path.write_bytes(assemble(*parts, {"embedding": but(each, each.payload[:length])}))
            with pytest.raises(prunetext.ModelFileError, match=f"{ENDS}|{INFLATES}|{BITS}|has a code"):
                prunetext.load(path)


def test_refusing_takes_little_memory(
    parts: Parts, assemble: Callable[..., bytes], tmp_path: Path, load_in_little_memory: Callable[[Path], str]
) -> None:
    files = hostile_files(parts, assemble)
    for number, (_, data, _) in enumerate(files):
        (tmp_path / f"{number:03}").write_bytes(data)
    # The most units that a coding may have, 64 MiB in a few hundred bytes: far more than such a file may ask for.
    tensors, metadata = parts
    words = [f"{number:05}" for number in range(2**14 - 1)]
    stream = format.encode_vocabulary(words)
    gaps = b"\xff" * (2**26 // 255) + bytes([2**26 % 255])
    largest = Coded(zlib.compress(gaps, 9), {"shape": [2**14, 2**12], "zeros": "gaps", "bytes": len(gaps)})
    tensors = {
        **tensors,
        "vocabulary": format.Tensor("U8", (len(stream),), stream),
        "embedding": format.Tensor("I8", (2**14, 0), b""),
        "conv2.weight": np.zeros((3, 2, 2**12), np.int8),
    }
    assert len(largest.payload) < 400
    (tmp_path / "largest").write_bytes(assemble(tensors, metadata, {"embedding": largest}))
    (tmp_path / "over").write_bytes(assemble(tensors, metadata, {"embedding": but(largest, bytes=len(gaps) * 400)}))
    assert load_in_little_memory(tmp_path) == f"checked {len(files) + 2}\n"
    with pytest.raises(prunetext.ModelFileError, match="far more time or memory to load than a model of its size"):
        prunetext.load(tmp_path / "largest")
