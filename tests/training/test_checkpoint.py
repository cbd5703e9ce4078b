"""A checkpoint holds everything that the next step depends on, and is whole at every moment."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from prunetext.errors import DamagedError
from prunetext.models.tensors import load_tensors, save_tensors
from prunetext.models.textcnn.model import TextCNN
from prunetext.training.checkpoint import Checkpoint


def optimizers_of(model: TextCNN) -> list[torch.optim.Optimizer]:
    dense = [parameter for name, parameter in model.named_parameters() if name != "embedding"]
    return [torch.optim.AdamW(dense, lr=0.01), torch.optim.SparseAdam([model.embedding], lr=0.01)]


def step(model: TextCNN, optimizers: list[torch.optim.Optimizer]) -> None:
    ids = torch.tensor([[2, 3, 4], [5, 6, 0]])
    for optimizer in optimizers:
        optimizer.zero_grad()
    functional.cross_entropy(model(ids), torch.tensor([0, 1])).backward()
    for optimizer in optimizers:
        optimizer.step()


def test_what_is_restored_goes_on_as_if_nothing_had_happened(
    random_model: Callable[..., TextCNN], tmp_path: Path
) -> None:
    model = random_model()
    optimizers = optimizers_of(model)
    state = Checkpoint(tmp_path / "state", model, optimizers)
    step(model, optimizers)
    step(model, optimizers)
    state.judge(0.75, 0.5)
    step(model, optimizers)
    model.fit_grid()
    state.step = 3
    state.save()

    other = random_model(seed=1)
    others = optimizers_of(other)
    again = Checkpoint(tmp_path / "state", other, others)
    again.restore()
    assert (again.step, again.bad_epochs, again.accuracy, again.loss) == (3, 0, 0.75, 0.5)
    assert other.grid().keys() == model.grid().keys() > set()
    assert all(torch.equal(other.grid()[name], tensor) for name, tensor in model.grid().items())
    assert again.best.keys() == state.best.keys()
    assert all(torch.equal(again.best[name], tensor) for name, tensor in state.best.items())
    step(model, optimizers)
    step(other, others)
    for ours, theirs in zip(other.parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    again.restore_best()
    assert all(torch.equal(parameter, state.best[name]) for name, parameter in other.named_parameters())


def test_without_a_file_nothing_is_restored(random_model: Callable[..., TextCNN], tmp_path: Path) -> None:
    model = random_model()
    before = model.head.weight.clone()
    for path in (None, tmp_path / "state"):
        state = Checkpoint(path, model, optimizers_of(model))
        state.restore()
        state.restore_best()
        assert (state.step, state.accuracy) == (0, None)
    assert torch.equal(model.head.weight, before)


def test_best_means_more_accurate_or_as_accurate_at_a_lower_loss(random_model: Callable[..., TextCNN]) -> None:
    model = random_model()
    state = Checkpoint(None, model, [])
    marks = []
    for mark, (accuracy, loss) in enumerate([(0.5, 1.0), (0.4, 0.1), (0.5, 0.9), (0.5, 0.95), (0.6, 2.0)]):
        model.head.bias.data.fill_(mark)
        state.judge(accuracy, loss)
        marks.append((float(state.best["head.bias"][0]), state.bad_epochs))
    assert marks == [(0, 0), (0, 1), (2, 2), (2, 3), (4, 0)]


def test_equal_contents_give_equal_bytes(tmp_path: Path) -> None:
    keys = [f"key {number}" for number in range(9)]
    files = set()
    for order in (keys, keys[::-1], keys[4:] + keys[:4]):
        save_tensors(tmp_path / "file", {"a": torch.ones(2), "ø": torch.zeros(1)}, dict.fromkeys(order, 'say "ø"'))
        files.add((tmp_path / "file").read_bytes())
    assert len(files) == 1
    assert load_tensors(tmp_path / "file")[1] == dict.fromkeys(keys, 'say "ø"')


def test_tensors_that_are_views_are_saved(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    whole = torch.arange(6.0).view(2, 3)
    save_tensors(tmp_path / "file", {"turned": whole.T}, {})
    assert torch.equal(load_file(tmp_path / "file")["turned"], whole.T)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    save_tensors(path, {"weight": torch.zeros(100)}, {})
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedError, match=r"file: this file is damaged .* Delete it, and it is made again\.$"):
        load_tensors(path)


def weights(model: TextCNN) -> dict[str, torch.Tensor]:
    return {name: each.detach().clone() for name, each in model.named_parameters()}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"model.head.bias": torch.zeros(1)},
        {"model.head.bias": torch.tensor([float("nan"), 0])},
        {"mean.head.bias": None},
        {"model.embedding": None},
        {"best.more": torch.zeros(1)},
        {"grid.table": torch.zeros(1)},
        {"noted.sums": torch.zeros(3)},
        {"noted": torch.zeros(3)},
        {"optimizer.0": torch.zeros(1)},
        {"optimizer.9.0.step": torch.zeros(1)},
        {"optimizer.0.99.exp_avg": torch.zeros(2)},
        {"optimizer.0.0.exp_avg": torch.zeros(2)},
        {"optimizer.1.0.step": torch.tensor(float("nan"))},
        {"other": torch.zeros(1)},
        {"state": "[" * 10_000},
        {"state": "{}"},
        {"state": '{"step": 1}'},
        {"state": '{"step": null, "bad_epochs": 0, "accuracy": 0.5, "loss": 0.5}'},
        {"state": '{"step": 1, "bad_epochs": 0, "accuracy": 0.5, "loss": 0.5, "path": "elsewhere"}'},
        {"state": None},
    ],
)
def test_a_checkpoint_of_something_else_is_deleted_and_nothing_is_changed(
    random_model: Callable[..., TextCNN], tmp_path: Path, change: dict[str, Any]
) -> None:
    model = random_model()
    optimizers = optimizers_of(model)
    state = Checkpoint(tmp_path / "state", model, optimizers)
    step(model, optimizers)
    state.judge(0.75, 0.5)
    state.step = 1
    state.save()
    tensors, metadata = load_tensors(tmp_path / "state")
    found = {**tensors, **metadata, **change}
    changed = {name: each for name, each in found.items() if isinstance(each, torch.Tensor)}
    save_tensors(tmp_path / "state", changed, {name: each for name, each in found.items() if isinstance(each, str)})
    if not change:
        (tmp_path / "state").write_bytes((tmp_path / "state").read_bytes()[:-1] + b"x")
    other = random_model(seed=1)
    before = weights(other)
    again = Checkpoint(tmp_path / "state", other, optimizers_of(other), {"sums": torch.zeros(2)})
    again.restore()
    assert not (tmp_path / "state").exists()
    assert (again.step, again.accuracy, again.best) == (0, None, {})
    assert all(torch.equal(before[name], each) for name, each in weights(other).items())
    assert not other.grid()


def test_what_stands_in_the_place_of_a_checkpoint_is_left_alone(
    random_model: Callable[..., TextCNN], tmp_path: Path
) -> None:
    model = random_model()
    (tmp_path / "state").mkdir()
    with pytest.raises(DamagedError, match=r"no regular file.*Delete it"):
        Checkpoint(tmp_path / "state", model, optimizers_of(model)).restore()
