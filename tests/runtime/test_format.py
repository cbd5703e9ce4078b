import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prunetext
from prunetext.runtime import _native
from prunetext.runtime.format import Tensor, decode_vocabulary, encode_vocabulary, read_packed, write

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), min_size=1, max_size=6)


@given(st.sets(words | words.map(lambda word: word * 100)))
def test_vocabulary_comes_back(chosen: set[str]) -> None:
    listed = sorted(chosen)
    assert decode_vocabulary(encode_vocabulary(listed), len(listed)) == listed


@pytest.mark.parametrize("listed", [["b", "a"], ["a", "a"], [""], ["a\nb"], ["\ud800"]])
def test_vocabulary_must_be_sorted_and_clean(listed: list[str]) -> None:
    with pytest.raises(ValueError, match=r"word \d|surrogates"):
        encode_vocabulary(listed)


@pytest.mark.parametrize(
    ("data", "digits"),
    [  # published vectors, of each branch by length
        (b"", "ef46db3751d8e999"),
        (b"a", "d24ec4f1a98c6e5b"),
        (b"abc", "44bc2cf5ad770999"),
        (b"xxhash", "32dd38952c4bc720"),
        (b"Nobody inspects the spammish repetition", "fbcea83c8a378bf1"),
    ],
)
def test_checksum_is_xxh64(data: bytes, digits: str) -> None:
    assert _native.checksum(data) == digits


def test_what_was_written_is_read(tmp_path: Path, make_tensors: Callable[..., Any]) -> None:
    tensors, metadata = make_tensors()
    path = tmp_path / "model.safetensors"
    assert write(path, tensors, metadata) == path.stat().st_size
    stored, described = read_packed(path)
    assert stored.keys() == tensors.keys()
    assert described.items() >= metadata.items()
    assert described["format"] == "prunetext/1"
    for name, tensor in stored.items():
        given_bytes = tensors[name].data if isinstance(tensors[name], Tensor) else tensors[name].tobytes()
        assert tensor.data == given_bytes
    assert json.loads(described["vocabulary"])["words"] == stored["embedding"].shape[0] - 1


def test_bytes_do_not_depend_on_order_or_kind(tmp_path: Path, make_tensors: Callable[..., Any]) -> None:
    tensors, metadata = make_tensors()
    write(tmp_path / "one", tensors, metadata)
    stored, described = read_packed(tmp_path / "one")
    backwards = {name: tuple(tensor) for name, tensor in reversed(stored.items())}
    write(tmp_path / "two", backwards, dict(reversed(described.items())))
    data = (tmp_path / "one").read_bytes()
    assert data == (tmp_path / "two").read_bytes()
    assert int.from_bytes(data[:8], "little") % 8 == 0


def test_any_safetensors_reader_opens_it(model: Path) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    stored, _ = read_packed(model)
    opened = safetensors.load_file(model)
    assert {name: array.tobytes() for name, array in opened.items()} == {name: t.data for name, t in stored.items()}


def test_a_refused_file_is_not_left_behind(tmp_path: Path, make_tensors: Callable[..., Any]) -> None:
    tensors, metadata = make_tensors()
    path = tmp_path / "model.safetensors"
    write(path, tensors, metadata)
    before = path.read_bytes()
    tensors["conv2.table_scale"] = tensors["conv2.table_scale"] / np.float32(2)
    with pytest.raises(prunetext.ModelFileError, match=r"model.safetensors: an entry of its table is out of range"):
        write(path, tensors, metadata)
    assert os.listdir(tmp_path) == ["model.safetensors"]  # noqa: PTH208
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "tensor", [np.zeros(3, np.float64), Tensor("F32", (3,), b"1234")], ids=["dtype of numpy", "too few bytes"]
)
def test_writer_refuses_a_tensor_that_does_not_fit(
    tmp_path: Path, make_tensors: Callable[..., Any], tensor: object
) -> None:
    tensors, metadata = make_tensors()
    tensors["head.bias"] = tensor
    with pytest.raises(ValueError, match=r"head\.bias"):
        write(tmp_path / "model", tensors, metadata)
