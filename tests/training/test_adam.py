"""Both kinds of Adam take the steps of PyTorch's own, whose compiler they do without."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter, functional

from prunetext.training.adam import Adam, DenseAdam, RowAdam

CODE = """
import sys, torch
from prunetext.training.adam import DenseAdam, RowAdam
rows, weights = torch.nn.Embedding(3, 2, sparse=True), torch.nn.Linear(2, 2)
weights(rows(torch.tensor([1]))).sum().backward()
for optimizer in (DenseAdam([*weights.parameters()], 0.1, 0.0), RowAdam([rows.weight], 0.1)):
    optimizer.step()
print("torch._dynamo" in sys.modules)
"""


def set_gradient(parameter: Parameter, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(0, len(parameter), (4,), generator=generator)  # some occur twice
    weight: Tensor = torch.randn(4, parameter.shape[1], generator=generator)
    parameter.grad = None
    (functional.embedding(rows, parameter, sparse=True) * weight).sum().backward()


def test_rows_take_the_steps_of_sparse_adam() -> None:
    start = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    ours, theirs = Parameter(start.clone()), Parameter(start.clone())
    fast, plain = RowAdam([ours], lr=0.1), torch.optim.SparseAdam([theirs], lr=0.1)
    for seed in range(20):
        fast.rate = plain.param_groups[0]["lr"] = 0.1 / (1 + seed)
        set_gradient(ours, seed)
        set_gradient(theirs, seed)
        fast.step()
        plain.step()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    assert not torch.equal(ours, start)


def test_rows_without_a_gradient_stay_bit_for_bit() -> None:
    parameter = Parameter(torch.randn(6, 3, generator=torch.Generator().manual_seed(0)))
    before = parameter.detach().clone()
    optimizer = RowAdam([parameter], lr=0.1)
    optimizer.step()  # no gradient at all
    assert torch.equal(parameter, before)
    functional.embedding(torch.tensor([1, 4]), parameter, sparse=True).sum().backward()
    optimizer.step()
    changed = (parameter != before).any(1)
    assert changed.tolist() == [False, True, False, False, True, False]


def test_dense_weights_take_the_steps_of_adamw_to_the_last_bit() -> None:
    generator = torch.Generator().manual_seed(0)
    starts = [torch.randn(size, generator=generator) for size in ((5, 3), (67,), (2, 3, 4), (3,))]
    ours, theirs = ([Parameter(each.clone()) for each in starts] for _ in range(2))
    fast = DenseAdam(ours, lr=0.1, weight_decay=0.01)
    plain = torch.optim.AdamW(theirs, lr=0.1, weight_decay=0.01, fused=True)
    for number in range(20):
        fast.rate = plain.param_groups[0]["lr"] = 0.1 / (1 + number)
        for one, other in list(zip(ours, theirs, strict=True))[: 3 + number % 2]:  # the last has one at times
            one.grad = torch.randn(one.shape, generator=generator)
            other.grad = one.grad.clone()
        fast.step()
        plain.step()
        ours[3].grad = theirs[3].grad = None
    for one, other, start in zip(ours, theirs, starts, strict=True):
        assert torch.equal(one, other)
        assert not torch.equal(one, start)


@pytest.mark.parametrize("kind", ["dense", "rows"])
def test_moments_that_are_put_back_go_on(kind: str) -> None:
    def make(parameter: Parameter) -> Adam:
        return DenseAdam([parameter], 0.1, 0.01) if kind == "dense" else RowAdam([parameter], 0.1)

    def steps(parameter: Parameter, optimizer: Adam, seeds: range) -> None:
        for seed in seeds:
            set_gradient(parameter, seed)
            assert parameter.grad is not None
            parameter.grad = parameter.grad if kind == "rows" else parameter.grad.to_dense()
            optimizer.step()

    whole = Parameter(torch.ones(6, 3))
    steps(whole, make(whole), range(9))
    first = Parameter(torch.ones(6, 3))
    optimizer = make(first)
    steps(first, optimizer, range(4))
    other = make(first)
    other.put(optimizer.moments())
    steps(first, other, range(4, 9))
    assert torch.equal(first, whole)


def test_no_compiler_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
