"""A training that was killed goes on where it was, and ends with the same bits as one that was not."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from helpers.kills import KilledError
from helpers.training import PER_EPOCH, SETTINGS, Sets, assert_same, killed_at, train
from prunetext.training.settings import Settings

EACH_STEP = replace(SETTINGS, checkpoint_seconds=-1.0)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return tmp_path / "run.checkpoint"


def test_the_same_seed_gives_the_same_bits(sets: Sets) -> None:
    first = train(sets)
    torch.rand(7)  # whatever else draws in between
    assert_same(train(sets), first)
    other = train(sets, settings=Settings(**{**vars(SETTINGS), "seed": 1}))
    assert not torch.equal(other["head.weight"], first["head.weight"])


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("kills", [(1,), (PER_EPOCH - 1,), (PER_EPOCH,), (2, 3, 9, 17), (18,)])
def test_killed_and_resumed_equals_uninterrupted(
    sets: Sets, checkpoint: Path, kills: tuple[int, ...], rounded: bool
) -> None:
    whole = train(sets, rounded=rounded)
    for step in kills:
        with pytest.raises(KilledError):
            train(sets, rounded=rounded, settings=EACH_STEP, checkpoint=checkpoint, progress=killed_at(step))
    steps: list[int] = []
    resumed = train(sets, rounded=rounded, checkpoint=checkpoint, progress=lambda now: steps.append(now.done))
    assert_same(resumed, whole)
    assert steps == list(range(kills[-1] + 1, 3 * PER_EPOCH + 1))  # it went on, and did not begin again


def test_killed_before_the_first_checkpoint_it_begins_again(sets: Sets, tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        train(sets, checkpoint=tmp_path / "run.checkpoint", progress=killed_at(3))
    assert not list(tmp_path.iterdir())
    assert_same(train(sets, checkpoint=tmp_path / "run.checkpoint"), train(sets))


def test_a_checkpoint_older_than_the_kill_is_enough(sets: Sets, checkpoint: Path) -> None:
    times = iter([0.0, 9.0, 9.0, 9.0, *[11.0] * 99])  # when training begins, and after each step
    with pytest.raises(KilledError):
        train(sets, checkpoint=checkpoint, progress=killed_at(8), clock=lambda: next(times))
    steps: list[int] = []
    resumed = train(sets, checkpoint=checkpoint, progress=lambda now: steps.append(now.done))
    assert steps[0] == 5  # the fourth was written, 11 seconds after the beginning
    assert_same(resumed, train(sets))


def test_windows_are_drawn_again_alike_when_training_resumes(sets: Sets, checkpoint: Path) -> None:
    first, windows = train(sets), replace(EACH_STEP, window=3)
    whole = train(sets, settings=windows)
    assert not torch.equal(whole["embedding"], first["embedding"])
    with pytest.raises(KilledError):
        train(sets, settings=windows, checkpoint=checkpoint, progress=killed_at(8))
    assert_same(train(sets, settings=windows, checkpoint=checkpoint), whole)
