"""The problem that a search works on, and the dev texts that it sees."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Model
from prunetext.models.times import Times
from prunetext.statistics.gold import Gold
from prunetext.statistics.metrics import Measure
from prunetext.training.answering import logits
from prunetext.training.batches import evaluation_batches
from prunetext.training.guiding import Guide
from prunetext.training.loop import Course, Progress, computing
from prunetext.training.losses import blended, class_counts, joint, loss_of
from prunetext.training.settings import Settings

CONFIRM_SHARE = 0.3  # of dev, kept out of the search
SAMPLE_TOKENS = 60_000  # of train, for criteria to score on: a few short texts would leave out most words
SAMPLE_TEXTS = 2000  # of these texts, on which losses are measured
# Multiplications of both: a large model is asked about fewer texts.
WATCHED_WORK, SAMPLE_WORK = 1.6e11, 4e10
MENDING_TOKENS = 16_000  # of the sample, on which what is left of a model makes up for what went

Told = Callable[[str, Progress], None] | None  # called with the stage's name and how far it is


@dataclass(frozen=True)
class Problem:
    """The trained dense model, its data, and the file size and speed of any model."""

    dense: Model
    train: Encoded
    dev: Encoded  # all of it; the search sees `search_rows` alone
    packed_size: Callable[[Model], int]
    recovery: Settings
    first: Settings  # how the dense model was trained,
    kinds: tuple[str, ...]
    untrained: Callable[[], Model] | None = None  # and what it was before
    speed: Callable[[Model], float] | None = None  # texts a second of the packed model
    metric: Measure | None = None  # on dev: what a drop is of, if not of accuracy
    unseen: Encoded | None = None  # texts without labels, of the kind of dev's, that no model has learnt
    beyond: Encoded | None = None  # texts without labels that recoveries learn, too
    mend: Callable[[Model, Model, Sequence[Tensor]], None] | None = None  # what is left makes up for what went
    times: Callable[[Model], Times | None] | None = None  # measured times of parts of such a model, if there are any

    @property
    def measure(self) -> Measure:
        """The metric of a drop."""
        return self.metric or Measure("accuracy", Gold(self.dev.targets.numpy()))

    @property
    def counts(self) -> list[int]:
        """How many texts of train have each label; none if a text can have several."""
        return class_counts(self.train.targets, self.dense.classes)

    @property
    def guide(self) -> Guide | None:
        """The dense model, where recoveries learn its hidden states, too: it is asked about each batch."""
        return Guide(self.dense) if self.recovery.states else None

    @cached_property
    def texts(self) -> Encoded:
        """All that recoveries learn: train, and texts without labels."""
        return self.train if self.beyond is None else self.train.joined(self.beyond)

    @cached_property
    def lessons(self) -> Encoded:
        """These texts, with the dense model and its own teacher, if any, as teachers of smaller models."""
        return dataclasses.replace(self.texts, soft=self.opinions(self.texts))

    def lessons_for(self, settings: Settings) -> Encoded:
        """What a recovery with these settings learns.

        Where it is short, the dense model answers no more than it sees: of a large model, that takes less time. A guide
        has answered nothing yet.
        """
        if settings.states:
            return self.texts
        if settings.states is None or settings.epochs >= 1:
            return self.lessons
        rows = Course(self.texts, settings).seen()
        soft = torch.zeros(len(self.texts), self.dense.classes)
        soft[torch.from_numpy(rows)] = self.opinions(self.texts.subset(rows))
        return dataclasses.replace(self.texts, soft=soft)

    def opinions(self, texts: Encoded) -> Tensor:
        """The dense model's probabilities (n, classes), and half of them its own teacher's, if it has one."""
        with computing(self.recovery):
            said = loss_of(texts.task).softened(logits(self.dense, texts), self.recovery.temperature)
        return joint(said, texts.soft)

    def by_labels(self, settings: Settings) -> Settings:
        """The settings of a training as long as a recovery, but on the labels of train alone."""
        if self.beyond is not None:  # the epochs of recoveries are of these texts, too
            settings = dataclasses.replace(settings, epochs=settings.epochs * (1 + len(self.beyond) / len(self.train)))
        return dataclasses.replace(settings, states=None)

    @cached_property
    def believed(self) -> Encoded:
        """Dev with the dense model's answers in the place of labels.

        They choose the best moment of a recovery. If labels did, a candidate would look better on them than it is.
        """
        said = loss_of(self.dev.task).softened(logits(self.dense, self.dev), 1.0)
        return dataclasses.replace(self.dev, targets=said)

    @cached_property
    def watched(self) -> Encoded:
        """A sample of train on which criteria score."""
        return self._targeted(self._sampled_rows(WATCHED_WORK))

    @cached_property
    def sample(self) -> Encoded:
        """A part of this sample on which losses are measured."""
        return self._targeted(self._sampled_rows(SAMPLE_WORK)[:SAMPLE_TEXTS])

    @cached_property
    def batches(self) -> list[Tensor]:
        """The beginning of the sample, in batches, on the device of the model."""
        few = int(np.searchsorted(np.cumsum(self.watched.tokens()), MENDING_TOKENS)) + 1
        part, place = self.watched.subset(np.arange(min(few, len(self.watched)))), next(self.dense.parameters()).device
        return [part.take(rows).to(place) for rows in evaluation_batches(part, self.dense.work)]

    def _sampled_rows(self, work: float) -> np.ndarray:
        """Rows of train, with at most so many multiplications of the dense model."""
        rows = np.random.default_rng((self.recovery.seed, 5)).permutation(len(self.train))
        most = min(SAMPLE_TOKENS, work / max(self.dense.work, 1))
        few = int(np.searchsorted(np.cumsum(self.train.tokens()[rows]), most)) + 1
        return rows[:few]

    def _targeted(self, rows: np.ndarray) -> Encoded:
        """Texts of train with one target each: the label, or its mix with the teacher's answer."""
        part = self.train.subset(rows)
        if part.soft is None:
            return part
        return dataclasses.replace(part, targets=blended(part.targets, part.soft, self.first.soft_share))


def split_dev(n: int, seed: int, queries: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Rows of dev that the search sees, and rows that only confirm its last candidate; both sorted.

    If rows are ranked by queries, all rows of a query go to the same side.
    """
    if queries is not None:
        _, query = np.unique(queries, return_inverse=True)
        seen, hidden = split_dev(int(query.max()) + 1, seed)
        return np.flatnonzero(np.isin(query, seen)), np.flatnonzero(np.isin(query, hidden))
    order = np.random.default_rng((seed, 3)).permutation(n)
    cut = n - int(n * CONFIRM_SHARE)
    return np.sort(order[:cut]), np.sort(order[cut:])


def sides_of_dev(measure: Measure, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The same by the metric of dev, which says whether rows are ranked."""
    return split_dev(len(measure.gold.targets), seed, measure.gold.queries if measure.metric.ranks else None)


def right(model: Model, examples: Encoded) -> np.ndarray:
    """Which texts the model labels correctly, shape (n,)."""
    return (logits(model, examples).argmax(1) == examples.targets).numpy()
