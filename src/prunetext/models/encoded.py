"""Texts as numbers: ids end to end, and the target of each text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from prunetext.data.dataset import Examples
from prunetext.data.task import Task

UNLABELLED = -1  # instead of a class
SINGLE = Task()


@dataclass(frozen=True)
class Encoded:
    """Ids of all texts end to end, where each begins, and the target of each example.

    ids (tokens,) int32; offsets (n · texts + 1,) int64, where an example has so many texts, one after the other: two
    of a pair, whose ids then say what they have in common. targets (n,) int64 class indices, `UNLABELLED` where there
    is none, or probabilities (n, classes) float32. soft (n, classes) float32, where there is a teacher: its
    probabilities, at the temperature of the training, and zeros where it has said nothing. Where the task's answer is
    "labels", targets are (n, classes) float32, 1 for those that it has and 0 for the others, or `UNLABELLED` for all
    of them, and each label has a probability by itself. weights (n,) float32, where some count more.
    """

    ids: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    targets: Tensor
    soft: Tensor | None = None
    task: Task = SINGLE
    weights: Tensor | None = None

    @property
    def texts(self) -> int:
        """Number of texts per example."""
        return self.task.texts

    def __len__(self) -> int:
        """Count the examples."""
        return (len(self.offsets) - 1) // self.texts

    def tokens(self) -> npt.NDArray[np.int64]:
        """How many tokens each example has, shape (n,)."""
        return np.diff(self.offsets[:: self.texts])

    def lengths(self) -> npt.NDArray[np.int64]:
        """How many tokens the longest text of each example has, shape (n,)."""
        longest: npt.NDArray[np.int64] = np.diff(self.offsets).reshape(-1, self.texts).max(1)
        return longest

    def places(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The positions of these examples' texts."""
        return (rows[:, None] * self.texts + np.arange(self.texts)).ravel()

    def take(self, rows: npt.NDArray[np.int64], limit: int | None = None, *, anywhere: bool = False) -> Tensor:
        """Ids of some examples' texts (batch · texts, longest), padded with 0 at the end.

        At least one column, at most `limit`. A longer text gives its beginning or, with `anywhere`, a window at a
        random place; texts of pairs always give their beginnings.
        """
        rows, anywhere = self.places(rows), anywhere and self.texts == 1
        starts, lengths = self.offsets[rows], self.offsets[rows + 1] - self.offsets[rows]
        longest = max(1, int(lengths.max()))
        if limit is not None and longest > limit:
            starts = starts + window_places(lengths, limit) if anywhere else starts
            longest, lengths = limit, np.minimum(lengths, limit)
        grid = np.arange(longest)
        inside = grid < lengths[:, None]
        places = np.where(inside, starts[:, None] + grid, 0)
        ids = np.where(inside, self.ids[places] if len(self.ids) else 0, 0)
        return torch.from_numpy(ids.astype(np.int64))

    def subset(self, rows: npt.NDArray[np.int64]) -> Encoded:
        """Only these examples, in this order."""
        chosen, rows = torch.from_numpy(rows), self.places(rows)
        lengths = self.offsets[rows + 1] - self.offsets[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        places = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - self.offsets[rows], lengths)
        soft = None if self.soft is None else self.soft[chosen]
        weights = None if self.weights is None else self.weights[chosen]
        kept = {"offsets": offsets, "targets": self.targets[chosen], "soft": soft, "weights": weights}
        return replace(self, ids=self.ids[places], **kept)  # type: ignore[arg-type]

    def joined(self, more: Encoded) -> Encoded:
        """These examples and more of the same task, in this order; all have a teacher, or none has.

        More without any labels have the targets of this task.
        """
        targets = more.targets
        if self.targets.dim() > targets.dim():
            targets = targets[:, None].expand(-1, self.targets.shape[1])
        soft = None if self.soft is None or more.soft is None else torch.cat([self.soft, more.soft])
        weights = None
        if self.weights is not None or more.weights is not None:
            weights = torch.cat(
                [torch.ones(len(each)) if each.weights is None else each.weights for each in (self, more)]
            )
        return replace(
            self,
            ids=np.concatenate([self.ids, more.ids]),
            offsets=np.concatenate([self.offsets, self.offsets[-1] + more.offsets[1:]]),
            targets=torch.cat([self.targets, targets]),
            soft=soft,
            weights=weights,
        )


def window_places(lengths: npt.NDArray[np.int64], limit: int) -> npt.NDArray[np.int64]:
    """Where in texts of so many ids a window of `limit` begins, drawn by PyTorch's generator; 0 where all fits in.

    >>> window_places(np.array([3, 7, 9]), 7).tolist()[:2]
    [0, 0]

    All places are equally likely.
    """
    places: npt.NDArray[np.int64] = (
        torch.rand(len(lengths), dtype=torch.float64).numpy() * (np.maximum(lengths - limit, 0) + 1)
    ).astype(np.int64)
    return places


def targets_of(examples: Examples, classes: Sequence[str]) -> Tensor:
    """Class indices (n,) int64; with several labels, 0 and 1 for each, (n, classes) float32.

    >>> targets_of(Examples(["a film"], [["x", "z"]]), ["x", "y", "z"]).tolist()
    [[1.0, 0.0, 1.0]]
    """
    return torch.from_numpy(examples.targets(classes))


def labelled(encoded: Encoded, examples: Examples, classes: Sequence[str]) -> Encoded:
    """Ids of texts with their targets; pairs that are read as one text stay so."""
    task = examples.task._replace(texts=encoded.texts)
    weights = None if examples.weights is None else torch.tensor(examples.weights, dtype=torch.float32)
    return replace(encoded, targets=targets_of(examples, classes), task=task, weights=weights)
