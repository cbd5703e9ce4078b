"""Coded units come back as they were, in Python and in the runtime, and take the fewest bytes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prunetext
from prunetext.cli.tables import print_inspection
from prunetext.modelfiles.api import inspect
from prunetext.runtime import format
from prunetext.runtime.coding import Coded, CodedUnits, coded_size, codings, decode, encode_units, plain
from prunetext.runtime.reference import ReferenceModel

TEXTS = [
    "",
    "unseen",
    "a great film",
    "the dull films bad",
    "电影 good ø",
    *["a", "bad", "dull", "film", "films", "good", "great", "the"],
]
some_zeros = st.sampled_from([0.0, 0.2, 0.5, 0.7, 0.9, 0.97, 0.999, 1.0])
precisions = st.none() | st.lists(st.sampled_from([8, 4, 2]), min_size=1, max_size=3, unique=True).map(tuple)


def all_codings(units: CodedUnits) -> list[Coded]:
    return list(codings(*plain(units)))


@st.composite
def any_units(draw: st.DrawFn) -> CodedUnits:
    rows, columns = draw(st.integers(1, 30)), draw(st.integers(1, 40))
    own = draw(precisions)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    m4, m2 = draw(st.integers(1, 18)), draw(st.integers(1, 42))
    values = rng.integers(-127, 128, (rows, columns))
    if own is None:
        precision = None
        shape: tuple[int, ...] = draw(st.sampled_from([(rows, columns), (rows, 1, columns), (rows, columns, 1)]))
    else:
        precision = rng.choice(np.array(own, np.uint8), rows)
        values = np.where(precision[:, None] == 4, rng.integers(-7, 8, values.shape) * m4, values)
        values = np.where(precision[:, None] == 2, (2 * rng.integers(0, 4, values.shape) - 3) * m2, values)
        shape = (rows, columns)
    values[rng.random(values.shape) < draw(some_zeros)] = 0
    if draw(st.booleans()):
        values[:, rng.random(columns) < 0.5] = 0
    return CodedUnits(values.astype(np.int8).reshape(shape), precision, (m4, m2))


@settings(max_examples=300)
@given(units=any_units())
def test_every_coding_comes_back(units: CodedUnits) -> None:
    found = all_codings(units)
    assert found
    for coded in found:
        assert decode(*coded) == (units.values.tobytes(), units.values.shape)
    best = encode_units(*plain(units))
    assert best is not None
    assert best.size == min(coded.size for coded in found)
    assert coded_size(units) == min(best.size, units.values.size)


BY_HAND = np.array([[1, 0, -1, 0], [0, 14, 0, -2], [-15, 0, 5, 15]], np.int8)


@pytest.mark.parametrize(("zeros", "marks"), [("bitmap", "a50d"), ("gaps", "0001020100010000")])
def test_payloads_made_by_hand(
    make_tensors: Callable[..., Any], assemble: Callable[..., bytes], tmp_path: Path, zeros: str, marks: str
) -> None:
    payload = bytes.fromhex("24" + marks + "38" + "f7" + "01ff")  # precisions, zeros, codes of 2, 4 and 8 bits
    made = Coded(payload, {"shape": [3, 4], "precision": "mixed", "m4": 2, "m2": 5, "zeros": zeros})
    assert decode(*made) == (BY_HAND.tobytes(), (3, 4))
    tensors, metadata = make_tensors(words=("bad", "good"), dimensions=4, table="int16")
    tensors["embedding"] = BY_HAND
    (tmp_path / "plain").write_bytes(assemble(tensors, metadata, {}))
    (tmp_path / "coded").write_bytes(assemble(tensors, metadata, {"embedding": made}))
    expected, found = (prunetext.load(tmp_path / name).predict_proba(TEXTS) for name in ("plain", "coded"))
    np.testing.assert_array_equal(found, expected)
    if zeros == "bitmap":  # gaps are not tried, since most units are not 0
        assert made in all_codings(CodedUnits(BY_HAND, np.array([8, 4, 2], np.uint8), (2, 5)))


@pytest.mark.parametrize("gap", [0, 1, 254, 255, 256, 509, 510, 511, 70_000])
def test_gaps_of_any_length(gap: int) -> None:
    for data in (bytes(gap) + b"\1" + bytes(gap + 9), bytes(gap + 9) + b"\1", bytes(gap + 9)):
        for coded in codings(data, (1, len(data)), [8], (1, 1)):
            assert decode(*coded) == (data, (1, len(data)))


@settings(max_examples=40)
@given(zeros=some_zeros, own=precisions, seed=st.integers(0, 99), dimensions=st.integers(1, 60))
def test_the_runtime_reads_every_coding_as_the_plain_tensors(
    make_tensors: Callable[..., Any],
    assemble: Callable[..., bytes],
    tmp_path_factory: pytest.TempPathFactory,
    zeros: float,
    own: tuple[int, ...] | None,
    seed: int,
    dimensions: int,
) -> None:
    tensors, metadata = make_tensors(
        dimensions=dimensions, zeros=zeros, precisions=own, seed=seed, table="int16", filters={1: 3, 4: 5}
    )
    path = tmp_path_factory.getbasetemp() / "every-coding.safetensors"
    path.write_bytes(assemble(tensors, metadata, {}))
    expected = prunetext.load(path).predict_proba(TEXTS)
    choices = {name: all_codings(units) for name, units in tensors.items() if isinstance(units, CodedUnits)}
    for number in range(max(map(len, choices.values()))):
        chosen = {name: found[number % len(found)] for name, found in choices.items()}
        path.write_bytes(assemble(tensors, metadata, chosen))
        np.testing.assert_array_equal(prunetext.load(path).predict_proba(TEXTS), expected)
    assert ReferenceModel(path).predict(TEXTS) == prunetext.load(path).predict(TEXTS)
    np.testing.assert_allclose(ReferenceModel(path).predict_proba(TEXTS), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("own", [None, (8, 4, 2), (4,), (2,)])
def test_a_written_file_is_smaller_and_reads_the_same(
    tmp_path: Path,
    make_tensors: Callable[..., Any],
    assemble: Callable[..., bytes],
    own: tuple[int, ...] | None,
) -> None:
    tensors, metadata = make_tensors(dimensions=50, zeros=0.6, precisions=own)
    path, raw = tmp_path / "coded", tmp_path / "raw"
    size = format.write(path, tensors, metadata)
    raw.write_bytes(assemble(tensors, metadata, {}))
    stored, described = format.stored(path)
    entries = format.codings_of(described)
    assert "embedding" in entries
    saved = sum(tensors[name].values.size - coded_size(tensors[name]) for name in entries)
    assert abs(raw.stat().st_size - size - saved) < 60 + 30 * len(entries), (
        "the names and padding alone are not counted"
    )
    decoded, _ = format.read_packed(path)
    assert decoded == format.read_packed(raw)[0]
    for name in entries:
        assert (stored[name].dtype, decoded[name].dtype) == ("U8", "I8")
        assert len(stored[name].data) < len(decoded[name].data)
    np.testing.assert_array_equal(prunetext.load(path).predict_proba(TEXTS), prunetext.load(raw).predict_proba(TEXTS))
    safetensors = pytest.importorskip("safetensors.numpy")
    opened = safetensors.load_file(path)
    assert {name: array.tobytes() for name, array in opened.items()} == {name: t.data for name, t in stored.items()}


def test_what_was_read_is_written_to_the_same_bytes(tmp_path: Path, make_tensors: Callable[..., Any]) -> None:
    tensors, metadata = make_tensors(dimensions=50, zeros=0.6)
    format.write(tmp_path / "one", tensors, metadata)
    format.write(tmp_path / "two", *format.read_packed(tmp_path / "one"))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert "coding" in format.read_packed(tmp_path / "two")[1]


def test_plain_tensors_are_coded_from_30_percent_zeros_on(
    tmp_path: Path, make_tensors: Callable[..., Any], assemble: Callable[..., bytes]
) -> None:
    for zeros, low, coded in ((0.25, -127, False), (0.35, -127, True), (0.35, -128, False)):
        tensors, metadata = make_tensors(dimensions=200, zeros=0.0, filters={2: 3})
        rng = np.random.default_rng(0)
        values = np.where(rng.random((12, 200)) < zeros, 0, tensors["embedding"].values)
        values[0, 0] = low
        tensors["embedding"] = values.astype(np.int8)
        tensors["conv2.weight"] = tensors["conv2.weight"].values
        tensors["conv2.table_scale"] *= np.float32(2)
        size = format.write(tmp_path / "model", tensors, metadata)
        assert ("coding" in format.read_packed(tmp_path / "model")[1]) is coded
        assert (size < len(assemble(tensors, metadata, {}))) is coded
        assert coded or (tmp_path / "model").read_bytes() == assemble(tensors, metadata, {})


def test_a_tensor_too_small_to_gain_stays_plain(tmp_path: Path, make_tensors: Callable[..., Any]) -> None:
    tensors, metadata = make_tensors(dimensions=2, zeros=0.9, filters={1: 2})
    format.write(tmp_path / "model", tensors, metadata)
    stored, described = format.stored(tmp_path / "model")
    assert "coding" not in described
    assert stored["embedding"].dtype == "I8"


def gaussian(shape: tuple[int, ...], zeros: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    values = np.clip(np.rint(rng.normal(0, 30, shape)), -127, 127)
    return np.where(rng.random(shape) < zeros, 0, values).astype(np.int8)


@pytest.mark.parametrize(
    ("zeros", "share"), [(0.0, 0.89), (0.5, 0.57), (0.7, 0.38), (0.9, 0.16), (0.95, 0.09), (0.99, 0.025)]
)
@pytest.mark.parametrize("shape", [(1000, 32), (200, 3, 50)])
def test_zeros_cost_hardly_a_byte(shape: tuple[int, ...], zeros: float, share: float) -> None:
    values = gaussian(shape, zeros)
    assert coded_size(CodedUnits(values)) < share * values.size


def test_fewer_bits_take_fewer_bytes() -> None:
    sizes = []
    for bits, values in (
        (8, gaussian((1000, 32), 0.5)),
        (4, gaussian((1000, 32), 0.5) // 18 * 18),
        (2, np.sign(gaussian((1000, 32), 0.5)) * 21),
    ):
        sizes.append(
            coded_size(CodedUnits(values.astype(np.int8), np.full(1000, bits, np.uint8), (18, 21))) / values.size
        )
    assert sizes[0] > 1.4 * sizes[1]
    assert sizes[1] > 1.2 * sizes[2]


@pytest.mark.parametrize(
    ("values", "precision", "multipliers", "reason"),
    [
        ([[1, 2], [3, -128]], None, (1, 1), r"row 1 has the unit -128, which 8 bits"),
        ([[1, 2], [3, 9]], [8, 4], (2, 1), r"row 1 has the unit 3, which 4 bits"),
        ([[1, 2], [8, 0]], [8, 4], (1, 1), r"row 1 has the unit 8, which 4 bits"),
        ([[3, -9], [3, 6]], [2, 2], (1, 3), r"row 1 has the unit 6, which 2 bits"),
        ([[1, 2], [3, 4]], [8, 3], (1, 1), "must be 8, 4 or 2"),
        ([[1, 2], [3, 4]], [8], (1, 1), "for each row"),
        ([[1, 2], [3, 4]], [8, 8], (0, 1), "1 to 18"),
        ([[1, 2], [3, 4]], [8, 8], (19, 1), "1 to 18"),
        ([[1, 2], [3, 4]], None, (1, 0), "1 to 42"),
        ([[1, 2], [3, 4]], None, (1, 43), "1 to 42"),
        ([[[1, 2]], [[3, 1]]], [8, 2], (1, 1), "only the rows of an embedding"),
        ([1, 2], None, (1, 1), "2 or 3 axes"),
        ([[], []], None, (1, 1), "2 or 3 axes"),
    ],
)
def test_units_off_their_grid(values: Any, precision: Any, multipliers: tuple[int, int], reason: str) -> None:
    given_precision = None if precision is None else np.array(precision, np.uint8)
    units = CodedUnits(np.array(values, np.int8), given_precision, multipliers)
    with pytest.raises(ValueError, match=reason):
        coded_size(units)


def test_units_are_int8_and_of_the_right_tensor(tmp_path: Path, make_tensors: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="int16"):
        coded_size(CodedUnits(np.zeros((2, 2), np.int16)))  # type: ignore[arg-type]
    tensors, metadata = make_tensors()
    tensors["head.weight"] = CodedUnits(np.zeros((2, 2), np.int8))
    with pytest.raises(ValueError, match=r"head\.weight has no units"):
        format.write(tmp_path / "model", tensors, metadata)


def test_inspection_tells_stored_bytes_and_codings(coded_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = inspect(coded_model, words=2)
    stored, metadata = format.stored(coded_model)
    assert found.parts["embedding"] == len(stored["embedding"].data) + 4
    assert sum(found.parts.values()) == coded_model.stat().st_size
    assert found.dimensions == 40
    assert found.coding == json.loads(metadata["coding"])
    assert found.coding["embedding"]["precision"] == "mixed"
    assert len(found.longest) == 2
    print_inspection(found)
    shown = " ".join(capsys.readouterr().out.split())
    assert "embedding (8, 4 or 2 bits a row; zeros as " in shown
