"""A copy of a model whose removed units are zero, or what stands in their place."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch

from prunetext.models.groups import Kept
from prunetext.models.protocol import Model
from prunetext.pruning.shrinking import removed

M = TypeVar("M", bound=Model)


def mask(model: M, kept: Kept) -> M:
    """What the model is within `masked`, for as long as a test needs it; the model itself is left alone."""
    same, tensors = copy.deepcopy(model), removed(model, kept)
    with torch.no_grad():
        for name, own in same.state_dict().items():
            own.copy_(tensors[name])
    return same
