"""The recovery of a pruned model: it trains shorter and more gently than the dense model did."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass

from prunetext.training.pace import EMBEDDING_RATE_TAUGHT, RATE_TAUGHT
from prunetext.training.settings import Settings


@dataclass(frozen=True)
class Recovery:
    """The differences between a recovery and the training of the dense model.

    >>> Recovery().settings(Settings(epochs=10), taught=False).epochs
    1.2
    """

    epochs: float = 0.12  # share of the dense model's epochs, at each step
    epochs_taught: float = 0.2  # the same for a student, whose epochs are few; at nearly its rates recovery does harm
    least_epochs: float = 0.4
    batch: int = 2  # times the dense model's batch: a quarter less time, and as good on dev
    rate: float = 0.45  # share of the dense model's learning rates: gently, for the dense model has learnt all there is
    teacher: float = 0.8  # the dense model's share of the loss: a student of its answers changes fewer labels
    word_dropout: float = 0.05  # removed words already train the unknown word
    states: float | None = None  # weight of the dense model's hidden states; if given, it answers only what is learnt
    judgements: int = 2  # per epoch: a recovery may do harm after a while

    def settings(self, first: Settings, *, taught: bool) -> Settings:
        """How to train after each step of a search; first: how the dense model was trained, with a teacher or not."""
        share = self.epochs_taught if taught else self.epochs
        slower = Settings.learning_rate / RATE_TAUGHT if taught else 1.0
        slower_table = Settings.embedding_rate / EMBEDDING_RATE_TAUGHT if taught else 1.0
        return dataclasses.replace(
            first,
            epochs=max(self.least_epochs, first.epochs * share),
            learning_rate=first.learning_rate * slower * self.rate,
            embedding_rate=first.embedding_rate * slower_table * self.rate,
            batch_size=first.batch_size * self.batch,
            word_dropout=self.word_dropout,
            judgements=self.judgements,
            judge_start=True,
            soft_share=self.teacher,
            states=self.states,
            best_by="loss",  # on a small dev, the most accurate of many judgements is mostly the luckiest
            patience=sys.maxsize,
        )
