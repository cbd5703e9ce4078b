"""Float files of transformers without some hidden dimensions and ranks, and those that are refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from helpers.encoders import ARCHITECTURES
from prunetext.data.task import Task
from prunetext.errors import ModelFileError
from prunetext.modelfiles.encoders import inspect_float_encoder
from prunetext.models.protocol import Trained
from prunetext.models.tensors import load_tensors, save_tensors
from prunetext.models.transformer.floats import FAMILY_NAME, encoder_of, read_encoder, write_encoder
from prunetext.models.transformer.graph import takes_kinds
from prunetext.models.transformer.model import TextEncoder
from prunetext.models.transformer.reading import TokenReader
from prunetext.pruning.shrinking import shrink

Encoders = Callable[[str], Any]


def cut(encoder: Encoders, architecture: str) -> Trained:
    """A model without every third dimension and with a quarter of the ranks."""
    made = encoder(architecture)
    model = made.factorised()
    kept = {"hidden": np.arange(32) % 3 > 0, "ranks": np.arange(model.words.embedding_dim) % 4 == 0}
    small = cast(TextEncoder, shrink(model, kept))
    reader = TokenReader(made.found.tokenizer, 24, small.words.num_embeddings, 2 * takes_kinds(small))
    return Trained(FAMILY_NAME, small, ["a", "b", "c"], Task(), reader)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_file_is_read_as_it_was_written(encoder: Encoders, architecture: str, tmp_path: Path) -> None:
    trained = cut(encoder, architecture)
    write_encoder(trained, tmp_path / "pruned.safetensors", {})
    found = cast(TextEncoder, read_encoder(tmp_path / "pruned.safetensors").model)
    batch = torch.randint(1, 1 + found.words.num_embeddings, (3, 9), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(found.eval()(batch), trained.model.eval()(batch))
    assert found.dims.tolist() == [1.0] * 21
    said = inspect_float_encoder(tmp_path / "pruned.safetensors")
    assert (said.hidden, said.ranks) == (21, found.words.embedding_dim)
    assert not {"dims", "dim_numbers"} & load_tensors(tmp_path / "pruned.safetensors")[0].keys()


@pytest.mark.parametrize(
    "change",
    [
        {"spread.weight": torch.ones(31, 8)},
        {"spread.weight": torch.ones(21, 9)},
        {"spread.weight": torch.ones(21, 0)},
        {"spread.weight": torch.ones(21)},
        {"spread.weight": torch.full((21, 8), torch.nan)},
        {"spread.weight": torch.ones(21, 8).long()},
        {"spread.bias": torch.ones(21)},
        {"spread.weight": None},
        {"words.weight": torch.ones(90, 21)},
        {"dims": torch.ones(21)},
        {"norm.weight": torch.ones(32)},
        {"layers.1.query.weight": torch.ones(32, 32)},
        {"head.weight": torch.ones(3, 32)},
    ],
)
def test_a_file_whose_tensors_do_not_fit_together_is_refused(
    encoder: Encoders, change: dict[str, torch.Tensor | None], tmp_path: Path
) -> None:
    path, trained = tmp_path / "pruned.safetensors", cut(encoder, "bert")
    write_encoder(trained, path, {})
    tensors, metadata = load_tensors(path)
    for name, each in change.items():
        if each is None:
            del tensors[name]
        else:
            tensors[name] = each
    save_tensors(path, tensors, metadata)
    with pytest.raises(ModelFileError, match="this is not a whole float model of a run"):
        read_encoder(path)


def test_a_file_without_a_product_is_read_as_before(encoder: Encoders) -> None:
    made = encoder("bert")
    head = {"head.weight": torch.zeros(2, 32), "head.bias": torch.zeros(2), "present": torch.ones(2)}
    found = encoder_of({**made.found.tensors, **head}, made.found.layout)
    assert found.spread is None
    assert found.dim_numbers.tolist() == [*range(32)]
