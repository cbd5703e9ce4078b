"""A header that says anything at all gives a header or one sentence, in every command that reads a model file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import prunetext
from prunetext.errors import ModelFileError
from prunetext.modelfiles.header import Header, is_float, read_header
from prunetext.runtime.format import FLOAT_FORMAT, FORMAT

BODY = bytes(16)
TENSOR = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
FLOAT = {"format": FLOAT_FORMAT, "words": "[]", "labels": '["a","b"]', "pooling": "max", "static": "0", "dropout": "0"}


def write(path: Path, entries: object) -> Path:
    text = entries if isinstance(entries, str) else json.dumps(entries)
    path.write_bytes(len(text.encode()).to_bytes(8, "little") + text.encode() + BODY)
    return path


def with_metadata(metadata: object) -> dict[str, object]:
    return {"__metadata__": metadata, "embedding": TENSOR}


def with_tensor(**change: object) -> dict[str, object]:
    return {"__metadata__": FLOAT, "embedding": {**TENSOR, **change}}


HOSTILE: list[object] = [
    *([], None, 5, "x", "", '{"a": 1', "[" * 100_000),
    *(with_metadata(value) for value in (None, [], [["format", "x"]], "format", 5, True)),
    *(with_metadata({"format": value}) for value in (None, [], {}, 5, float("inf"))),
    *({"__metadata__": FLOAT, "embedding": value} for value in (None, [], "x", 5, {})),
    *(with_tensor(shape=value) for value in (None, 5, {}, "ab", [1.5], [-1], [True], ["2"], [[2]], [float("inf")])),
    *(with_tensor(data_offsets=value) for value in (None, 5, {}, "ab", [], [0], [0, 4, 8], [8, 4], [-4, 4], [0, 17])),
    *(with_tensor(data_offsets=value) for value in ([0, 10**300], [0, float("inf")], [0, None], [0.0, 16.0])),
    json.dumps(with_tensor(data_offsets=["FROM", 16])).replace('"FROM"', "-1e999"),
    json.dumps(with_tensor(shape=["SIZE"])).replace('"SIZE"', "1" * 5000),
    with_tensor(dtype=None),
]
# These are headers, but not of a model.
UNSOUND: list[object] = [
    {},
    with_metadata({}),
    with_metadata({"format": FORMAT}),
    *(with_tensor(shape=value) for value in ([], [0], [0, 0], [10**300], [10**300, 10**300], [4], [1, 4], [2, 0])),
    with_metadata({**FLOAT, "words": "[" * 100_000}),
    with_metadata({**FLOAT, "words": "5"}),
    with_metadata({**FLOAT, "labels": "[1, 2]"}),
    {**with_tensor(), "conv1.bias": {**TENSOR, "shape": []}, "remap": {**TENSOR, "dtype": "I64", "shape": [2]}},
]


def evaluate(path: Path) -> object:
    return prunetext.evaluate(path, "no data are read before the model")


def predict(path: Path) -> object:
    return prunetext.predict(path, "no texts either")


def export(path: Path) -> object:
    return prunetext.export(path, path.with_name("model.onnx"))


@pytest.mark.parametrize("command", [prunetext.inspect, predict, evaluate, export])
@pytest.mark.parametrize("number", range(len(HOSTILE) + len(UNSOUND)))
def test_every_command_refuses_it(number: int, command: Callable[[Path], Any], tmp_path: Path) -> None:
    path = write(tmp_path / "model.safetensors", [*HOSTILE, *UNSOUND][number])
    with pytest.raises(ModelFileError) as caught:
        command(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_header_that_breaks_a_rule_is_refused(number: int, tmp_path: Path) -> None:
    path = write(tmp_path / "model.safetensors", HOSTILE[number])
    with pytest.raises(ModelFileError, match="this is not a model file, or it is cut off"):
        read_header(path)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["F32", FLOAT_FORMAT, "[]"]),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.sampled_from(["format", "dtype", "a"]), each),
    max_leaves=6,
)
tensors = st.fixed_dictionaries({}, optional={"dtype": values, "shape": values, "data_offsets": values})


@given(st.dictionaries(st.sampled_from(["__metadata__", "embedding", "conv1.bias"]), tensors | values))
def test_any_json_is_a_header_or_refused(tmp_path_factory: pytest.TempPathFactory, entries: dict[str, Any]) -> None:
    path = write(tmp_path_factory.getbasetemp() / "any.safetensors", entries)
    try:
        header = read_header(path)
    except ModelFileError:
        return
    assert all(isinstance(value, str) for value in header.metadata.values())
    assert all(0 <= header.bytes_of(name) <= len(BODY) for name in header.tensors)
    with pytest.raises(ModelFileError):
        prunetext.inspect(path)


def test_a_header_is_read_without_its_tensors(tmp_path: Path) -> None:
    path = write(tmp_path / "model.safetensors", with_tensor())
    length = path.stat().st_size - len(BODY)
    assert read_header(path) == Header(FLOAT, {"embedding": TENSOR}, length, path.stat().st_size)
    assert read_header(path).bytes_of("embedding") == 16
    assert is_float(path)
    assert not is_float(write(path, with_metadata({"format": FORMAT})))
