"""Damaged and hostile files of models of pairs: each is refused with the reason, in little memory."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prunetext
from prunetext.runtime.coding import Coded, CodedUnits
from prunetext.runtime.format import codings_of, read_packed, stored, write

Parts = tuple[dict[str, Any], dict[str, str]]
TENSORS: list[tuple[str, dict[str, Any], str]] = [
    ("no flags", {"match": None}, "tensor match is missing"),
    ("flags of one row", {"match": np.zeros((1, 5), np.int8)}, "match has not two rows of the embedding's dimensions"),
    ("flags of three rows", {"match": np.zeros((3, 5), np.int8)}, "match has not two rows"),
    ("flags of no dimension", {"match": np.zeros((2, 0), np.int8)}, "match has not two rows"),
    ("flags of more dimensions", {"match": np.zeros((2, 6), np.int8)}, "match has not two rows"),
    ("flags of one axis", {"match": np.zeros(10, np.int8)}, "match has the wrong dtype or number of axes"),
    ("flags of three axes", {"match": np.zeros((2, 5, 1), np.int8)}, "match has the wrong dtype or number of axes"),
    ("flags of floats", {"match": np.zeros((2, 5), np.float32)}, "match has the wrong dtype or number of axes"),
    ("flags of bytes", {"match": np.zeros((2, 5), np.uint8)}, "match has the wrong dtype or number of axes"),
    ("a head of single texts", {"head.weight": np.zeros((3, 40), np.float32)}, "head.weight has the wrong shape"),
    ("a head of u and v alone", {"head.weight": np.zeros((3, 80), np.float32)}, "head.weight has the wrong shape"),
    ("a weight that is none", {"head.weight": np.full((3, 160), np.nan, np.float32)}, "is not finite"),
    ("a tensor too many", {"matched": np.zeros((2, 5), np.int8)}, "a tensor that format 1 does not know"),
]
METADATA: list[tuple[str, dict[str, str | None], str]] = [
    ("no positive label", {"positive": None}, 'the metadata lacks "positive"'),
    ("an unknown label", {"positive": '"label 3"'}, "its positive label is none of its labels"),
    ("no JSON", {"positive": "label 2"}, "its positive label"),
    ("a number", {"positive": "2"}, "its positive label"),
    ("a list", {"positive": '["label 2"]'}, "its positive label"),
    ("an empty label", {"positive": '""'}, "its positive label is none of its labels"),
    ("more behind it", {"positive": '"label 2",'}, "its positive label"),
    ("nothing", {"positive": ""}, "its positive label"),
    ("deep nesting", {"positive": "[" * 100_000}, "its positive label"),
    ("single texts", {"task": "classification"}, "head.weight has the wrong shape"),
]


@pytest.fixture(scope="module")
def parts(make_tensors: Callable[..., Parts]) -> Parts:
    return make_tensors(pairs=True)


@pytest.fixture(scope="module")
def files(parts: Parts, assemble: Callable[..., bytes]) -> list[tuple[str, bytes, str]]:
    tensors, metadata = parts

    def file(tensors_changed: dict[str, Any], changed: dict[str, Any], coded: dict[str, Coded] | None = None) -> bytes:
        left = {name: each for name, each in {**tensors, **tensors_changed}.items() if each is not None}
        return assemble(left, {k: v for k, v in {**metadata, **changed}.items() if v is not None}, coded or {})

    coding = Coded(bytes(10), {"shape": [2, 5]})
    return [
        *[(what, file(change, {}), reason) for what, change, reason in TENSORS],
        *[(what, file({}, change), reason) for what, change, reason in METADATA],
        ("coded flags", file({}, {}, {"match": coding}), "tensor match has the wrong dtype"),
    ]


def test_each_is_refused_with_its_reason(files: list[tuple[str, bytes, str]], tmp_path: Path) -> None:
    path = tmp_path / "hostile.safetensors"
    for what, data, reason in files:
        path.write_bytes(data)
        with pytest.raises(prunetext.ModelFileError) as caught:
            prunetext.load(path)
        assert str(caught.value).startswith(f"{path}: "), what
        assert reason in str(caught.value), what


def test_refusing_takes_little_memory(
    files: list[tuple[str, bytes, str]], tmp_path: Path, load_in_little_memory: Callable[[Path], str]
) -> None:
    for number, (_, data, _) in enumerate(files):
        (tmp_path / f"{number:03}").write_bytes(data)
    assert load_in_little_memory(tmp_path) == f"checked {len(files)}\n"


def test_flags_in_a_file_of_single_texts_are_refused(make_tensors: Callable[..., Parts], tmp_path: Path) -> None:
    tensors, metadata = make_tensors()
    with pytest.raises(prunetext.ModelFileError, match="a tensor that format 1 does not know"):
        write(tmp_path / "model", {**tensors, "match": np.zeros((2, 5), np.int8)}, metadata)


def test_a_head_without_end_is_refused(make_tensors: Callable[..., Parts], tmp_path: Path) -> None:
    tensors, metadata = make_tensors(pairs=True, filters={1: 4096, 2: 4096}, classes=2)
    labels = json.dumps([f"label {number}" for number in range(512)])
    with pytest.raises(prunetext.ModelFileError, match="head has more than 16,777,216 weights"):
        write(tmp_path / "model", tensors, {**metadata, "labels": labels})


@pytest.mark.parametrize("units", [False, True])
def test_flags_are_written_as_they_are(make_tensors: Callable[..., Parts], tmp_path: Path, units: bool) -> None:
    tensors, metadata = make_tensors(pairs=True, dimensions=300, zeros=0.9)
    flags = np.zeros((2, 300), np.int8)
    flags[0, 3] = 7
    write(tmp_path / "model", {**tensors, "match": CodedUnits(flags) if units else flags}, metadata)
    assert "embedding" in codings_of(stored(tmp_path / "model")[1])
    assert stored(tmp_path / "model")[0]["match"] == read_packed(tmp_path / "model")[0]["match"]
    assert read_packed(tmp_path / "model")[0]["match"] == ("I8", (2, 300), flags.tobytes())
