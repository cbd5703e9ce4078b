"""How one call of the loop trains."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

LATER = (
    "warmup",
    "accumulate",
    "batch_tokens",
    "window",
    "device",
    "precision",
    "checkpoint_seconds",
    "head_rate",
    "clip",
)


@dataclass(frozen=True)
class Settings:
    """How one call of the loop trains.

    >>> Settings(epochs=2).recorded()["epochs"]
    2
    """

    epochs: float = 6
    stop_after: float | None = None  # epochs, if training is to be broken off on the way
    batch_size: int = 64
    learning_rate: float = 1e-3
    embedding_rate: float = 4e-3  # of tables of vectors
    head_rate: float | None = None  # of the head, where it is not that of the other weights
    final_rate: float = 0.05  # share of the learning rate at the last step; it falls linearly
    weight_decay: float = 0.01
    word_dropout: float = 0.2
    averaging: float = 0.998  # share of the running average of the weights kept at each step; what dev judges; 0: none
    best_by: str = "metric"  # on dev; "loss" is less precise, but hardly flatters the best of many
    patience: int = 3  # judgements that are no better
    judgements: int = 1  # of dev, in one epoch
    judge_start: bool = False  # whether the weights that training starts from may be the best ones
    soft_share: float = 0.8  # of the loss: what a teacher says, where there is one; the rest is the label
    temperature: float = 1.0  # of the teacher's probabilities
    varied: float = 0.5  # share of pairs in a step of which common words are left out
    ranking: float = 0.1  # weight, beside the loss, of what pairs teach of both texts by themselves
    class_weights: tuple[float, ...] = ()  # of the labels' losses, one for each class; none weights them alike
    seed: int = 0
    warmup: float = 0.0  # share of the steps in which the learning rate rises linearly from zero
    accumulate: int = 1  # batches whose gradients make one step
    clip: float | None = None  # the norm that a step's gradients are scaled down to, where theirs is larger
    batch_tokens: int | None = None  # padded tokens of a batch, where that and not the texts are counted
    window: int = 1000  # tokens of one text in one training step, another part of it in each; prediction reads all
    device: str = "cpu"  # on which the model and its batches lie
    precision: str = "float32"  # or "bfloat16", in which products are computed
    checkpoint_seconds: float = 10.0  # between two checkpoints

    def recorded(self) -> dict[str, Any]:
        """What makes a difference to the weights, for names of candidates; what came later only where it is used."""
        usual = {each.name: each.default for each in fields(self)}
        values = {name: value for name, value in asdict(self).items() if name != "checkpoint_seconds"}
        return {name: value for name, value in values.items() if name not in LATER or value != usual[name]}
