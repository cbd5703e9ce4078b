"""Coded units: the integers of an embedding or a convolution in fewer bytes, in the packed file.

Everything here works on plain bytes: a file can be inspected and rewritten without numpy.
"""

from __future__ import annotations

import json
import math
import zlib
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

PRECISIONS = (8, 4, 2)  # bits of a row's codes; the section of precisions holds their places in this list
LARGEST_M4, LARGEST_M2 = 18, 42  # 7 · 18 and 3 · 42 are the largest units up to 127
MAX_UNITS, MAX_INFLATED = 1 << 26, 64 << 20  # the runtime refuses more
GAP_GOES_ON = 255
# Measured on 480 to 512,000 Gaussian units in 8, 4 and 2 bits, with up to 99 % zeros at random, by magnitude, or in
# whole rows or columns. Codes of all units win below 50 % zeros, the bitmap from there to 70 or 90 %, gaps above that,
# and no compression below some 1,500 bytes. Of zlib's strategies Huffman codes alone are mostly the smallest, runs or
# all matches where zeros lie in rows or columns; with Z_FILTERED as well, files would be smaller by 0.05 %.
STRATEGIES = (zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_DEFAULT_STRATEGY)
_DIGITS = bytes.maketrans(bytes(range(16)), b"0123456789abcdef")
_FLAGS = b"\0" + b"\1" * 255  # 0 for a unit that is 0, else 1


class CodedUnits(NamedTuple):
    """The units of a tensor and the precision of each row; `format.write` stores them in the smallest coding.

        CodedUnits(np.array([[5, -5, 0], [3, 9, -3]], np.int8), np.array([8, 2], np.uint8), multipliers=(1, 3))

    `values`: int8, (rows, dimensions) or (filters, k, dimensions). `precision`: uint8, for each row of an embedding 8,
    4 or 2; None: all are 8. `multipliers`: (m4, m2). A row of 8 bits takes any unit in ±127; one of 4 bits m4 times a
    number in ±7, m4 being 1 to 18; one of 2 bits m2 times ±1 or ±3, or 0, m2 being 1 to 42.
    """

    values: NDArray[np.int8]
    precision: NDArray[np.uint8] | None = None
    multipliers: tuple[int, int] = (1, 1)


class Coded(NamedTuple):
    """A coded tensor: the stored bytes, and their entry in the metadata."""

    payload: bytes
    coding: dict[str, Any]

    @property
    def size(self) -> int:
        """Bytes in the file, with those of the metadata; quotes count twice, for it is JSON within JSON."""
        text = json.dumps(self.coding, sort_keys=True, separators=(",", ":"))
        return len(self.payload) + len(text) + text.count('"')


def coded_size(units: CodedUnits) -> int:
    """The bytes of units in a packed file, without writing one.

        coded_size(CodedUnits(np.zeros((1000, 50), np.int8)))     # 67

    The bytes of the smallest coding and of its entry in the metadata (without the tensor's name), or of the plain
    tensor if those are fewer. ValueError as for `encode_units`.
    """
    best = encode_units(*plain(units))
    return min(units.values.size, best.size) if best else units.values.size


def plain(units: CodedUnits) -> tuple[bytes, tuple[int, ...], list[int], tuple[int, int]]:
    """The values' bytes, their shape, the precision of each row, and the multipliers: what `encode_units` takes.

    plain(CodedUnits(np.ones((2, 1), np.int8)))     # the bytes 1 1, (2, 1), [8, 8], (1, 1)
    """
    values, precision, multipliers = units
    if values.dtype.str != "|i1" or values.ndim not in {2, 3} or not values.size:
        raise ValueError(f"units are int8 of 2 or 3 axes, not {values.dtype} of shape {values.shape}")
    precisions = [8] * len(values) if precision is None else [int(bits) for bits in precision]
    return values.tobytes(), values.shape, precisions, multipliers


