"""The state of a training run on disk, safe if it is killed: safetensors, written beside and renamed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from prunetext.models.protocol import Model
from prunetext.models.tensors import load_tensors, save_tensors

SCALARS = ("step", "bad_epochs", "accuracy", "loss")


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
        """Continue from the file, if there is one."""
        if self.path is None or not self.path.exists():
            return
        tensors, metadata = load_tensors(self.path)
        for name, value in json.loads(metadata["state"]).items():
            setattr(self, name, value)
        self._put({key[6:]: tensor for key, tensor in tensors.items() if key.startswith("model.")})
        self.mean = {key[5:]: tensor for key, tensor in tensors.items() if key.startswith("mean.")}
        self.best = {key[5:]: tensor for key, tensor in tensors.items() if key.startswith("best.")}
        grid = {key[5:]: tensor for key, tensor in tensors.items() if key.startswith("grid.")}
        if grid:
            self.model.take_grid(grid)
        self.noted.update({key[6:]: tensor for key, tensor in tensors.items() if key.startswith("noted.")})
        for number, optimizer in enumerate(self.optimizers):
            state = optimizer.state_dict()
            for key, tensor in tensors.items():
                if key.startswith(f"optimizer.{number}."):
                    _, _, index, name = key.split(".", 3)
                    value = tensor if tensor.dim() or isinstance(optimizer, torch.optim.AdamW) else int(tensor)
                    state["state"].setdefault(int(index), {})[name] = value
            optimizer.load_state_dict(state)
