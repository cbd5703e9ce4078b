"""The state of a training run on disk, safe if it is killed: safetensors, written beside and renamed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from prunetext.errors import DamagedError
from prunetext.models.protocol import Model
from prunetext.models.tensors import fit_into, load_tensors, save_tensors
from prunetext.runtime.states import discard, parsed, reason_of

SCALARS = ("step", "bad_epochs", "accuracy", "loss")
MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # of Adam, for each of its parameters
PARTS = ("model", "mean", "best", "grid", "noted")


class Saved(NamedTuple):
    """What a checkpoint's file holds: the counters, tensors by part, and the states of the optimizers."""

    scalars: dict[str, Any]
    parts: dict[str, dict[str, Tensor]]
    states: list[dict[str, Any]]


class Checkpoint:
    """Model, best weights, optimizer moments and counters of one training run, and what its hooks have noted."""

    def __init__(
        self,
        path: Path | None,
        model: Model,
        optimizers: list[torch.optim.Optimizer],
        noted: dict[str, Tensor] | None = None,
        averages: bool = True,
    ) -> None:
        self.path, self.model, self.optimizers = path, model, optimizers
        self.noted = {} if noted is None else noted
        self.best: dict[str, Tensor] = {}
        self.mean: dict[str, Tensor] = {}  # the running average of the weights, if one is kept
        if averages:
            self.mean = {name: parameter.detach().clone() for name, parameter in self.learnt()}
        self.step = self.bad_epochs = 0
        self.accuracy: float | None = None
        self.loss = 0.0

    def learnt(self) -> Iterator[tuple[str, Tensor]]:
        """The weights that training changes; frozen ones, such as a teacher's word vectors, need no copy."""
        return ((name, each) for name, each in self.model.named_parameters() if each.requires_grad)

    @torch.no_grad()
    def average(self, keep: float) -> None:
        """Move the running average of the weights towards the current ones; quickly at first.

        Source: Polyak and Juditsky 1992, as the exponential average that is usual today.
        """
        if not self.mean:
            return
        keep = min(keep, (1 + self.step) / (10 + self.step))
        for name, parameter in self.learnt():
            self.mean[name].lerp_(parameter.detach(), 1 - keep)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """In this context, the model has the averaged weights, if there are any."""
        if not self.mean:
            yield
            return
        current = {name: parameter.detach().clone() for name, parameter in self.learnt()}
        self._put(self.mean)
        try:
            yield
        finally:
            self._put(current)

    @torch.no_grad()
    def _put(self, tensors: dict[str, Tensor]) -> None:
        for name, parameter in self.learnt():
            parameter.copy_(tensors[name])

    def judge(self, accuracy: float, loss: float, by: str = "metric") -> None:
        """Keep the weights if accuracy (or another metric) rose on dev, or held at a lower loss; or if the loss fell.

        by: "metric", or "loss".
        """
        if self.accuracy is None:
            better = keep = True
        elif by == "loss":
            better = keep = loss < self.loss
        else:
            better, keep = accuracy > self.accuracy, (accuracy, -loss) > (self.accuracy, -self.loss)
        if keep:
            self.accuracy, self.loss = accuracy, loss
            self.best = {name: tensor.detach().clone() for name, tensor in self.learnt()}
            self.bad_epochs = 0 if better else self.bad_epochs + 1
        else:
            self.bad_epochs += 1

    def restore_best(self) -> None:
        """Put the best weights into the model; if none were judged, the average of the last ones."""
        if kept := self.best or self.mean:
            self._put(kept)

    def save(self) -> None:
        """Write everything that the next step depends on."""
        assert self.path is not None
        tensors = {f"model.{name}": tensor.detach() for name, tensor in self.learnt()}
        tensors |= {f"mean.{name}": tensor for name, tensor in self.mean.items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        for number, optimizer in enumerate(self.optimizers):
            for index, moments in optimizer.state_dict()["state"].items():
                for key, value in moments.items():
                    tensors[f"optimizer.{number}.{index}.{key}"] = torch.as_tensor(value)
        scalars = {name: getattr(self, name) for name in SCALARS}
        tensors |= {f"grid.{name}": tensor for name, tensor in self.model.grid().items()}
        tensors |= {f"noted.{name}": tensor for name, tensor in self.noted.items()}
        save_tensors(self.path, tensors, {"state": json.dumps(scalars)})

    def restore(self) -> None:
        """Continue from the file, if there is one; a damaged one, or one of another training, is deleted."""
        if self.path is None:
            return
        try:
            found = self._read(self.path)
        except FileNotFoundError:
            return
        except DamagedError as error:
            discard(self.path, error.reason)
            return
        for name, value in found.scalars.items():
            setattr(self, name, value)
        self._put(found.parts["model"])
        self.mean, self.best = found.parts["mean"], found.parts["best"]
        self.noted.update(found.parts["noted"])
        for optimizer, state in zip(self.optimizers, found.states, strict=True):
            optimizer.load_state_dict(state)

    def _read(self, path: Path) -> Saved:
        """What a file holds; DamagedError if it is not the state of such a training."""
        tensors, metadata = load_tensors(path)
        parts: dict[str, dict[str, Tensor]] = {name: {} for name in PARTS}
        states = [optimizer.state_dict() for optimizer in self.optimizers]
        try:
            for key, tensor in tensors.items():
                part, _, name = key.partition(".")
                if part == "optimizer":
                    number, index, moment = name.split(".", 2)
                    adam = isinstance(self.optimizers[int(number)], torch.optim.AdamW)
                    value = tensor if tensor.dim() or adam else int(tensor)
                    states[int(number)]["state"].setdefault(int(index), {})[moment] = value
                elif name:
                    parts[part][name] = tensor
                else:
                    raise ValueError(f"{part} is no tensor of it")
            scalars = parsed(metadata["state"], path)
            self._check(scalars, parts, states)
            if parts["grid"]:
                self.model.take_grid(parts["grid"])
        except (KeyError, ValueError, TypeError, IndexError, RuntimeError, AttributeError) as error:
            reason = error.reason if isinstance(error, DamagedError) else reason_of(error)
            raise DamagedError(path, f"it is no checkpoint of this training: {reason}") from None
        return Saved(scalars, parts, states)

    def _check(
        self, scalars: dict[str, Any], parts: dict[str, dict[str, Tensor]], states: list[dict[str, Any]]
    ) -> None:
        """ValueError if the parts of a file do not belong to this training."""
        learnt = {name: each.detach() for name, each in self.learnt()}
        wanted = [parts["model"], *(each for each in (parts["mean"], parts["best"]) if each)]
        if not all(fit_into(each, learnt) for each in wanted) or bool(parts["mean"]) != bool(self.mean):
            raise ValueError("its weights are those of another model")
        numbers = all(type(scalars[name]) in (int, float) for name in SCALARS if scalars[name] is not None)
        if scalars.keys() != set(SCALARS) or not numbers or None in (scalars["step"], scalars["loss"]):
            raise ValueError("its counters are none")
        if not all(self.noted.get(name, each).shape == each.shape for name, each in parts["noted"].items()):
            raise ValueError("what was noted has other shapes")
        for optimizer, state in zip(self.optimizers, states, strict=True):
            sizes = [each.shape for group in optimizer.param_groups for each in group["params"]]
            for index, moments in state["state"].items():
                step, *means = (torch.as_tensor(moments[name]) for name in MOMENTS)
                alike = step.dim() == 0 and all(each.shape == sizes[index] for each in means)
                if moments.keys() != set(MOMENTS) or not alike or not step > 0:
                    raise ValueError("the moments of its optimizers are none")
