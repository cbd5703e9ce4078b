"""The runtime's own inflater takes the streams that Python's zlib takes, and no others."""

import random
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prunetext.runtime import _native

STRATEGIES = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED)

contents = st.binary(max_size=300) | st.lists(st.sampled_from([b"film", b"\n", b"great ", b"\0" * 40, b"ab"])).map(
    b"".join
)
settings_of_zlib = st.tuples(
    st.integers(0, 9), st.integers(9, 15), st.integers(1, 9), st.sampled_from(STRATEGIES), st.booleans()
)


def deflate(content: bytes, given: tuple[int, int, int, int, bool]) -> bytes:
    level, window, memory, strategy, flushed = given
    deflater = zlib.compressobj(level, zlib.DEFLATED, window, memory, strategy)
    half = len(content) // 2
    start = deflater.compress(content[:half]) + (deflater.flush(zlib.Z_FULL_FLUSH) if flushed else b"")
    return start + deflater.compress(content[half:]) + deflater.flush()


def by_zlib(stream: bytes, size: int) -> bytes | None:
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(stream, size + 1)
    except zlib.error:
        return None
    return content if len(content) == size and inflater.eof and not inflater.unused_data else None


def by_runtime(stream: bytes, size: int) -> bytes | None:
    try:
        return _native.inflate(stream, size)
    except ValueError:
        return None


@settings(max_examples=500)
@given(content=contents, how=settings_of_zlib)
def test_what_zlib_wrote_is_read(content: bytes, how: tuple[int, int, int, int, bool]) -> None:
    stream = deflate(content, how)
    assert _native.inflate(stream, len(content)) == content
    for size in {len(content) + 1, max(len(content) - 1, 0)} - {len(content)}:
        assert by_runtime(stream, size) is None


@settings(max_examples=1500)
@given(content=contents, how=settings_of_zlib, data=st.data())
def test_a_damaged_stream_is_read_as_zlib_reads_it(
    content: bytes, how: tuple[int, int, int, int, bool], data: st.DataObject
) -> None:
    stream = bytearray(deflate(content, how))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(stream) - 1))
        stream[at : at + data.draw(st.integers(0, 1))] = data.draw(st.binary(max_size=2))
    size = len(content)
    assert by_runtime(bytes(stream), size) == by_zlib(bytes(stream), size)


@settings(max_examples=1500)
@given(body=st.binary(max_size=60), kind=st.integers(0, 7), size=st.integers(0, 40))
def test_any_block_is_read_as_zlib_reads_it(body: bytes, kind: int, size: int) -> None:
    """Without the checksum, which no garbage has: the bytes that zlib gave decide what it would be."""
    raw = bytes([kind]) + body
    inflater = zlib.decompressobj(-15)
    try:
        content = inflater.decompress(raw, size + 1)
        sound = inflater.eof and len(content) == size
    except zlib.error:
        sound = False
    used = raw[: len(raw) - len(inflater.unused_data)] if sound else raw
    stream = b"\x78\x9c" + used + (zlib.adler32(content).to_bytes(4, "big") if sound else b"")
    assert by_runtime(stream, size) == (content if sound else None)


@pytest.mark.parametrize("window", [9, 12, 15])
def test_copies_from_far_back_are_read(window: int) -> None:
    noise = random.Random(0).randbytes(33_000)
    content = noise + noise[-32_000:] + b"a" * 70_000 + noise[:300]
    assert _native.inflate(deflate(content, (9, window, 9, 0, False)), len(content)) == content


def test_a_refusal_names_its_reason() -> None:
    with pytest.raises(ValueError, match=r"^it is not a zlib stream of the size stated$"):
        _native.inflate(b"", 1)


def test_a_bomb_is_refused_before_it_grows() -> None:
    bomb = zlib.compress(bytes(50_000_000), 9)
    start = time.process_time()
    assert by_runtime(bomb, 1000) is None
    assert time.process_time() - start < 1


def test_each_cut_of_a_stream_is_refused() -> None:
    content = b"film great dull " * 30
    stream = zlib.compress(content, 9)
    assert all(by_runtime(stream[:end], len(content)) is None for end in range(len(stream)))
    assert by_runtime(stream + b"\0", len(content)) is None
    assert by_runtime(stream, len(content)) == content
