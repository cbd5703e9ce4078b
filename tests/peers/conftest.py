"""Toy data that peers are trained on."""

from collections.abc import Callable
from typing import Any

import pytest

from prunetext.data.dataset import Data


@pytest.fixture(scope="session")
def data(toy_data: Callable[..., Any]) -> Data:
    found: Data = toy_data()
    return found
