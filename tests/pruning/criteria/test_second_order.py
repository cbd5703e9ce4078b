"""Fisher information and the optimal brain surgeon, against their formulas with matrices that are written out."""

from collections.abc import Callable
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from prunetext.errors import InputError
from prunetext.models.encoded import Encoded
from prunetext.models.groups import BYTES, Group
from prunetext.models.textcnn.model import TextCNN
from prunetext.pruning.choosing import PER_EXAMPLE, observe, rearranged_units, sample_loss
from prunetext.pruning.criteria.criterion import first_order, load_criterion
from prunetext.pruning.criteria.second_order import BLOCKS, LARGE_GROUP, blocks_of, compensation
from prunetext.pruning.shrinking import all_kept, shrink

Score = Callable[..., dict[str, np.ndarray]]
Texts = Callable[..., Encoded]
Model = Callable[..., TextCNN]


def test_fisher_is_half_the_mean_over_texts_of_squares(tiny: Any, scored: Score) -> None:
    texts = tiny.gradients([np.array([row]) for row in range(66)])
    found = scored("fisher", tiny.model, tiny.sample)
    for name, each in tiny.units.items():
        expected = [np.mean([np.dot(w, text[name][unit]) ** 2 for text in texts]) / 2 for unit, w in enumerate(each)]
        assert found[name].tolist() == pytest.approx(expected, rel=1e-4), name


def test_criteria_of_single_texts_see_some_hundreds(random_model: Model, some_texts: Texts, scored: Score) -> None:
    model, texts = random_model(), some_texts(7, texts=PER_EXAMPLE + 40)
    first = texts.subset(np.arange(PER_EXAMPLE))
    for text in ("fisher", "obs"):
        whole, part = scored(text, model, texts), scored(text, model, first)
        assert all(np.array_equal(whole[name], part[name]) for name in whole)


def rows_of_gradients(model: TextCNN, texts: Encoded, name: str) -> np.ndarray:
    """The gradient of each text's loss with respect to one parameter, (texts, weights)."""
    found = []
    for row in range(len(texts)):
        rows = np.array([row])
        loss = functional.cross_entropy(model(texts.take(rows)), texts.targets[rows])
        (grad,) = torch.autograd.grad(loss, model.get_parameter(name))
        found.append(grad.double().flatten().numpy())
    return np.array(found)


@pytest.mark.parametrize("damping", [0.0, 0.1, 2.0])
def test_obs_scores_single_weights_by_the_inverse_of_the_fisher_information(
    random_model: Model, some_texts: Texts, scored: Score, damping: float
) -> None:
    model, texts = random_model(words=9, dimensions=3, filters={1: 2}), some_texts(9, texts=200)
    w = model.conv(1).weight.detach().double().flatten().numpy()
    g = rows_of_gradients(model, texts, "conv1.weight")
    fisher = g.T @ g / len(texts)
    # The damping is that of masks, in which a weight is one unit whatever its size.
    fisher += np.diag(damping * np.mean(np.diag(fisher) * w**2) / w**2)
    expected = w**2 / (2 * np.diag(np.linalg.inv(fisher)))
    found = scored(f"obs:damping={damping:g}", model, texts, kinds=("weights",))["conv1.weight.single"]
    np.testing.assert_allclose(found, expected, rtol=2e-3)
    assert not np.allclose(found, w**2 * np.diag(fisher) / 2, rtol=0.05)  # the other weights' part is in it


