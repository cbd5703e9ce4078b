"""Lasso: a proximal step takes whole units, or single weights, to exactly zero, and never all of a group."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prunetext.models.textcnn.grouping import STRUCTURE, TEXTCNN_KINDS
from prunetext.models.textcnn.model import TextCNN
from prunetext.pruning.criteria.criterion import WORTHLESS, change_size, load_criterion

Model = Callable[..., TextCNN]
Score = Callable[..., dict[str, np.ndarray]]
SOFT = tuple(kind for kind in TEXTCNN_KINDS if kind != "bits")


def soften(text: str, model: TextCNN, kinds: tuple[str, ...], rate: float = 0.1) -> dict[str, torch.Tensor]:
    """One proximal step; the change of each parameter."""
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    after_step = load_criterion(text).after_step
    assert after_step is not None
    after_step(model, model.groups(kinds), rate)
    return {name: each.detach() - before[name] for name, each in model.named_parameters()}


def tensor(values: object) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)


def test_the_score_is_the_share_of_a_groups_absolute_weights(tiny: Any, scored: Score) -> None:
    found, small = (scored(text, tiny.model, tiny.sample) for text in ("lasso", "lasso:threshold=1"))
    for name, each in tiny.units.items():
        sizes = np.abs(np.array(each)).sum(1)
        shares = sizes / sizes.sum()
        np.testing.assert_allclose(found[name], shares, rtol=1e-6)
        # At most threshold ÷ units is worthless: here a half, so that the smaller of two always is.
        np.testing.assert_allclose(small[name], np.where(shares > 0.5, shares, WORTHLESS), rtol=1e-6)


def test_a_word_equal_to_the_unknown_word_is_worthless(tiny: Any, scored: Score) -> None:
    tiny.model.embedding.data[3] = tiny.model.embedding.data[1]
    assert scored("lasso", tiny.model, tiny.sample)["vocabulary"][1] == WORTHLESS


# A dimension has an entry in the padding row, too, which is always zero.
@pytest.mark.parametrize(("kind", "entries"), [("vocabulary", 2), ("dimensions", 6), ("conv1.filters", 5)])
def test_the_group_penalty_shortens_units_as_wholes(tiny: Any, kind: str, entries: int) -> None:
    change = soften("lasso:strength=1", tiny.model, (kind.removeprefix("conv1."),))
    norms = [float(np.linalg.norm(unit)) for unit in tiny.units[kind]]
    largest, other = int(np.argmax(norms)), int(np.argmin(norms))
    factor = max(1 - 0.1 * entries**0.5 / norms[other], 0)
    away = (factor - 1) * tensor(tiny.units[kind][other])
    moved = {
        "vocabulary": lambda unit: change["embedding"][2 + unit],
        "dimensions": lambda unit: torch.cat([change["embedding"][1:, unit], change["conv1.weight"][:, 0, unit]]),
        "conv1.filters": lambda unit: torch.cat(
            [change["conv1.weight"][unit, 0], change["conv1.bias"][unit : unit + 1], change["head.weight"][:, unit]]
        ),
    }[kind]
    torch.testing.assert_close(moved(other), away)
    assert away.any()
    assert not moved(largest).any()  # the group's last unit is left alone
    assert sum(int(each.ne(0).sum()) for each in change.values()) == int(away.ne(0).sum())


def test_the_group_penalty_gives_zeros_that_are_exact_and_of_whole_units(random_model: Model) -> None:
    model = random_model(words=60, dimensions=8, filters={1: 6, 2: 12})
    with torch.no_grad():
        model.embedding[2:40] = model.embedding[1] + 0.05 * torch.randn(38, 8)
        model.conv(2).weight[:9] *= 0.01
        model.conv(2).bias[:9] *= 0.01
        model.head.weight.view(3, 2, 18)[:, :, 6:15] *= 0.01
    unknown = model.embedding[1].clone()
    soften("lasso:strength=1", model, ("vocabulary", "filters"))
    assert torch.equal(model.embedding[2:40], unknown.expand(38, 8))
    assert not model.embedding[40:].eq(unknown).any()
    assert not model.conv(2).weight[:9].any()
    assert model.conv(2).bias[:9].eq(0).all()
    assert model.head.weight.view(3, 2, 18)[:, :, 6:15].eq(0).all()
    assert model.conv(2).weight[9:].ne(0).all()
    assert model.conv(1).weight.ne(0).all()


def test_the_l1_penalty_takes_weights_one_by_one_and_no_bias(tiny: Any) -> None:
    model = tiny.model
    soften("lasso:strength=2,penalty=l1", model, ("filters",))  # every weight by 0.2 towards zero
    assert model.conv(1).weight[:, 0].tolist() == [pytest.approx((3, 4)), [0.0, 0.0]]  # the largest is left alone
    torch.testing.assert_close(model.head.weight.detach(), tensor([(0.1, 0.0), (-0.1, 0.0)]))
    assert model.conv(1).bias.tolist() == pytest.approx([0.2, 0.3])
    soften("lasso:strength=2,penalty=l1", model, ("vocabulary",))
    torch.testing.assert_close(model.embedding.detach()[1:], tensor([(0.5, -0.5), (1.3, 0.3), (0.5, 2.0)]))


@pytest.mark.parametrize("penalty", ["group", "l1"])
def test_both_penalties_are_the_same_for_single_weights(random_model: Model, penalty: str) -> None:
    model = random_model(words=9, dimensions=4, filters={2: 3})
    before = model.conv(2).weight.detach().clone()
    soften(f"lasso:strength=3,penalty={penalty}", model, ("weights",))
    expected = torch.nn.functional.softshrink(before, 0.3)
    largest = before.abs().flatten().argmax()
    expected.view(-1)[largest] = before.flatten()[largest]
    torch.testing.assert_close(model.conv(2).weight.detach(), expected)
    assert 0 < int(expected.eq(0).sum()) < expected.numel()
    assert torch.equal(model.conv(2).weight == 0, expected == 0)


@settings(max_examples=40)
@given(
    strength=st.floats(0, 1e6) | st.just(1e6),
    penalty=st.sampled_from(["group", "l1"]),
    seed=st.integers(0, 2**31),
    kind=st.sampled_from(SOFT),
    equal=st.booleans(),
)
def test_no_strength_ever_empties_a_group(
    random_model: Model, strength: float, penalty: str, seed: int, kind: str, equal: bool
) -> None:
    model = random_model(words=6, dimensions=4, filters={2: 3}, seed=seed)
    if equal:
        with torch.no_grad():
            model.embedding[2:] = 1.0
            model.conv(2).weight.fill_(1.0)
    for _ in range(3):
        soften(f"lasso:strength={strength!r},penalty={penalty}", model, (kind,))
    for group in model.groups((kind,)):
        left = change_size(model, group, power=2)
        assert left.isfinite().all()
        assert int(left.gt(0).sum()) >= group.floor


@pytest.mark.parametrize("penalty", ["group", "l1"])
@pytest.mark.parametrize("kind", SOFT)
def test_static_dimensions_are_never_touched(random_model: Model, kind: str, penalty: str) -> None:
    model = random_model(words=9, dimensions=4, filters={2: 3}, static=2, bigrams=5)
    change = soften(f"lasso:strength=5,penalty={penalty}", model, (kind,))
    assert not change["embedding"][:, :2].any()
    assert any(each.any() for each in change.values())


def test_zero_strength_changes_nothing(random_model: Model) -> None:
    for penalty in ("group", "l1"):
        change = soften(f"lasso:strength=0,penalty={penalty}", random_model(), STRUCTURE)
        assert not any(each.any() for each in change.values())
