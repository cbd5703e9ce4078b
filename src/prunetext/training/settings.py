"""The settings of one call of the training loop."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from prunetext.models.protocol import Rates

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
    "states",
)


@dataclass(frozen=True)
class Settings:
    """The settings of one call of the training loop.

    >>> Settings(epochs=2).recorded()["epochs"]
    2
    """

    epochs: float = 6
    stop_after: float | None = None  # epochs after which to break off
    batch_size: int = 64
    learning_rate: float = 1e-3
    embedding_rate: float = 4e-3  # of tables of vectors
    head_rate: float | None = None  # of the head, if it differs from that of the other weights
    final_rate: float = 0.05  # share of the learning rate at the last step; it falls linearly
    weight_decay: float = 0.01
    word_dropout: float = 0.2
    averaging: float = 0.998  # share of the running average of weights kept at each step; dev judges it; 0: none
    best_by: str = "metric"  # on dev; "loss" is less precise, but hardly flatters the best of many
    patience: int = 3  # judgements that are no better
    judgements: int = 1  # of dev, in one epoch
    judge_start: bool = False  # whether the weights that training starts from may be the best ones
    soft_share: float = 0.8  # the teacher's share of the loss, if there is one; the label has the rest
    temperature: float = 1.0  # of the teacher's probabilities
    varied: float = 0.5  # share of the pairs in a step that lose common words
    ranking: float = 0.1  # weight of the extra loss that pulls the vectors of matching texts together
    class_weights: tuple[float, ...] = ()  # of the labels' losses, one for each class; none weights them alike
    states: float | None = None  # weight of the loss by a guide's hidden states
    seed: int = 0
    warmup: float = 0.0  # share of the steps in which the learning rate rises linearly from zero
    accumulate: int = 1  # batches whose gradients make one step
    clip: float | None = None  # largest norm of a step's gradients; larger ones are scaled down
    batch_tokens: int | None = None  # padded tokens of a batch, if these are counted instead of texts
    window: int = 1000  # tokens of one text in one training step, another part of it in each; prediction reads all
    device: str = "cpu"  # of the model and its batches
    precision: str = "float32"  # of products, or "bfloat16"
    checkpoint_seconds: float = 10.0  # between two checkpoints

    def rates(self) -> Rates:
        """Those of the optimizers."""
        return Rates(self.learning_rate, self.embedding_rate, self.weight_decay, self.head_rate)

    def recorded(self) -> dict[str, Any]:
        """The settings that affect the weights, for candidates' names; newer ones are included only if used."""
        usual = {each.name: each.default for each in fields(self)}
        values = {name: value for name, value in asdict(self).items() if name != "checkpoint_seconds"}
        return {name: value for name, value in values.items() if name not in LATER or value != usual[name]}
