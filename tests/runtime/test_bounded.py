"""What loading takes is bounded by a file's size: a small file cannot ask for the work of a large one."""

import itertools
import json
import math
import string
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import prunetext
from prunetext.runtime import coding, format
from prunetext.runtime.format import Tensor, encode_vocabulary
from prunetext.runtime.states import BLANK_CHECKSUM

MakeModel = Callable[..., Path]
FAR_MORE = "it would take far more time or memory to load than a model of its size"


def words(count: int) -> tuple[str, ...]:
    letters = itertools.product(string.ascii_lowercase, repeat=4)
    return tuple("".join(each) for each in itertools.islice(letters, count))


def hostile(
    rows: int, dimensions: int, unit: int, filters: dict[int, int], table: str = "int8", weight: int = 0
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file of very few bytes: all units are the same, and coded."""
    own = encode_vocabulary(words(rows - 1))
    tensors = {"vocabulary": Tensor("U8", (len(own),), own)}
    codings: dict[str, Any] = {}

    def add(name: str, shape: tuple[int, ...], value: int) -> None:
        best = coding.encode_units(bytes([value]) * math.prod(shape), shape, [8] * shape[0], (1, 1))
        assert best is not None
        tensors[name], codings[name] = Tensor("U8", (len(best.payload),), best.payload), best.coding

    def floats(name: str, *shape: int) -> None:
        tensors[name] = Tensor("F32", shape, np.ones(shape, "<f4").tobytes())

    add("embedding", (rows, dimensions), unit)
    floats("embedding.scale", 1)
    for width, count in filters.items():
        add(f"conv{width}.weight", (count, width, dimensions), weight)
        for part in ("scale", "table_scale", "bias"):
            floats(f"conv{width}.{part}", count)
    floats("head.weight", 2, sum(filters.values()))
    floats("head.bias", 2)
    metadata = {"task": "classification", "labels": '["a","b"]', "tokenizer": "bert/1", "pooling": "max"}
    metadata |= {"table": table, "temperature": "1", "coding": json.dumps(codings), "format": format.FORMAT}
    inflated = len(zlib.decompress(own))
    return tensors, metadata | {"vocabulary": json.dumps({"bytes": inflated, "words": rows - 1})}


@pytest.mark.parametrize(
    "asked",
    [
        {"rows": 16_000, "dimensions": 4096, "unit": 0, "filters": {1: 1}},
        {"rows": 9_000, "dimensions": 1000, "unit": 1, "filters": {1: 16}},
        {"rows": 4_000, "dimensions": 40, "unit": 1, "filters": {16: 20}},
        {"rows": 20_000, "dimensions": 1, "unit": 0, "filters": {16: 20}, "table": "int16"},
        {"rows": 400_000, "dimensions": 1, "unit": 0, "filters": {1: 1}},
        {"rows": 2, "dimensions": 4096, "unit": 0, "filters": dict.fromkeys(range(1, 17), 1)},
    ],
)
def test_a_small_file_that_asks_for_much_is_refused(tmp_path: Path, asked: dict[str, Any]) -> None:
    path = tmp_path / "hostile"
    path.write_bytes(format._file_bytes(*hostile(**asked)))
    with pytest.raises(prunetext.ModelFileError, match=FAR_MORE):
        prunetext.load(path)
    path.write_bytes(format._file_bytes(*hostile(**asked), least=16 << 20))  # spaces make it a large one
    assert prunetext.load(path).labels == ["a", "b"]


def test_a_file_that_is_small_for_its_work_is_padded(make_model: MakeModel) -> None:
    path = make_model(words=words(8_000), dimensions=1, filters={16: 129}, table="int16")
    header = path.read_bytes()[8 : 8 + int.from_bytes(path.read_bytes()[:8], "little")]
    assert len(header) - len(header.rstrip(b" ")) > 1000
    assert prunetext.load(path).predict(["aaab"])
    usual = make_model(words=words(2_000), dimensions=30, filters={2: 64, 3: 64}).read_bytes()
    header = usual[8 : 8 + int.from_bytes(usual[:8], "little")]
    assert len(header) - len(header.rstrip(b" ")) < 8, "no file that anyone wants grows"


MEASURE = """
import resource, sys
import prunetext
prunetext.load(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[2:]:
    try:
        prunetext.load(path)
        print("loaded")
    except prunetext.ModelFileError as error:
        print(str(error).partition(": ")[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_large_file_takes_no_memory_before_its_checksum_is_known(
    hostile: ModuleType, model: Path, tmp_path: Path
) -> None:
    header, _ = hostile.take_apart(model.read_bytes())
    size, sparse = 1 << 29, tmp_path / "sparse"
    header["vocabulary"] = {**header["vocabulary"], "shape": [0]}
    first = header["vocabulary"]["data_offsets"][0]
    header["vocabulary"] = {"dtype": "U8", "shape": [size], "data_offsets": [first, first + size]}
    header["__metadata__"]["checksum"] = BLANK_CHECKSUM
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with sparse.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + first + size)
    program = f"import sys; sys.path.insert(0, {str(Path(prunetext.__file__).parent.parent)!r})\n" + MEASURE
    done = subprocess.run(
        [sys.executable, "-c", program, model, sparse], capture_output=True, text=True, check=True, timeout=60
    )
    reason, more = done.stdout.splitlines()
    assert reason.startswith("its checksum does not match")
    assert int(more) < 20_000, "kB"


def test_a_large_file_is_the_same_read_in_parts(make_model: MakeModel, tmp_path: Path) -> None:
    path = make_model(words=words(20_000), dimensions=300, filters={1: 1})
    data = path.read_bytes()
    assert len(data) > 4 << 20
    assert prunetext.load(path).metadata == prunetext.load(data).metadata
    for at in (9, len(data) // 2, len(data) - 1):
        (tmp_path / "damaged").write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(prunetext.ModelFileError):
            prunetext.load(tmp_path / "damaged")
