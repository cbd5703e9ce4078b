"""The one training loop. Distillation changes its examples, pruning uses its hooks; there is no second loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Disturbance, Model
from prunetext.statistics.metrics import Measure
from prunetext.training.answering import dev_values
from prunetext.training.batches import batches
from prunetext.training.checkpoint import Checkpoint
from prunetext.training.guiding import Guide, apart
from prunetext.training.losses import distribution, joint, loss_of
from prunetext.training.settings import Settings

SHARED_WORK = 1 << 17  # multiplications a word from which several threads are faster than one
BatchRows = npt.NDArray[np.int64]
Judge = Callable[[Model, Encoded, Measure | None, tuple[float, ...]], tuple[float, float]]


class Hooks(NamedTuple):
    """Calls from training to a criterion or a schedule; each is given the model.

    The checkpoint holds what hooks keep in `noted`: a resumed training has it again. `frozen` names parameters that are
    not trained.
    """

    after_backward: Callable[[Model], None] | None = None
    after_step: Callable[[Model, float], None] | None = None  # and the learning rate
    start_epoch: Callable[[Model], None] | None = None
    noted: dict[str, Tensor] | None = None
    frozen: Callable[[str], bool] | None = None


class Progress(NamedTuple):
    """A report of the loop's progress."""

    done: int
    total: int
    accuracy: float | None  # on dev, after the last epoch; or the value of another metric
    metric: str = "accuracy"  # which it is, as people write it


class Training(NamedTuple):
    """The result of a call of the loop; the model holds the best weights."""

    epochs: int
    accuracy: float  # on dev; or the value of another metric
    texts_per_second: float  # while training, evaluation left out
    ended: str | None = None  # "interrupted" or "time", if it did not end by itself