def test_obs_lets_the_other_weights_make_up_for_what_goes(random_model: Model, some_texts: Texts) -> None:
    model, texts = random_model(words=9, dimensions=3, filters={1: 2}), some_texts(9, texts=200)
    before = {name: each.clone() for name, each in model.state_dict().items()}
    w = model.conv(1).weight.detach().double().flatten().numpy().copy()
    g = rows_of_gradients(model, texts, "conv1.weight")
    inverse = np.linalg.inv(g.T @ g / len(texts))
    criterion, groups = load_criterion("obs:damping=0"), model.groups(("weights",))
    state = criterion.init(model, groups, 0)
    observe(model, criterion, groups, state, texts)
    gone = 4
    kept = all_kept(groups)
    kept["conv1.weight.single"][gone] = False
    assert criterion.remove is not None
    criterion.remove(state, model, groups, kept)
    update = -w[gone] / inverse[gone, gone] * inverse[:, gone]  # Hassibi and Stork, eq. 5
    stays = np.arange(6) != gone
    now = model.conv(1).weight.detach().double().flatten().numpy()
    np.testing.assert_allclose((now - w)[stays], update[stays], rtol=5e-3, atol=1e-4)
    assert np.abs(update[stays]).max() > 0.01
    for name, each in model.state_dict().items():  # and nothing else moves
        assert name == "conv1.weight" or torch.equal(each, before[name])
    assert shrink(model, kept).conv(1).weight.flatten()[gone] == 0


def twice_the_same(model: TextCNN, kind: str) -> None:
    """Let units of a kind share their work evenly with one other unit."""
    with torch.no_grad():
        for width in model.widths:
            conv = model.conv(width)
            if kind == "filters":
                conv.weight[1], conv.bias[1] = conv.weight[0], conv.bias[0]
            elif kind == "dimensions":
                conv.weight[:, :, 1] = conv.weight[:, :, 0]
        if kind == "filters":
            head = model.head.weight.view(len(model.head.bias), -1, 3)
            head[:, :, 1] = head[:, :, 0]
        else:
            model.embedding[:, 1] = model.embedding[:, 0]


@pytest.mark.parametrize("kind", ["filters", "dimensions"])
def test_what_another_unit_duplicates_costs_nothing_and_the_other_takes_over(
    random_model: Model, some_texts: Texts, scored: Score, kind: str
) -> None:
    model, texts = random_model(words=9, dimensions=3, filters={2: 3}), some_texts(9, texts=200)
    twice_the_same(model, kind)
    criterion, groups = load_criterion("obs:damping=0.00001"), model.groups((kind,))
    (group,) = groups
    state = criterion.init(model, groups, 0)
    observe(model, criterion, groups, state, texts)
    alone = scored("fisher", model, texts, kinds=(kind,))[group.name]  # what it costs if nothing makes up for it
    share = criterion.score(state, model, group) / alone
    assert share[:2].max() < 1e-3 < 0.01 < share[2]
    kept = {group.name: np.array([True, False, True])}
    before, worse = sample_loss(model, texts), sample_loss(shrink(model, kept), texts)
    assert criterion.remove is not None
    criterion.remove(state, model, groups, kept)
    after = sample_loss(shrink(model, kept), texts)
    assert abs(after - before) < 1e-3 < 0.01 < abs(worse - before)


