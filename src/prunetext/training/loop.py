"""The one training loop. Distillation changes its examples, pruning uses its hooks; there is no second loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from prunetext.models.encoded import Encoded
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.row_adam import RowAdam
from prunetext.statistics.metrics import Array, Gold, Measure
from prunetext.statistics.thresholds import decided, tuned
from prunetext.training.batches import batches, evaluation_batches
from prunetext.training.checkpoint import Checkpoint
from prunetext.training.losses import distillation_loss, distribution, softened

WINDOW = 1000  # tokens of one text in one training step, another part of it in each; prediction reads all of it
CHECKPOINT_SECONDS = 10.0
SHARED_WORK = 1 << 17  # multiplications a word from which several threads are faster than one


@dataclass(frozen=True)
class Settings:
    """How one call of the loop trains."""

    epochs: float = 6
    stop_after: float | None = None  # epochs, if training is to be broken off on the way
    batch_size: int = 64
    learning_rate: float = 1e-3
    embedding_rate: float = 4e-3
    final_rate: float = 0.05  # share of the learning rate at the last step; it falls linearly
    weight_decay: float = 0.01
    word_dropout: float = 0.2
    averaging: float = 0.998  # share of the running average of the weights kept at each step; what dev judges
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


class Hooks(NamedTuple):
    """Where a criterion or a schedule looks into training; each is given the model.

    What hooks keep in `noted` stands in the checkpoint, so that a resumed training has it. `frozen` names parameters
    that are not trained.
    """

    after_backward: Callable[[TextCNN], None] | None = None
    after_step: Callable[[TextCNN, float], None] | None = None  # and the learning rate
    start_epoch: Callable[[TextCNN], None] | None = None
    noted: dict[str, Tensor] | None = None
    frozen: Callable[[str], bool] | None = None


class Progress(NamedTuple):
    """What the loop tells while it works."""

    done: int
    total: int
    accuracy: float | None  # on dev, after the last epoch; or the value of another metric
    metric: str = "accuracy"  # which it is, as people write it


class Trained(NamedTuple):
    """What a call of the loop did; the model holds the best weights."""

    epochs: int
    accuracy: float  # on dev; or the value of another metric
    texts_per_second: float  # while training, evaluation left out
    ended: str | None = None  # "interrupted" or "time", if it did not end by itself


def train_model(
    model: TextCNN,
    train: Encoded,
    dev: Encoded,
    settings: Settings,
    *,
    checkpoint: Path | None = None,
    hooks: Hooks | None = None,
    measure: Measure | None = None,
    progress: Callable[[Progress], None] | None = None,
    deadline: float | None = None,
) -> Trained:
    """Train in place until the epochs are over or dev no longer improves; leave the best weights in the model.

        trained = train_model(model, train, dev, Settings(epochs=6), checkpoint=folder / "dense.checkpoint")

    Every step draws from a generator seeded by (seed, step), so that a run that was killed and resumes from
    `checkpoint` ends with the weights of an uninterrupted one. The checkpoint is removed by whoever keeps the result.
    `measure` is what dev is judged by, if that is not accuracy. The steps of a small model are too short to be shared
    out, so that it trains on one thread.
    """
    hooks = hooks or Hooks()
    trained = [(name, each) for name, each in model.named_parameters() if not (hooks.frozen and hooks.frozen(name))]
    dense = [parameter for name, parameter in trained if name != "embedding"]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(dense, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True),
        *(RowAdam([parameter], lr=settings.embedding_rate) for name, parameter in trained if name == "embedding"),
    ]
    base_rates = [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]
    per_epoch = -(-len(train) // settings.batch_size)
    total = max(1, round(per_epoch * settings.epochs))
    last = total if settings.stop_after is None else min(total, max(1, round(per_epoch * settings.stop_after)))
    state = Checkpoint(checkpoint, model, optimizers, hooks.noted)
    state.restore()
    saved, seconds, texts, epoch_batches = time.monotonic(), 0.0, 0, None
    every = max(1, per_epoch // settings.judgements)

    def judge() -> None:
        state.judge(*dev_values(model, dev, measure, settings.class_weights), settings.best_by)

    if settings.judge_start and state.step == 0:
        judge()
    ended = None
    with threads(threads_for(model)):
        try:
            while state.step < last and state.bad_epochs < settings.patience and ended is None:
                epoch, place = divmod(state.step, per_epoch)
                if epoch_batches is None or place == 0:
                    epoch_batches = batches(train, settings.batch_size, settings.seed, epoch)
                if hooks.start_epoch and place == 0:
                    hooks.start_epoch(model)
                began = time.perf_counter()
                share = 1 - (1 - settings.final_rate) * state.step / total
                for optimizer, rate in zip(optimizers, base_rates, strict=True):
                    optimizer.param_groups[0]["lr"] = rate * share
                torch.manual_seed(settings.seed * 1_000_003 + state.step)
                rows = epoch_batches[place]
                train_step(model, train, rows, settings, optimizers, hooks, settings.learning_rate * share)
                seconds += time.perf_counter() - began
                texts += len(rows)
                state.step += 1
                state.average(settings.averaging)
                late = deadline is not None and time.monotonic() > deadline
                if state.step % every == 0 or state.step == last or late:
                    with state.averaged():
                        judge()
                if checkpoint is not None and time.monotonic() - saved > CHECKPOINT_SECONDS:
                    state.save()
                    saved = time.monotonic()
                if progress:
                    progress(Progress(state.step, last, state.accuracy, measure.title if measure else "accuracy"))
                ended = "time" if late else None
        except KeyboardInterrupt:
            if not state.best:
                raise
            ended = "interrupted"
    state.restore_best()
    return Trained(-(-state.step // per_epoch), state.accuracy or 0.0, texts / seconds if seconds else 0.0, ended)


def threads_for(model: TextCNN) -> int:
    """PyTorch's number of threads, or one for a small model: its steps are too short to be shared out."""
    return 1 if model.taps().numel() < SHARED_WORK else torch.get_num_threads()


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Within it, PyTorch computes on so many threads.

    >>> with threads(1):
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train_step(
    model: TextCNN,
    train: Encoded,
    rows: npt.NDArray[np.int64],
    settings: Settings,
    optimizers: list[torch.optim.Optimizer],
    hooks: Hooks,
    learning_rate: float,
) -> None:
    """One batch: forward, backward, update."""
    model.train()
    ids = train.take(rows, WINDOW, anywhere=True)  # (batch, length)
    if settings.varied:
        ids = model.varied(ids, settings.varied)
    if settings.word_dropout:
        # The unknown word learns from words hidden at random; it stands for every removed and unseen word.
        ids = model.hidden(ids, torch.rand(ids.shape) < settings.word_dropout)
    chosen = torch.from_numpy(rows)
    soft = None if train.soft is None else train.soft[chosen]
    how = (settings.soft_share, settings.temperature, settings.class_weights)

    def loss_of(answers: Tensor) -> Tensor:
        return distillation_loss(answers, train.targets[chosen], soft, *how, several=train.several)

    loss = loss_of(model(ids))
    if model.texts > 1 and settings.ranking:
        truth = distribution(train.targets[chosen], soft, settings.soft_share, model.head.out_features)
        loss = loss + settings.ranking * model.further_loss(ids, loss_of, truth)
    model.zero_grad()
    loss.backward()
    if hooks.after_backward:
        hooks.after_backward(model)
    for optimizer in optimizers:
        optimizer.step()
    if hooks.after_step:
        hooks.after_step(model, learning_rate)