class Course:
    """The steps of one training: the batches of each, and its share of the learning rates."""

    def __init__(self, train: Encoded, settings: Settings) -> None:
        self.train, self.settings = train, settings
        self.batches: list[BatchRows] = []
        self.epoch = -1
        count = len(self.of_epoch(0)) if settings.batch_tokens else -(-len(train) // settings.batch_size)
        self.per_epoch = -(-count // settings.accumulate)
        self.total = max(1, round(self.per_epoch * settings.epochs))
        stop = settings.stop_after
        self.last = self.total if stop is None else min(self.total, max(1, round(self.per_epoch * stop)))

    def of_epoch(self, epoch: int) -> list[BatchRows]:
        """The batches of an epoch; those of the last requested epoch are kept."""
        if epoch != self.epoch:
            own = self.settings
            self.batches, self.epoch = batches(self.train, own.batch_size, own.seed, epoch, own.batch_tokens), epoch
        return self.batches

    def rows(self, step: int) -> list[BatchRows]:
        """The batches of one step."""
        epoch, place = divmod(step, self.per_epoch)
        few = self.settings.accumulate
        return self.of_epoch(epoch)[place * few : (place + 1) * few]

    def seen(self) -> BatchRows:
        """All rows that it sees, sorted."""
        return np.unique(np.concatenate([rows for step in range(self.last) for rows in self.rows(step)]))

    def share(self, step: int) -> float:
        """The share of the learning rates at a step: it rises to 1 while training warms up, then falls to the last."""
        own = self.settings
        rising = own.warmup * self.total
        if step < rising:
            return (step + 1) / (rising + 1)
        return 1 - (1 - own.final_rate) * (step - rising) / (self.total - rising)


def train_model(
    model: Model,
    train: Encoded,
    dev: Encoded | None,
    settings: Settings,
    *,
    checkpoint: Path | None = None,
    hooks: Hooks | None = None,
    measure: Measure | None = None,
    progress: Callable[[Progress], None] | None = None,
    deadline: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    judge: Judge = dev_values,
    guide: Guide | None = None,
) -> Training:
    """Train in place until the epochs are over or dev no longer improves; leave the best weights in the model.

        done = train_model(model, train, dev, Settings(epochs=6), checkpoint=folder / "dense.checkpoint")

    Every step draws from a generator seeded by (seed, step): a killed run that resumes from `checkpoint` ends with the
    weights of an uninterrupted one. The caller removes the checkpoint when the result is safe. `measure` judges dev, if
    not by accuracy; `judge` gives its value and the loss. Without dev the last weights are left, or their average.
    `deadline` is on `clock`. `guide` answers each batch. A small model trains on one thread: its steps are short.
    """
    hooks, course = hooks or Hooks(), Course(train, settings)
    model.to(settings.device)
    optimizers = model.optimizers(settings.rates(), hooks.frozen)
    state = Checkpoint(checkpoint, model, optimizers, hooks.noted, averages=settings.averaging > 0)
    state.restore()
    steps = Steps(model, train, settings, hooks, course, optimizers, state, guide)

    def judged() -> None:
        if dev is not None:
            state.judge(*judge(model, dev, measure, settings.class_weights), settings.best_by)

    if settings.judge_start and state.step == 0:
        judged()
    saved, ended = clock(), None
    every, title = max(1, course.per_epoch // settings.judgements), measure.title if measure else "accuracy"
    with threads(threads_for(model.work)), guide.placed(settings.device) if guide else nullcontext():
        try:
            while state.step < course.last and state.bad_epochs < settings.patience and ended is None:
                steps.take()
                late = deadline is not None and clock() > deadline
                if state.step % every == 0 or state.step == course.last or late:
                    with state.averaged():
                        judged()
                if checkpoint is not None and clock() - saved > settings.checkpoint_seconds:
                    state.save()
                    saved = clock()
                if progress:
                    progress(Progress(state.step, course.last, state.accuracy, title))
                ended = "time" if late else None
        except KeyboardInterrupt:
            if not state.best:
                raise
            ended = "interrupted"
    state.restore_best()
    model.to("cpu")
    return Training(-(-state.step // course.per_epoch), state.accuracy or 0.0, steps.texts_per_second, ended)


class Steps:
    """Takes the steps of one training, one after the other, and measures their speed."""

    def __init__(
        self,
        model: Model,
        train: Encoded,
        settings: Settings,
        hooks: Hooks,
        course: Course,
        optimizers: list[torch.optim.Optimizer],
        state: Checkpoint,
        guide: Guide | None = None,
    ) -> None:
        self.model, self.train, self.settings, self.hooks = model, train, settings, hooks
        self.course, self.optimizers, self.state, self.guide = course, optimizers, state, guide
        self.rates = [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]
        self.seconds, self.texts = 0.0, 0

    def take(self) -> None:
        """Take the next step."""
        step, settings = self.state.step, self.settings
        if self.hooks.start_epoch and step % self.course.per_epoch == 0:
            self.hooks.start_epoch(self.model)
        rows, share = self.course.rows(step), self.course.share(step)
        began = time.perf_counter()
        set_rates(self.optimizers, self.rates, share)
        torch.manual_seed(settings.seed * 1_000_003 + step)
        rate = settings.learning_rate * share
        train_step(self.model, self.train, rows, settings, self.optimizers, self.hooks, rate, self.guide)
        self.seconds += time.perf_counter() - began
        self.texts += sum(map(len, rows))
        self.state.step += 1
        self.state.average(settings.averaging)

    @property
    def texts_per_second(self) -> float:
        """Texts a second in training, without evaluation."""
        return self.texts / self.seconds if self.seconds else 0.0


def set_rates(optimizers: list[torch.optim.Optimizer], base: list[float], share: float) -> None:
    """Give each group of parameters its share of its learning rate."""
    groups = (group for optimizer in optimizers for group in optimizer.param_groups)
    for group, rate in zip(groups, base, strict=True):
        group["lr"] = rate * share


def threads_for(work: int) -> int:
    """PyTorch's number of threads, or one for a model with little work per token: its steps are too short to split.

    >>> threads_for(1000)
    1
    """
    return 1 if work < SHARED_WORK else torch.get_num_threads()


@contextmanager
def threads(count: int) -> Iterator[None]:
    """In this context, PyTorch computes on so many threads.

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


def computing(settings: Settings) -> AbstractContextManager[object]:
    """In this context, products are computed in the precision of the settings.

    Weights may change inside it: none of them is kept in the other precision, as PyTorch does unless told otherwise.
    """
    if settings.precision == "float32":
        return nullcontext()
    return torch.autocast(settings.device, dtype=getattr(torch, settings.precision), cache_enabled=False)


def train_step(
    model: Model,
    train: Encoded,
    rows: list[BatchRows],
    settings: Settings,
    optimizers: list[torch.optim.Optimizer],
    hooks: Hooks,
    learning_rate: float,
    guide: Guide | None = None,
) -> None:
    """One step: forward and backward for each of its batches, then update."""
    model.train()
    model.zero_grad()
    for batch in rows:
        with computing(settings):
            loss = batch_loss(model, train, batch, settings, guide)
        (loss if len(rows) == 1 else loss / len(rows)).backward()
    if hooks.after_backward:
        hooks.after_backward(model)
    if settings.clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
    for optimizer in optimizers:
        optimizer.step()
    if hooks.after_step:
        hooks.after_step(model, learning_rate)


def batch_loss(model: Model, train: Encoded, rows: BatchRows, settings: Settings, guide: Guide | None = None) -> Tensor:
    """The loss of one batch."""
    ids = train.take(rows, settings.window, anywhere=True).to(settings.device)  # (batch, length)
    ids = model.disturbed(ids, Disturbance(settings.word_dropout, settings.varied))
    chosen = torch.from_numpy(rows)
    targets = train.targets[chosen].to(settings.device)
    soft = None if train.soft is None else train.soft[chosen].to(settings.device)
    how = (settings.soft_share, settings.temperature, settings.class_weights)
    weights = None if train.weights is None else train.weights[chosen].to(settings.device)
    loss_form, wanted = loss_of(train.task), None
    if guide is not None:
        said, wanted = guide.about(ids, states=bool(settings.states))
        soft = joint(loss_form.softened(said, settings.temperature), soft)

    def loss_of_logits(answers: Tensor) -> Tensor:
        return loss_form.distilled(answers, targets, soft, *how, weights)

    def truth() -> Tensor:
        return distribution(targets, soft, settings.soft_share, model.classes)

    if settings.states and wanted:
        answers, states = model.revealed(ids)
        loss = loss_of_logits(answers) + settings.states * apart(states, wanted)
    else:
        loss = loss_of_logits(model(ids))
    further = model.further_loss(ids, loss_of_logits, truth, weights) if settings.ranking else None
    return loss if further is None else loss + settings.ranking * further