def encode_units(
    data: bytes, shape: tuple[int, ...], precisions: Sequence[int], multipliers: tuple[int, int]
) -> Coded | None:
    r"""The smallest coding of units; None if they are too many to be coded.

    >>> encode_units(bytes(99) + b"\7", (4, 25), [8] * 4, (1, 1))
    Coded(payload=b'c\x00\x07', coding={'shape': [4, 25], 'zeros': 'gaps'})

    `data`: the units, an int8 each, row by row. `precisions`: bits for each row. ValueError when the precisions or
    multipliers are none that the format has, or a unit does not lie on its row's grid.
    """
    return min(codings(data, shape, precisions, multipliers), key=lambda coded: coded.size, default=None)


def codings(
    data: bytes, shape: tuple[int, ...], precisions: Sequence[int], multipliers: tuple[int, int]
) -> Iterator[Coded]:
    """Every coding that is worth a try, with and without compression; arguments and errors as for `encode_units`.

    sizes = [coded.size for coded in codings(data, (2000, 50), [8] * 2000, (1, 1))]
    """
    joined = _by_precision(data, shape, precisions, multipliers)
    if len(data) > MAX_UNITS:
        return
    coding: dict[str, Any] = {"shape": list(shape)}
    start = []
    kinds = set(precisions)
    if len(kinds) > 1:
        coding |= {"precision": "mixed", "m4": multipliers[0], "m2": multipliers[1]}
        start = [_pack(bytes(map(PRECISIONS.index, precisions)), 2)]
    elif kinds != {8}:
        bits = precisions[0]
        coding |= {"precision": str(bits), f"m{bits}": multipliers[PRECISIONS.index(bits) - 1]}
    if 0 not in joined[2]:  # two bits have no code for 0
        # Without matches: to search for them takes longer here than all the rest, and the other forms find them too.
        yield from _compressed([*start, *_codes(joined, multipliers, b"")], coding, STRATEGIES[:-1])
    codes = _codes(joined, multipliers, b"\0")
    flags = data.translate(_FLAGS)
    yield from _compressed([*start, _pack(flags, 1), *codes], {**coding, "zeros": "bitmap"}, STRATEGIES)
    if flags.count(1) <= len(flags) // 2:  # of more, a byte each is more than a bit for every unit
        runs = map(len, flags.split(b"\1"))  # of zeros: one before each other unit, and the last
        gaps = b"".join(b"\xff" * (run // GAP_GOES_ON) + bytes((run % GAP_GOES_ON,)) for run in runs)
        yield from _compressed([*start, gaps, *codes], {**coding, "zeros": "gaps"}, STRATEGIES)


def _by_precision(
    data: bytes, shape: tuple[int, ...], precisions: Sequence[int], multipliers: tuple[int, int]
) -> dict[int, bytes]:
    """The units of all rows of 2, 4 and 8 bits, after checking them."""
    m4, m2 = multipliers
    if not (1 <= m4 <= LARGEST_M4 and 1 <= m2 <= LARGEST_M2):
        raise ValueError(f"the multipliers are {multipliers}: they must be 1 to {LARGEST_M4} and 1 to {LARGEST_M2}")
    if len(precisions) != shape[0] or not set(precisions) <= set(PRECISIONS):
        raise ValueError("the precision must be 8, 4 or 2 for each row")
    if len(shape) > len(("rows", "dimensions")) and set(precisions) != {8}:
        raise ValueError("only the rows of an embedding have a precision")
    columns = len(data) // shape[0]
    joined = {}
    for bits in sorted(PRECISIONS):
        rows = [row for row, own in enumerate(precisions) if own == bits]
        joined[bits] = b"".join(data[row * columns : (row + 1) * columns] for row in rows)
        if stray := joined[bits].translate(None, bytes([0, *_codes_of(bits, multipliers)])):
            row = rows[joined[bits].index(stray[0]) // columns]
            value = int.from_bytes(stray[:1], "big", signed=True)
            raise ValueError(f"row {row} has the unit {value}, which {bits} bits with multipliers {multipliers} lack")
    return joined


def _codes_of(bits: int, multipliers: tuple[int, int]) -> dict[int, int]:
    """Each unit that a code of so many bits stands for, as a byte, and the code."""
    m4, m2 = multipliers
    if bits == min(PRECISIONS):
        return {(2 * code - 3) * m2 & 255: code for code in range(4)}
    half, step = 1 << (bits - 1), 1 if bits == max(PRECISIONS) else m4
    return {number * step & 255: number & (2 * half - 1) for number in range(1 - half, half)}


def _codes(joined: dict[int, bytes], multipliers: tuple[int, int], without: bytes) -> list[bytes]:
    """One section for each precision: its units' codes, those of the units in `without` left out."""
    sections = []
    for bits, data in joined.items():
        table = bytearray(256)
        for unit, code in _codes_of(bits, multipliers).items():
            table[unit] = code
        sections.append(_pack(data.translate(table, without), bits))
    return sections


def _compressed(sections: list[bytes], coding: dict[str, Any], strategies: Sequence[int]) -> Iterator[Coded]:
    """The sections uncompressed, and as zlib streams in which each has its own Huffman codes."""
    payload = b"".join(sections)
    yield Coded(payload, coding)
    if len(payload) > MAX_INFLATED:
        return
    for strategy in strategies:
        stream = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, 9, strategy)
        parts = [stream.compress(section) + stream.flush(zlib.Z_BLOCK) for section in sections if section]
        yield Coded(b"".join(parts) + stream.flush(), {**coding, "bytes": len(payload)})


def _pack(numbers: bytes, bits: int) -> bytes:
    """Numbers of 1, 2, 4 or 8 bits, packed from the lowest bit of a byte on."""
    if bits == max(PRECISIONS) or not numbers:
        return numbers
    # As the digits of one large number, which Python converts in linear time.
    whole = int(numbers.translate(_DIGITS)[::-1], 1 << bits)
    return whole.to_bytes(-(-len(numbers) * bits // 8), "little")


def decode(payload: bytes, coding: dict[str, Any]) -> tuple[bytes, tuple[int, ...]]:
    r"""The units of a coded tensor and their shape: the inverse of `encode_units`, for checked input.

    >>> decode(b"c\0\7", {"shape": [4, 25], "zeros": "gaps"}) == (bytes(99) + b"\7", (4, 25))
    True
    """
    rest = iter(zlib.decompress(payload) if "bytes" in coding else payload)
    shape = tuple(coding["shape"])
    count, columns = math.prod(shape), math.prod(shape[1:])

    def take(numbers: int, bits: int) -> bytes:
        section = islice(rest, -(-numbers * bits // 8))
        return bytes(byte >> shift & ((1 << bits) - 1) for byte in section for shift in range(0, 8, bits))[:numbers]

    if coding.get("precision") == "mixed":
        precisions = [PRECISIONS[place] for place in take(shape[0], 2)]
    else:
        precisions = [int(coding.get("precision", "8"))] * shape[0]
    zeros = coding.get("zeros")
    flags = take(count, 1) if zeros == "bitmap" else _flags_of(rest, count) if zeros == "gaps" else b"\1" * count
    rows = [(bits, flags[row * columns : (row + 1) * columns]) for row, bits in enumerate(precisions)]
    units = {}
    for bits in sorted(PRECISIONS):
        codes = take(sum(own.count(1) for each, own in rows if each == bits), bits)
        unit_of = {code: unit for unit, code in _codes_of(bits, (coding.get("m4", 1), coding.get("m2", 1))).items()}
        units[bits] = map(unit_of.__getitem__, codes)
    return b"".join(bytes(next(units[bits]) if flag else 0 for flag in own) for bits, own in rows), shape


def _flags_of(gaps: Iterator[int], count: int) -> bytes:
    """For each unit 1 or, if it lies in a gap, 0; the last gap leads to the end."""
    flags = bytearray()
    for gap in gaps:
        flags += bytes(gap)
        if gap == GAP_GOES_ON:
            continue
        if len(flags) == count:
            break
        flags.append(1)
    return bytes(flags)
