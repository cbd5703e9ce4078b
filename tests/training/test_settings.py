"""Warm-up, several batches to a step, batches counted in tokens, and products of few bits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.kills import KilledError
from helpers.toy_family import Bag
from helpers.training import LONGER, SETTINGS, Sets, assert_same, killed_at, new_model, train, weights
from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Model, Rates
from prunetext.models.tensors import load_tensors
from prunetext.models.textcnn.model import TextCNN
from prunetext.training.batches import batches
from prunetext.training.loop import Course, Hooks, computing, train_model
from prunetext.training.settings import Settings


def test_the_learning_rate_rises_while_training_warms_up_and_then_falls_from_its_full_height(sets: Sets) -> None:
    rates: list[list[float]] = []
    for warmup in (0.0, 1 / 3):
        rates.append([])
        hooks = Hooks(after_step=lambda model, rate: rates[-1].append(rate))
        train_model(new_model(sets[2]), sets[0], sets[1], replace(SETTINGS, warmup=warmup), hooks=hooks)
    cold, warm = rates
    assert len(warm) == 18
    assert warm[:6] == pytest.approx([SETTINGS.learning_rate * (step + 1) / 7 for step in range(6)])
    for rates_of, rising in ((cold, 0), (warm, 6)):
        falling = [1 - 0.95 * step / (18 - rising) for step in range(18 - rising)]
        assert rates_of[rising:] == pytest.approx([SETTINGS.learning_rate * share for share in falling])


def first_gradients(sets: Sets, settings: Settings) -> dict[str, torch.Tensor]:
    """Those of the first step, in which nothing is drawn but the batches."""
    model, found = new_model(sets[2]), {}
    model.dropout = 0.0

    def note(now: TextCNN) -> None:
        for name, each in now.named_parameters():
            assert each.grad is not None
            found.setdefault(name, each.grad.to_dense().clone())

    train_model(model, sets[0], sets[1], settings, hooks=Hooks(note))
    return found


def test_two_batches_of_eight_make_the_step_of_one_of_sixteen(sets: Sets) -> None:
    few = sets[0].subset(np.arange(16)), sets[1], sets[2]
    settings = replace(SETTINGS, epochs=1, word_dropout=0.0)
    whole = first_gradients(few, settings)
    halves = first_gradients(few, replace(settings, batch_size=8, accumulate=2))
    for name, each in whole.items():
        assert each.any()
        torch.testing.assert_close(halves[name], each, rtol=1e-5, atol=1e-7)
    course = Course(sets[0], replace(SETTINGS, batch_size=8, accumulate=2))
    assert course.per_epoch == 6  # of 12 batches
    assert sorted(np.concatenate([row for step in range(6) for row in course.rows(step)]).tolist()) == list(range(90))


@pytest.mark.parametrize("tokens", [7, 40, 200])
def test_batches_counted_in_tokens_hold_each_text_once_and_are_as_many_in_each_epoch(tokens: int) -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 12, 300)
    ids = np.ones(lengths.sum(), np.int32)
    texts = Encoded(ids, np.concatenate([[0], np.cumsum(lengths)]), torch.zeros(300, dtype=torch.int64))
    epochs = [batches(texts, 16, 0, epoch, tokens) for epoch in range(3)]
    assert len({len(rows) for rows in epochs}) == 1
    for rows in epochs:
        assert sorted(np.concatenate(rows).tolist()) == list(range(300))
        assert all(len(each) == 1 or len(each) * lengths[each].max() <= tokens for each in rows)
    assert [each.tolist() for each in epochs[0]] != [each.tolist() for each in epochs[1]]
    steps = Course(texts, Settings(epochs=2, batch_tokens=tokens))
    assert steps.total == 2 * len(epochs[0])


def test_what_is_learnt_in_batches_of_tokens_is_learnt(sets: Sets) -> None:
    assert train_model(new_model(sets[2]), sets[0], sets[1], replace(LONGER, batch_tokens=160)).accuracy == 1.0


def test_products_in_bfloat16_are_those_of_weights_that_have_just_changed(sets: Sets) -> None:
    model = new_model(sets[2])
    with torch.no_grad(), computing(replace(SETTINGS, precision="bfloat16")):
        model.train()
        before = model(sets[1].take(np.arange(4)))
        for each in model.parameters():
            each.zero_()
        after = model(sets[1].take(np.arange(4)))
    assert bool(before.any())
    assert not bool(after.any())


def test_bfloat16_learns_other_weights_and_resumes_to_the_bit(sets: Sets, tmp_path: Path) -> None:
    short = replace(SETTINGS, precision="bfloat16", checkpoint_seconds=-1.0)
    whole, path = train(sets, settings=short), tmp_path / "run.checkpoint"
    assert not torch.equal(whole["head.weight"], train(sets)["head.weight"])
    assert {each.dtype for each in whole.values()} == {torch.float32}
    with pytest.raises(KilledError):
        train(sets, settings=short, checkpoint=path, progress=killed_at(8))
    assert_same(train(sets, settings=short, checkpoint=path), whole)
    model = new_model(sets[2])
    assert train_model(model, sets[0], sets[1], replace(LONGER, precision="bfloat16")).accuracy > 0.9
    assert all(each.isfinite().all() for each in weights(model).values())


def bag_of(sets: Sets) -> Bag:
    torch.manual_seed(0)
    return Bag(sets[2], classes=3)


@pytest.mark.parametrize("clip", [None, 0.01])
def test_the_gradients_of_a_step_are_scaled_down_to_a_norm(sets: Sets, clip: float | None) -> None:
    before: list[torch.Tensor] = []
    after: list[torch.Tensor] = []

    def gradients(model: Model) -> torch.Tensor:
        return torch.cat([each.grad.flatten().clone() for each in model.parameters() if each.grad is not None])

    hooks = Hooks(lambda now: before.append(gradients(now)), lambda now, rate: after.append(gradients(now)))
    train_model(bag_of(sets), sets[0], sets[1], replace(SETTINGS, epochs=1, clip=clip), hooks=hooks)
    assert len(before) == len(after) == 6
    for all_of_it, used in zip(before, after, strict=True):
        assert all_of_it.norm() > 0.01
        torch.testing.assert_close(used, all_of_it if clip is None else all_of_it / all_of_it.norm() * clip)


def test_a_plain_model_trains_each_part_at_its_own_rate_and_leaves_alone_what_is_frozen() -> None:
    model, rates = Bag(20), Rates(body=1.0, table=2.0, decay=0.0, head=3.0)

    def rate_of(rates: Rates) -> dict[str, float]:
        name_of = {id(each): name for name, each in model.named_parameters()}
        (optimizer,) = model.optimizers(rates, lambda name: name == "hidden.bias")
        return {name_of[id(each)]: group["lr"] for group in optimizer.param_groups for each in group["params"]}

    wanted = {"table": 2.0, "hidden.weight": 1.0, "head.weight": 3.0, "head.bias": 3.0}
    assert rate_of(rates) == wanted
    assert rate_of(rates._replace(head=None)) == {**wanted, "head.weight": 1.0, "head.bias": 1.0}
    model.table.requires_grad_(False)
    assert rate_of(rates) == {name: rate for name, rate in wanted.items() if name != "table"}


@pytest.mark.parametrize("averaging", [0.0, 0.7])
def test_without_dev_the_last_weights_are_kept_and_a_killed_training_has_them_too(
    sets: Sets, averaging: float, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, epochs=2, averaging=averaging, checkpoint_seconds=-1.0)
    last: dict[str, torch.Tensor] = {}
    model = new_model(sets[2])
    hooks = Hooks(after_step=lambda now, rate: last.update(weights(now)))
    done = train_model(model, sets[0], None, settings, hooks=hooks)
    assert (done.epochs, done.ended) == (2, None)
    whole, path = weights(model), tmp_path / "run.checkpoint"
    same = [torch.equal(whole[name], each) for name, each in last.items()]
    assert all(same) if averaging == 0 else not any(same)  # else they are the average of the last ones
    with pytest.raises(KilledError):
        train_model(new_model(sets[2]), sets[0], None, settings, checkpoint=path, progress=killed_at(8))
    kept = {name.partition(".")[0] for name in load_tensors(path)[0]}
    assert kept == {"model", "optimizer"} | ({"mean"} if averaging else set())
    resumed = new_model(sets[2])
    train_model(resumed, sets[0], None, settings, checkpoint=path)
    assert_same(weights(resumed), whole)