def test_blocks_hold_units_that_follow_one_another() -> None:
    blocks = blocks_of(torch.arange(1.0, 71))
    assert blocks.shape == (3, BLOCKS[0])
    assert blocks[1, 0] == 33
    assert blocks[2].tolist() == [*range(65, 71), *[0] * 26]
    assert blocks_of(torch.ones(5)).shape == (1, 5)
    assert blocks_of(torch.ones(LARGE_GROUP)).shape == (LARGE_GROUP // BLOCKS[1], BLOCKS[1])


def test_compensation_stays_within_its_block_and_survivors() -> None:
    rng = np.random.default_rng(0)
    roots = torch.from_numpy(rng.normal(size=(3, 8, 4)))
    matrix = roots.transpose(1, 2) @ roots
    stays = torch.tensor([[True, True, True, True], [True, False, True, True], [False, False, False, False]])
    change = compensation(matrix, stays)
    assert change[0].eq(0).all()
    assert change[2].eq(0).all()
    left = [0, 2, 3]
    expected = torch.linalg.inv(matrix[1][left][:, left]) @ matrix[1][left, 1]
    torch.testing.assert_close(change[1, left], expected)
    assert change[1, 1] == 0


def test_more_damping_makes_up_for_less(random_model: Model, some_texts: Texts) -> None:
    texts, moved = some_texts(9, texts=200), []
    for damping in ("0.001", "0.1", "10"):
        model = random_model(words=9, dimensions=3, filters={1: 6})
        before = model.conv(1).weight.detach().clone()
        criterion, groups = load_criterion(f"obs:damping={damping}"), model.groups(("weights",))
        state = criterion.init(model, groups, 0)
        observe(model, criterion, groups, state, texts)
        kept = all_kept(groups)
        kept["conv1.weight.single"][::2] = False
        assert criterion.remove is not None
        criterion.remove(state, model, groups, kept)
        moved.append(float((model.conv(1).weight.detach() - before).abs().sum()))
    assert all(more > less > 0 for more, less in pairwise(moved))
    assert moved[-1] < 0.3 * moved[0]


@pytest.mark.parametrize("kind", ["filters", "dimensions"])
def test_fisher_rearranges_by_the_pairs_that_go_together(
    random_model: Model, some_texts: Texts, scored: Score, kind: str
) -> None:
    model, texts = random_model(words=9, dimensions=6, filters={2: 6}), some_texts(9, texts=120)
    criterion, groups = load_criterion("fisher:rearrange=1"), model.groups((kind,))
    (group,), state = groups, criterion.init(model, groups, 0)
    observe(model, criterion, groups, state, texts)
    scores = criterion.score(state, model, group)
    assert np.array_equal(scores, scored("fisher", model, texts, kinds=(kind,))[group.name])
    falls = np.array([observed_fall(model, texts, group, row) for row in range(len(texts))])

    def cost(kept: np.ndarray) -> float:
        return float(np.square(falls[:, ~kept].sum(1)).mean() / 2)

    for count in range(1, 6):
        kept = ~np.isin(np.arange(6), np.argsort(scores)[:count])
        found = rearranged_units(criterion, state, groups, {group.name: kept})[group.name]
        assert found.sum() == kept.sum()
        assert cost(found) <= cost(kept) + 1e-9
        for out, back in product(np.flatnonzero(found), np.flatnonzero(~found)):
            other = found.copy()
            other[out], other[back] = False, True
            assert cost(other) >= cost(found) * (1 - 1e-4)


def observed_fall(model: TextCNN, texts: Encoded, group: Group, row: int) -> np.ndarray:
    """The fall of one text's loss by each unit, to first order."""
    model.zero_grad()
    rows = np.array([row])
    functional.cross_entropy(model(texts.take(rows)), texts.targets[rows]).backward()
    return first_order(model, group).double().numpy()


def test_units_that_cost_more_than_others_are_not_exchanged(random_model: Model, some_texts: Texts) -> None:
    model, texts = random_model(words=9), some_texts(9, texts=60)
    criterion, groups = load_criterion("fisher:rearrange=1"), model.groups(("vocabulary", "filters"))
    state = criterion.init(model, groups, 0)
    observe(model, criterion, groups, state, texts)
    (words,) = (group for group in groups if group.kind == "vocabulary")
    kept = {**all_kept(groups), words.name: np.arange(9) < 5}
    costs = {BYTES: lambda kept: np.arange(9.0)}
    uneven = tuple(group._replace(costs=costs) if group is words else group for group in groups)
    assert np.array_equal(rearranged_units(criterion, state, uneven, kept)[words.name], kept[words.name])
    assert rearranged_units(load_criterion("fisher"), state, groups, kept) is kept


def test_rearranging_is_on_or_off() -> None:
    assert load_criterion("fisher").rearrange is None
    assert load_criterion("fisher:rearrange=0").rearrange is None
    with pytest.raises(InputError, match="rearrange=2 is not a whole number from 0 to 1"):
        load_criterion("fisher:rearrange=2")
