"""Tiny transformers of each architecture."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pytest
import torch

from helpers.encoders import encoder_folder
from prunetext.models.encoded import Encoded
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

    def factorised(self, **changes: Any) -> TextEncoder:
        """The same with a table of words that is a product."""
        model = self.ours(**changes)
        ids = torch.randint(1, 1 + model.words.num_embeddings, (500,), generator=torch.Generator().manual_seed(4))
        usage = Encoded(ids.int().numpy(), np.array([0, 500]), torch.zeros(1))
        return cast(TextEncoder, model.canonical(usage, ("ranks",))(model))


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Encoder]:
    """The tiny transformer of an architecture."""

    @cache
    def made(architecture: str) -> Encoder:
        folder = tmp_path_factory.mktemp(architecture)
        theirs = encoder_folder(Path(folder), architecture)
        return Encoder(theirs, read_pretrained(folder))

    return made
