"""Random packed models of any shape, for all tests of the runtime."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prunetext.runtime.format import Tensor, encode_vocabulary, write

WORDS = ("a", "bad", "dull", "film", "films", "good", "great", "the", "ø", "电", "影")

MakeTensors = Callable[..., tuple[dict[str, Any], dict[str, str]]]
MakeModel = Callable[..., Path]


def make_tensors(
    *,
    words: tuple[str, ...] = WORDS,
    dimensions: int = 5,
    filters: dict[int, int] | None = None,
    classes: int = 3,
    pooling: str = "max+mean",
    table: str = "int8",
    temperature: float = 1.0,
    seed: int = 0,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Tensors and metadata as `write` takes them; table scales are as small as the table's range allows."""
    rng = np.random.default_rng(seed)
    filters = filters or {2: 3, 3: 17}
    vocabulary = encode_vocabulary(sorted(words))
    embedding = rng.integers(-128, 128, (len(words) + 1, dimensions)).astype(np.int8)
    tensors: dict[str, Any] = {
        "embedding": embedding,
        "embedding.scale": np.array([0.013], np.float32),
        "vocabulary": Tensor("U8", (len(vocabulary),), vocabulary),
    }
    for k, count in filters.items():
        weight = rng.integers(-128, 128, (count, k, dimensions)).astype(np.int8)
        scale = rng.uniform(0.001, 0.1, count).astype(np.float32)
        exact = np.abs(np.einsum("rd,fjd->frj", embedding.astype(np.int64), weight.astype(np.int64))).max((1, 2))
        limit = 127 if table == "int8" else 32767 // k
        tensors |= {
            f"conv{k}.weight": weight,
            f"conv{k}.scale": scale,
            f"conv{k}.table_scale": (np.maximum(exact, 1) * 0.01301 * scale / limit).astype(np.float32),
            f"conv{k}.bias": rng.normal(0, 1, count).astype(np.float32),
        }
    features = sum(filters.values()) * (2 if pooling == "max+mean" else 1)
    tensors["head.weight"] = rng.normal(0, 0.3, (classes, features)).astype(np.float32)
    tensors["head.bias"] = rng.normal(0, 0.3, classes).astype(np.float32)
    metadata = {
        "task": "classification",
        "labels": json.dumps([f"label {number}" for number in range(classes)]),
        "tokenizer": "bert/1",
        "pooling": pooling,
        "table": table,
        "temperature": str(temperature),
        "provenance": "{}",
    }
    return tensors, metadata


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
