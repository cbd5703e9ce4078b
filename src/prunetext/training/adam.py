"""Adam for the weights that every batch touches, and for an embedding of which it touches few rows.

PyTorch's own optimizers load its compiler, which takes longer than the training of a small model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

BETAS = (0.9, 0.999)
EPSILON = 1e-8
SQUARE, MEAN, STEP = "exp_avg_sq", "exp_avg", "step"


class Adam:
    """What the two have in common: parameters, a learning rate that may be changed, and moments.

    optimizer.rate = 1e-3
    optimizer.step()
    kept = optimizer.moments()    # of each parameter that had a gradient: its mean, its mean square, and the steps
    optimizer.put(kept)
    """

    def __init__(self, parameters: Sequence[Tensor], lr: float) -> None:
        self.parameters, self.rate = list(parameters), lr
        self.state: dict[int, dict[str, Tensor]] = {}

    def moments(self) -> dict[int, dict[str, Tensor]]:
        """The state of each parameter, by its number."""
        return self.state

    def put(self, moments: dict[int, dict[str, Tensor]]) -> None:
        """Go on from such a state."""
        self.state = {number: dict(each) for number, each in moments.items()}

    def step(self) -> None:
        """Update the parameters by their gradients."""
        raise NotImplementedError

    def state_of(self, number: int) -> dict[str, Tensor]:
        """The moments of a parameter, at first none."""
        if number not in self.state:
            zeros = torch.zeros_like(self.parameters[number])
            self.state[number] = {STEP: torch.tensor(0.0), MEAN: zeros, SQUARE: zeros.clone()}
        return self.state[number]


class DenseAdam(Adam):
    """The updates of torch.optim.AdamW(fused=True), to the last bit.

        optimizer = DenseAdam([model.head.weight, model.head.bias], lr=1e-3, weight_decay=0.01)

    Source: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization".
    """

    def __init__(self, parameters: Sequence[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(parameters, lr)
        self.weight_decay = weight_decay

    @torch.no_grad()
    def step(self) -> None:
        """Update the parameters that have a gradient."""
        numbers = [number for number, each in enumerate(self.parameters) if each.grad is not None]
        if not numbers:
            return
        states = [self.state_of(number) for number in numbers]
        for state in states:
            state[STEP] += 1
        fused: Any = torch._fused_adamw_
        fused(
            [self.parameters[number] for number in numbers],
            [self.parameters[number].grad for number in numbers],
            [state[MEAN] for state in states],
            [state[SQUARE] for state in states],
            [],  # the largest mean squares, which AMSGrad has
            [state[STEP] for state in states],
            amsgrad=False,
            lr=self.rate,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=self.weight_decay,
            eps=EPSILON,
            maximize=False,
        )


class RowAdam(Adam):
    """The updates of torch.optim.SparseAdam for one parameter, in half its time.

        optimizer = RowAdam([model.embedding], lr=4e-3)    # its gradient must be sparse

    SparseAdam computes with sparse tensors; here the rows of the batch are gathered, updated and put back.
    Source: Kingma and Ba 2015, "Adam", algorithm 1, for the rows that have a gradient.
    """

    @torch.no_grad()
    def step(self) -> None:
        """Update the rows that have a gradient."""
        parameter = self.parameters[0]
        if parameter.grad is None:
            return
        gradient = parameter.grad.coalesce()
        rows, values = gradient.indices()[0], gradient.values()
        state = self.state_of(0)
        state[STEP] += 1
        steps = int(state[STEP])
        first, second = BETAS
        mean = state[MEAN].index_select(0, rows).lerp_(values, 1 - first)
        square = state[SQUARE].index_select(0, rows).mul_(second).addcmul_(values, values, value=1 - second)
        state[MEAN].index_copy_(0, rows, mean)
        state[SQUARE].index_copy_(0, rows, square)
        rate = self.rate * (1 - second**steps) ** 0.5 / (1 - first**steps)
        updated = parameter.index_select(0, rows).addcdiv_(mean, square.sqrt_().add_(EPSILON), value=-rate)
        parameter.index_copy_(0, rows, updated)
