"""The optimizers take the steps of PyTorch's own, from whose state they also go on, and leave its compiler alone."""

import copy
import subprocess
import sys

import torch
from torch import Tensor
from torch.nn import Parameter, functional

from prunetext.models.textcnn.row_adam import EagerAdamW, RowAdam


def set_gradient(parameter: Parameter, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(0, len(parameter), (4,), generator=generator)  # some occur twice
    weight: Tensor = torch.randn(4, parameter.shape[1], generator=generator)
    parameter.grad = None
    (functional.embedding(rows, parameter, sparse=True) * weight).sum().backward()


def test_steps_equal_those_of_sparse_adam_even_after_a_change_of_optimizer() -> None:
    start = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    ours, theirs = Parameter(start.clone()), Parameter(start.clone())
    fast, plain = RowAdam([ours], lr=0.1), torch.optim.SparseAdam([theirs], lr=0.1)
    for seed in range(20):
        for parameter, optimizer in ((ours, fast), (theirs, plain)):
            set_gradient(parameter, seed)
            optimizer.step()
        if seed == 9:
            plain.load_state_dict(copy.deepcopy(fast.state_dict()))
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


def test_eager_steps_are_those_of_adamw_bit_for_bit() -> None:
    start = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    ours, theirs = Parameter(start.clone()), Parameter(start.clone())
    eager = EagerAdamW([ours], lr=0.1, weight_decay=0.01, fused=True)
    plain = torch.optim.AdamW([theirs], lr=0.1, weight_decay=0.01, fused=True)
    for seed in range(9):
        for parameter, optimizer in ((ours, eager), (theirs, plain)):
            parameter.grad = torch.randn(6, 3, generator=torch.Generator().manual_seed(seed))
            optimizer.step()
    assert torch.equal(ours, theirs)
    assert not torch.equal(ours, start)


def test_no_step_imports_the_compiler() -> None:
    code = """
import sys, torch
from prunetext.models.textcnn.row_adam import EagerAdamW, RowAdam
dense, rows = torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(3, 2))
for optimizer in (EagerAdamW([dense], fused=True), RowAdam([rows])):
    (dense.sum() + torch.nn.functional.embedding(torch.tensor([1]), rows, sparse=True).sum()).backward()
    optimizer.step()
assert "torch._dynamo" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
