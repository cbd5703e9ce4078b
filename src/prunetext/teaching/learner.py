"""A transformer for the training loop: a model whose batches are numbers, and texts as such numbers."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import torch
from torch import Tensor

from prunetext.data.dataset import Examples
from prunetext.models.encoded import Encoded, targets_of
from prunetext.models.groups import Cost, Group
from prunetext.models.protocol import BODY, HEAD, TABLE, Model
from prunetext.teaching.transformer import MeanPooled, Tokens, Transformer
from prunetext.training.losses import loss_of

SMOOTHING = 0.05  # of the labels: a teacher that is always sure teaches no more than the labels


class Learner(Model):
    """A pooled encoder that the loop trains; it is never pruned, and so has no groups and no costs.

    A batch (batch, length) holds the numbers of `numbers`, with 0 at the end of shorter texts. span: the offset that
    marks tokens of a pair's second text, if the encoder tells the texts apart.
    """

    def __init__(self, pooled: MeanPooled, padding: int, span: int | None = None) -> None:
        super().__init__()
        self.pooled, self.padding, self.span = pooled, padding, span
        # Half of a small encoder's weights; a batch uses few of them, yet all would be updated.
        self.words.requires_grad_(False)

    def forward(self, batch: Tensor) -> Tensor:
        """Logits (batch, classes)."""
        inside, tokens, kinds = batch > 0, (batch - 1).clamp(min=0), {}
        if self.span is not None:
            kinds, tokens = {"token_type_ids": tokens // self.span}, tokens % self.span
        ids = torch.where(inside, tokens, self.padding)
        logits: Tensor = self.pooled(input_ids=ids, attention_mask=inside.long(), **kinds)["logits"]
        return logits

    @property
    def words(self) -> Tensor:
        """The encoder's word vectors."""
        found: Tensor = self.pooled.encoder.get_input_embeddings().weight
        return found

    @property
    def classes(self) -> int:
        """Number of logits per example."""
        return self.pooled.head.out_features

    def parts(self) -> Mapping[str, str]:
        """Words are the table, and the linear layer is the head."""
        head = {id(each) for each in self.pooled.head.parameters()}
        return {
            name: TABLE if each is self.words else HEAD if id(each) in head else BODY
            for name, each in self.named_parameters()
        }

    def groups(self, kinds: Sequence[str]) -> tuple[Group, ...]:
        """None."""
        return ()

    def costs(self) -> Mapping[str, Cost]:
        """None."""
        return {}

    def counts(self) -> dict[str, int]:
        """None."""
        return {}

    def rebuild(self, tensors: Mapping[str, Tensor]) -> Self:
        """A copy with these weights."""
        same = copy.deepcopy(self)
        same.load_state_dict(dict(tensors))
        return same


def learning(made: Transformer, examples: Examples, labels: Sequence[str]) -> tuple[Learner, Encoded]:
    """A transformer without a head, and labelled texts, as `train_model` takes them."""
    tokens = made.encode(examples.inputs)
    asks = any(each.kinds is not None for each in tokens)
    span = 1 + max(max(each.ids, default=0) for each in tokens) if asks else None
    rows = [numbers(each, span) for each in tokens]
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    targets = loss_of(examples.task).smoothed(targets_of(examples, labels), len(labels), SMOOTHING)
    read = examples.task._replace(texts=1)  # both texts of a pair are read as one
    texts = Encoded(np.concatenate(rows), offsets, targets, task=read)
    return Learner(made.model, made.tokenizer.pad_token_id or 0, span), texts


def numbers(tokens: Tokens, span: int | None = None) -> np.ndarray:
    """A text, or both of a pair, as numbers from 1 on: its ids, and those of the second text `span` higher.

    >>> numbers(Tokens([2, 5], [0, 1]), 10).tolist()
    [3, 16]
    """
    found = 1 + np.asarray(tokens.ids, np.int32)
    return found if span is None else found + span * np.asarray(tokens.kinds, np.int32)