@torch.no_grad()
def logits(model: TextCNN, examples: Encoded) -> Tensor:
    """Logits (n, classes) of all texts, in their order, none cropped."""
    model.eval()
    out = torch.empty(len(examples), model.head.out_features)
    for rows in evaluation_batches(examples):
        out[torch.from_numpy(rows)] = model(examples.take(rows))
    return out


def probabilities(model: TextCNN, examples: Encoded) -> Array:
    """Probabilities (n, classes) of all texts."""
    return softened(logits(model, examples).double(), 1.0, examples.several).numpy()


def thresholds_of(model: TextCNN, dev: Encoded) -> Array | None:
    """From which probability on a text has a label, as dev says; None where each text has one label."""
    return tuned(probabilities(model, dev), dev.targets.numpy()) if dev.several else None


def answers(
    model: TextCNN, examples: Encoded, thresholds: Array | None = None, rows: npt.NDArray[np.int64] | None = None
) -> Array:
    """What metrics judge: probabilities (n, classes) of all texts; of several labels, which each text is given.

    By these thresholds, or by those that suit the examples best, of which `rows` are looked at, or all.
    """
    found = probabilities(model, examples)
    return given(found, examples, thresholds, rows) if examples.several else found


def given(
    found: Array, examples: Encoded, thresholds: Array | None = None, rows: npt.NDArray[np.int64] | None = None
) -> Array:
    """Which of several labels each text is given, (n, classes) bool, as for `answers`."""
    if thresholds is None:
        seen = slice(None) if rows is None else rows
        thresholds = tuned(found[seen], examples.targets.numpy()[seen])
    return decided(found, thresholds)


def dev_values(
    model: TextCNN, dev: Encoded, measure: Measure | None = None, class_weights: tuple[float, ...] = ()
) -> tuple[float, float]:
    """Accuracy, or the value of another metric (a share), and the cross-entropy (nats) on dev."""
    scores = logits(model, dev)
    found = softened(scores.double(), 1.0, dev.several).numpy()
    measure = measure or Measure("accuracy", Gold(dev.targets.numpy()))
    value = measure.value(given(found, dev) if dev.several else found)
    return value, float(distillation_loss(scores, dev.targets, None, 0.0, 1.0, class_weights, dev.several))
