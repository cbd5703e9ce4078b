"""Random packed models of any shape, for all tests of the runtime."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import prunetext
from prunetext.runtime import format
from prunetext.runtime.coding import Coded, CodedUnits
from prunetext.runtime.format import Tensor, encode_vocabulary, write

WORDS = ("a", "bad", "dull", "film", "films", "good", "great", "the", "ø", "电", "影")

MakeTensors = Callable[..., tuple[dict[str, Any], dict[str, str]]]
MakeModel = Callable[..., Path]
MEMORY = 1 << 29  # address space for refusing hostile files: little, and more than Python needs


def make_units(
    rng: np.random.Generator, shape: tuple[int, ...], zeros: float, precisions: tuple[int, ...] | None = None
) -> CodedUnits:
    """Gaussian units, `zeros` of them 0; each row has one of the `precisions`."""
    m4, m2 = int(rng.integers(1, 19)), int(rng.integers(1, 43))
    values = np.clip(np.rint(rng.normal(0, 40, shape)), -127, 127)
    empty = rng.random(shape) < zeros
    precision = None
    if precisions is not None:
        precision = rng.choice(np.array(precisions, np.uint8), shape[0])
        four, two = precision == 4, precision == 2
        values[four] = np.clip(np.rint(values[four] / m4), -7, 7) * m4
        values[two] = rng.choice([-3, -1, 1, 3], values[two].shape) * m2
    values[empty] = 0
    return CodedUnits(values.astype(np.int8), precision, (m4, m2))


def make_tensors(
    *,
    words: tuple[str, ...] = WORDS,
    dimensions: int = 5,
    filters: dict[int, int] | None = None,
    classes: int = 3,
    pooling: str = "max+mean",
    table: str = "int8",
    temperature: float = 1.0,
    reject: float | None = None,
    thresholds: tuple[float, ...] | None = None,
    seed: int = 0,
    zeros: float | None = None,
    precisions: tuple[int, ...] | None = None,
    pairs: bool = False,
    tokenizer: str = "bert/1",
    bigrams: tuple[str, ...] = (),
) -> tuple[dict[str, Any], dict[str, str]]:
    """Tensors and metadata as `write` takes them; table scales are as small as the table's range allows.

    With `zeros` the embedding and the filters are `CodedUnits`, of so many zeros, the embedding's rows of `precisions`.
    With `pairs` the model judges pairs of texts, and its last label is the positive one. `bigrams` have weights.
    """
    rng = np.random.default_rng(seed)
    filters = filters or {2: 3, 3: 17}
    vocabulary = encode_vocabulary(sorted(words))
    embedding = rng.integers(-128, 128, (len(words) + 1, dimensions)).astype(np.int8)
    units = None if zeros is None else make_units(rng, embedding.shape, zeros, precisions)
    vectors = embedding if units is None else units.values
    tensors: dict[str, Any] = {
        "embedding": embedding if units is None else units,
        "embedding.scale": np.array([0.013], np.float32),
        "vocabulary": Tensor("U8", (len(vocabulary),), vocabulary),
    }
    if pairs:
        tensors["match"] = rng.integers(-128, 128, (2, dimensions)).astype(np.int8)
        vectors = np.concatenate([vectors, tensors["match"]])
    for k, count in filters.items():
        limit = 127 if table == "int8" else 32767 // (3 * k if pairs else k)
        tensors |= make_filters(rng, vectors, k, count, zeros, limit)
    features = sum(filters.values()) * (2 if pooling == "max+mean" else 1) * (4 if pairs else 1)
    tensors["head.weight"] = rng.normal(0, 0.3, (classes, features)).astype(np.float32)
    if pairs:  # products are large
        tensors["head.weight"] *= np.repeat(np.float32([0.1, 0.1, 0.1, 0.001]), features // 4)
    tensors["head.bias"] = rng.normal(0, 0.3, classes).astype(np.float32)
    if bigrams:
        columns = 1 if classes == 2 and thresholds is None else classes
        tensors["bigrams"] = np.frombuffer(encode_vocabulary(sorted(bigrams)), np.uint8)
        tensors["bigrams.weight"] = rng.integers(-127, 128, (len(bigrams), columns)).astype(np.int8)
        tensors["bigrams.scale"] = np.array([0.017], np.float32)
    metadata = {"tokenizer": tokenizer, "pooling": pooling, "table": table, "temperature": str(temperature)}
    return tensors, metadata | make_task(classes, reject, thresholds, pairs=pairs)


def make_filters(
    rng: np.random.Generator, vectors: Any, k: int, count: int, zeros: float | None, limit: int
) -> dict[str, Any]:
    """The filters of one width, whose table of these vectors just stays within ±limit."""
    weight = rng.integers(-128, 128, (count, k, vectors.shape[1])).astype(np.int8)
    units = None if zeros is None else make_units(rng, weight.shape, zeros)
    weight = weight if units is None else units.values
    scale = rng.uniform(0.001, 0.1, count).astype(np.float32)
    exact = np.abs(np.einsum("rd,fjd->frj", vectors.astype(np.int64), weight.astype(np.int64))).max((1, 2))
    return {
        f"conv{k}.weight": weight if units is None else units,
        f"conv{k}.scale": scale,
        f"conv{k}.table_scale": (np.maximum(exact, 1) * 0.01301 * scale / limit).astype(np.float32),
        f"conv{k}.bias": rng.normal(0, 1, count).astype(np.float32),
    }


def make_task(
    classes: int, reject: float | None, thresholds: tuple[float, ...] | None, *, pairs: bool
) -> dict[str, str]:
    """What the metadata say of the task."""
    metadata = {
        "task": "pairs" if pairs else "classification",
        "labels": json.dumps([f"label {number}" for number in range(classes)]),
        "provenance": "{}",
    }
    if pairs:
        metadata["positive"] = json.dumps(f"label {classes - 1}")
    if reject is not None:
        metadata["reject"] = str(reject)
    if thresholds is not None:
        metadata |= {"task": "labels", "thresholds": json.dumps(thresholds)}
    return metadata


@pytest.fixture(scope="session", name="make_tensors")
def _make_tensors() -> MakeTensors:
    return make_tensors


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> MakeModel:
    """Write a random model and return its path; arguments as for `make_tensors`."""

    def make(**shape: Any) -> Path:
        path = tmp_path_factory.mktemp("model") / "model.safetensors"
        write(path, *make_tensors(**shape))
        return path

    return make


@pytest.fixture(scope="session")
def model(make_model: MakeModel) -> Path:
    """One small model."""
    return make_model()


@pytest.fixture(scope="session")
def pair_model(make_model: MakeModel) -> Path:
    """One small model of pairs."""
    return make_model(pairs=True, seed=7)


@pytest.fixture(scope="session")
def rejecting_model(make_model: MakeModel) -> Path:
    """The same model with a threshold, which some texts miss."""
    return make_model(temperature=1.7, reject=0.75)


@pytest.fixture(scope="session")
def several_model(make_model: MakeModel) -> Path:
    """A model of several labels a text."""
    return make_model(temperature=1.7, thresholds=(0.5, 0.3, 0.8))


@pytest.fixture(scope="session")
def coded_model(make_model: MakeModel) -> Path:
    """One small model of which all units are coded, the rows of the embedding in 8, 4 and 2 bits."""
    path = make_model(dimensions=40, filters={2: 11, 3: 17}, zeros=0.7, precisions=(8, 4, 2))
    assert format.codings_of(format.stored(path)[1]).keys() == {"embedding", "conv2.weight", "conv3.weight"}
    return path


@pytest.fixture(scope="session")
def hostile() -> ModuleType:
    """The module hostile.py, which is loaded by its path, since tests are no package."""
    spec = importlib.util.spec_from_file_location("hostile", Path(__file__).with_name("hostile.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def assemble() -> Callable[..., bytes]:
    """Make a file of tensors, metadata and codings of some of the tensors, without any check."""

    def assemble(tensors: dict[str, Any], metadata: dict[str, str], coded: dict[str, Coded], **more: str) -> bytes:
        plain = {name: format._as_tensor(name, tensor) for name, tensor in tensors.items()}
        payloads = {name: Tensor("U8", (len(each.payload),), each.payload) for name, each in coded.items()}
        entries = json.dumps({name: each.coding for name, each in sorted(coded.items())}, separators=(",", ":"))
        filled = {"format": format.FORMAT, **format._words_entries(plain)}
        filled |= {"coding": entries} if coded else {}
        return format._file_bytes({**plain, **payloads}, {**metadata, **filled, **more})

    return assemble


CHECKER = """
import resource, sys
from pathlib import Path
import prunetext
paths = sorted(Path(sys.argv[1]).iterdir())
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
for path in paths:
    try:
        prunetext.load(path)
        print("accepted", path.name)
    except prunetext.ModelFileError:
        pass
print("checked", len(paths))
"""


@pytest.fixture(scope="session")
def load_in_little_memory() -> Callable[[Path], str]:
    """Load all files of a folder in a process of little memory; what it printed."""

    def load(folder: Path) -> str:
        package = str(Path(prunetext.__file__).parent.parent)
        program = f"import sys; sys.path.insert(0, {package!r})\n" + CHECKER
        done = subprocess.run(
            [sys.executable, "-c", program, str(folder), str(MEMORY)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    return load
