"""A larger model that a training learns from: its answers to each batch, and its hidden states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from prunetext.models.protocol import Model

LEAST_SQUARE = 1e-6  # of hidden states: nothing is relative to zero


class Guide(NamedTuple):
    """A model whose answers another one learns, asked about each batch as it comes.

        train_model(small, train, dev, settings, guide=Guide(dense))

    So a training asks about what it sees and nothing else, however short it is; and the hidden states of all texts
    would fit into no memory.
    """

    model: Model

    @contextmanager
    def placed(self, device: str) -> Iterator[None]:
        """In this context, the model is on the device of the training."""
        self.model.eval().to(device)
        try:
            yield
        finally:
            self.model.to("cpu")

    @torch.no_grad()
    def about(self, batch: Tensor, *, states: bool) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Its logits (batch, classes), and its hidden states if they are asked for."""
        self.model.eval()
        return self.model.revealed(batch) if states else (self.model(batch), {})


def apart(own: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Tensor:
    """How far hidden states are from those wanted: the mean square difference, as a share of the mean square of these.

    >>> apart({"0": torch.tensor([[1.0, 1.0]])}, {"0": torch.tensor([[1.0, 3.0]]), "1": torch.ones(1, 2)})
    tensor(0.4000)

    It is the mean over the layers that both have, by name, in the same sizes; 0 if there are none.
    Sources: Jiao et al. 2020, "TinyBERT: Distilling BERT for Natural Language Understanding", eq. 8; Xia, Zhong and
    Chen 2022, "Structured Pruning Learns Compact and Accurate Models", section 2.3, for pruned models.
    """
    found = []
    for name in (name for name in own if name in wanted):
        left, whole = own[name].float(), wanted[name].float()
        if left.shape == whole.shape:
            found.append((left - whole).square().mean() / whole.square().mean().clamp(min=LEAST_SQUARE))
    return torch.stack(found).mean() if found else torch.zeros(())
