"""Toy data that peers are trained on."""

from collections.abc import Callable
from typing import Any

import pytest

from prunetext.data.dataset import Data
from prunetext.peers.made import Given


@pytest.fixture(scope="session")
def data(toy_data: Callable[..., Any]) -> Data:
    found: Data = toy_data()
    return found


@pytest.fixture(scope="session")
def given(data: Data) -> Given:
    """What a comparison gives those who make peers."""
    return Given(data.labels, dict(data.splits()))
