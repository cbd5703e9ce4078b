"""From scores to units removed: ranks become losses on one scale, and the least loss per byte goes first."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.masking import mask
from helpers.shapes import shapes
from prunetext.models.encoded import Encoded
from prunetext.models.textcnn.model import TextCNN
from prunetext.pruning.choosing import MEASURED_SHARES, convex_slopes, kept_units, losses_of, remove_chunk, sample_loss
from prunetext.pruning.criteria.criterion import WORTHLESS
from prunetext.pruning.shrinking import all_kept

SHAPES = shapes(words=60, dimensions=12, width=4, filters=12)


def some_texts(words: int, seed: int = 0) -> Encoded:
    rng = np.random.default_rng(seed)
    offsets = np.arange(0, 41 * 5, 5)
    return Encoded(rng.integers(1, words + 2, 200).astype(np.int32), offsets, torch.from_numpy(rng.integers(0, 3, 40)))


def removed(kept: dict[str, np.ndarray]) -> dict[str, list[int]]:
    return {name: np.flatnonzero(~stays).tolist() for name, stays in kept.items() if not stays.all()}


@given(points=st.lists(st.tuples(st.floats(0.1, 5), st.floats(0, 10)), min_size=1, max_size=6))
def test_slopes_rise_and_stay_below_the_points(points: list[tuple[float, float]]) -> None:
    x = np.concatenate([[0], np.cumsum([gap for gap, _ in points])])
    y = np.array([0.0, *(height for _, height in points)])
    slopes = convex_slopes(x, y)
    assert slopes.shape == (len(points),)
    assert (np.diff(slopes) >= -1e-9).all()
    curve = np.concatenate([[0], np.cumsum(slopes * np.diff(x))])
    assert (curve <= y + 1e-9).all()
    assert curve[-1] == pytest.approx(y[-1])
    # It is the highest such curve: where it leaves a point, it is straight.
    for at in range(1, len(points)):
        assert curve[at] == pytest.approx(y[at]) or slopes[at] == pytest.approx(slopes[at - 1])


def test_a_convex_curve_is_left_as_it_is() -> None:
    assert convex_slopes(np.array([0.0, 2, 4, 5]), np.array([0.0, 0, 2, 8])).tolist() == [0, 1, 6]


@settings(max_examples=20)
@given(shape=SHAPES)
def test_losses_keep_the_ranks_and_add_up_to_what_was_measured(
    random_model: Callable[..., TextCNN], shape: dict[str, Any]
) -> None:
    model, sample = random_model(**shape), some_texts(shape["words"])
    rng = np.random.default_rng(0)
    scores = {group.name: rng.random(group.size) for group in model.groups()}
    losses = losses_of(model, model.groups(), scores, sample)
    for group in model.groups():
        loss = losses[group.name][np.argsort(scores[group.name])]
        assert loss.shape == (group.size,)
        assert (np.diff(loss) >= -1e-9).all()
        assert (loss >= 0).all()
        most = min(int(MEASURED_SHARES[-1] * group.size), group.size - group.floor)
        if most:
            kept = all_kept(model.groups())
            kept[group.name][np.argsort(scores[group.name])[:most]] = False
            rise = max(0.0, sample_loss(mask(model, kept), sample) - sample_loss(model, sample))
            assert loss[:most].sum() == pytest.approx(rise, abs=1e-6)
        else:
            assert np.isinf(loss).all()


@settings(max_examples=40)
@given(shape=SHAPES, share=st.floats(0, 1.1), constant=st.booleans())
def test_choose_reaches_the_target_or_every_floor(
    random_model: Callable[..., TextCNN], shape: dict[str, Any], share: float, constant: bool
) -> None:
    model = random_model(**shape)
    rng = np.random.default_rng(shape["seed"])
    scores = {g.name: np.zeros(g.size) if constant else rng.random(g.size) for g in model.groups()}
    losses = {}
    for name, score in scores.items():  # as `losses_of` gives them: no lower for a higher score
        rising = np.sort(rng.random(len(score)) if rng.random() < 0.8 else np.full(len(score), np.inf))
        losses[name] = rising[np.argsort(np.argsort(score, kind="stable"))]
    target = share * model.costs()["bytes"]({})
    kept = kept_units(model.groups(), losses, scores, target, model.costs()["bytes"])
    left = {group.name: (int(kept[group.name].sum()), group.floor) for group in model.groups()}
    assert all(count >= floor for count, floor in left.values())
    size = model.costs()["bytes"](kept)
    if any(count > floor for count, floor in left.values()):
        largest = max(group.costs["bytes"](kept).max() for group in model.groups())
        assert size <= target
        # And not far below it: no more than the last unit, or half a pass, takes.
        assert size > target - 2 * largest - 0.05 * model.costs()["bytes"]({}) or not removed(kept)
    for group in model.groups():  # within a group, the lowest scores went
        gone = scores[group.name][~kept[group.name]]
        assert not len(gone) or gone.max() <= scores[group.name][kept[group.name]].min()


def test_the_least_loss_per_byte_goes_first(random_model: Callable[..., TextCNN]) -> None:
    # A word costs 5 + 3.5 bytes, a filter of width 2 costs 10 + 4 · 3 + 4 · 3 · 1 = 34; dimensions are dear here.
    model = random_model(words=4, dimensions=5, filters={2: 4}, pooling="max")
    costs = {group.name: group.costs["bytes"](all_kept(model.groups())) for group in model.groups()}
    assert costs["vocabulary"].tolist() == [8.5] * 4
    assert costs["conv2.filters"].tolist() == [34.0] * 4
    losses = {
        "vocabulary": np.array([8.5, 3.4, 85, 0.85]),  # per byte 1, 0.4, 10, 0.1
        "dimensions": np.full(5, 1e9),
        "conv2.filters": np.array([6.8, 340, 34, 68]),  # per byte 0.2, 10, 1, 2
    }
    order = []
    for saved in (1, 9, 43, 52, 60):
        kept = kept_units(model.groups(), losses, losses, model.costs()["bytes"]({}) - saved, model.costs()["bytes"])
        order.append(removed(kept))
    assert order == [
        {"vocabulary": [3]},
        {"vocabulary": [3], "conv2.filters": [0]},
        {"vocabulary": [1, 3], "conv2.filters": [0]},
        {"vocabulary": [0, 1, 3], "conv2.filters": [0]},
        {"vocabulary": [0, 1, 3], "conv2.filters": [0, 2]},
    ]


def test_of_words_that_are_worth_the_same_the_rarest_go_first(random_model: Callable[..., TextCNN]) -> None:
    model = random_model(words=20, dimensions=3, filters={2: 2}, pooling="max")
    group = next(each for each in model.groups() if each.name == "vocabulary")
    scores = {"vocabulary": np.where(np.arange(20) % 4 == 0, 1.0, 0.0)}  # as where a sample lacks most words
    lost = {"vocabulary": np.zeros(20)}
    target = model.costs()["bytes"]({}) - 9.5 * group.costs["bytes"](all_kept([group]))[0]
    kept = kept_units((group,), lost, scores, target, model.costs()["bytes"])
    assert removed(kept) == {"vocabulary": [6, 7, 9, 10, 11, 13, 14, 15, 17, 18, 19][-10:]}


def test_worthless_units_go_whatever_the_target_is_but_never_all_of_a_group(
    random_model: Callable[..., TextCNN],
) -> None:
    model = random_model(words=4, dimensions=3, filters={2: 2})
    scores = {
        "vocabulary": np.array([1, WORTHLESS, 2, WORTHLESS]),
        "dimensions": np.arange(3.0),
        "conv2.filters": np.full(2, WORTHLESS),
    }
    losses = {name: np.ones(len(each)) for name, each in scores.items()}
    kept = kept_units(model.groups(), losses, scores, model.costs()["bytes"]({}), model.costs()["bytes"])
    assert removed(kept) == {"vocabulary": [1, 3], "conv2.filters": [0]}


def test_costs_are_asked_again(random_model: Callable[..., TextCNN]) -> None:
    # Words cost less once dimensions are gone, so that much is removed in several passes.
    model = random_model(words=60, dimensions=12, filters={2: 6})
    asked = 0

    def size(kept: dict[str, np.ndarray]) -> float:
        nonlocal asked
        asked += 1
        return model.costs()["bytes"](kept)

    even = {group.name: np.ones(group.size) for group in model.groups()}
    kept_units(model.groups(), even, even, model.costs()["bytes"]({}) * 0.7, size)
    assert asked > 10


def test_what_may_go_leaves_out_groups_at_their_floor_and_units_that_save_nothing(
    random_model: Callable[..., TextCNN],
) -> None:
    model = random_model(words=4, dimensions=3, filters={2: 1})
    groups = model.groups()
    kept = all_kept(groups)
    kept["dimensions"][:2] = False
    scores = {"vocabulary": np.array([3.0, 1, 2, 4]), "dimensions": np.zeros(3), "conv2.filters": np.zeros(1)}
    order = {name: np.argsort(each) for name, each in scores.items()}
    assert remove_chunk(groups, kept, scores, order, 1.0, "bytes") == 1
    assert removed(kept) == {"dimensions": [0, 1], "vocabulary": [1]}
    free = {name: 0 * each for name, each in scores.items()}
    idle = tuple(group._replace(costs={"bytes": lambda kept, name=group.name: free[name]}) for group in groups)
    assert remove_chunk(idle, kept, scores, order, 1.0, "bytes") == 0
    assert remove_chunk(groups, kept, scores, order, 1.0, "time") == 0  # one filter, which stays


def test_additions_are_saved_by_filters_and_taps_alone(random_model: Callable[..., TextCNN]) -> None:
    model = random_model(words=20, dimensions=4, filters={2: 6, 4: 6})
    groups = model.groups(("vocabulary", "filters", "taps"))
    rng = np.random.default_rng(0)
    scores = {group.name: rng.random(group.size) for group in groups}
    kept = kept_units(groups, scores, scores, 20, model.costs()["time"], "time")
    assert 16 < model.costs()["time"](kept) <= 20
    assert kept["vocabulary"].all()
    assert model.costs()["time"]({}) == 6 * 2 + 6 * 4
