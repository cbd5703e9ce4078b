"""A packed file of toy data, and peers that need no installation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prunetext.data.dataset import Data
from prunetext.peers.registry import Peer

STUB = """
def predict(texts):
    return [PATH if "sign1" in text else "class 0" for text in texts]
"""


@pytest.fixture
def stub() -> Callable[..., Peer]:
    """Make a peer of a name and a program; the usual one reads the class from the text."""

    def make(name: str = "stub", code: str = STUB, **fields: Any) -> Peer:
        return Peer(name, "1.0", code, "class 1", 7, **fields)

    return make


@pytest.fixture(scope="session")
def data(toy_data: Callable[..., Data]) -> Data:
    return toy_data()


@pytest.fixture(scope="session")
def model(random_model: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model of the toy data's labels."""
    from helpers.packing import pack

    path = tmp_path_factory.mktemp("bench") / "model.safetensors"
    words = [f"common{number}" for number in range(12)]
    pack(random_model(words=len(words), classes=2), words, ["class 0", "class 1"], path)
    return path
