"""Tiny transformers of each architecture."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from helpers.encoders import encoder_folder
from prunetext.models.transformer.folder import Pretrained, read_pretrained
from prunetext.models.transformer.model import TextEncoder


class Encoder(NamedTuple):
    """Transformers' own model, and what is read of its folder."""

    theirs: Any
    found: Pretrained

    def ours(self, classes: int = 3, **changes: Any) -> TextEncoder:
        """Our model with a random head."""
        hidden = len(self.found.tensors["layers.0.norm.weight"])
        random = torch.Generator().manual_seed(1)
        head = {"head.weight": torch.randn(classes, hidden, generator=random)}
        head["head.bias"] = torch.randn(classes, generator=random)
        layout = self.found.layout.of({**self.found.layout.__dict__, **changes})
        return TextEncoder({**self.found.tensors, **head}, layout).eval()


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Encoder]:
    """The tiny transformer of an architecture."""

    @cache
    def made(architecture: str) -> Encoder:
        folder = tmp_path_factory.mktemp(architecture)
        theirs = encoder_folder(Path(folder), architecture)
        return Encoder(theirs, read_pretrained(folder))

    return made
