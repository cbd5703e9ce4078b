"""Adam for a small model: quick to begin, and quick where a batch touches few rows of a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def _eager(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of an optimizer without what PyTorch wraps around it for its compiler."""
    return getattr(method, "__wrapped__", method)


class EagerAdamW(torch.optim.AdamW):
    """torch.optim.AdamW that never imports PyTorch's compiler, which takes two seconds: as long as a small fit."""

    add_param_group = _eager(torch.optim.AdamW.add_param_group)
    step = torch.no_grad()(_eager(torch.optim.AdamW.step))


class RowAdam(torch.optim.SparseAdam):
    """The updates and the state of torch.optim.SparseAdam for one parameter, in half its time.

        optimizer = RowAdam([model.embedding], lr=4e-3)    # its gradient must be sparse

    SparseAdam computes with sparse tensors; here the rows of the batch are gathered, updated and put back.
    Source: Kingma and Ba 2015, "Adam", algorithm 1, for the rows that have a gradient.
    """

    add_param_group = _eager(torch.optim.SparseAdam.add_param_group)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update the rows that have a gradient."""
        group = self.param_groups[0]
        parameter: Tensor = group["params"][0]
        if parameter.grad is None:
            return
        gradient = parameter.grad.coalesce()
        rows, values = gradient.indices()[0], gradient.values()
        state = self.state[parameter]
        if not state:
            state.update(step=0, exp_avg=torch.zeros_like(parameter), exp_avg_sq=torch.zeros_like(parameter))
        state["step"] += 1
        first, second = group["betas"]
        mean = state["exp_avg"].index_select(0, rows).lerp_(values, 1 - first)
        square = state["exp_avg_sq"].index_select(0, rows).mul_(second).addcmul_(values, values, value=1 - second)
        state["exp_avg"].index_copy_(0, rows, mean)
        state["exp_avg_sq"].index_copy_(0, rows, square)
        rate = group["lr"] * (1 - second ** state["step"]) ** 0.5 / (1 - first ** state["step"])
        updated = parameter.index_select(0, rows).addcdiv_(mean, square.sqrt_().add_(group["eps"]), value=-rate)
        parameter.index_copy_(0, rows, updated)
