"""A guide is asked about each batch as it comes: it teaches what answers before a training teach, and hidden states."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from helpers.kills import KilledError
from helpers.training import PER_EPOCH, SETTINGS, Sets, assert_same, killed_at, new_model, train, weights
from prunetext.models.encoded import UNLABELLED
from prunetext.models.textcnn.layout import Shape
from prunetext.models.textcnn.model import TextCNN
from prunetext.training.answering import logits
from prunetext.training.guiding import Guide, apart
from prunetext.training.loop import Course, train_model

TAUGHT = replace(SETTINGS, states=0.0, word_dropout=0.0)
SPECIFIC = replace(TAUGHT, states=1.0)


class Watched(TextCNN):
    """A model that counts the texts it is asked about; its hidden states are its logits."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self.asked = 0

    def forward(self, ids: Tensor) -> Tensor:
        """Logits."""
        self.asked += len(ids)
        return super().forward(ids)

    def revealed(self, batch: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Logits, twice."""
        found = self(batch)
        return found, {"0": found, "gone": found}


def watched(words: int, seed: int) -> Watched:
    """An untrained one with large weights: it has opinions."""
    torch.manual_seed(seed)
    model = Watched(Shape(words, 8, {1: 4}, classes=3, pooling="max"))
    with torch.no_grad():
        model.head.weight.mul_(4)
    return model.eval()


@pytest.fixture
def guide(sets: Sets) -> Guide:
    return Guide(watched(sets[2], seed=7))


def test_it_teaches_as_answers_that_were_given_before(sets: Sets, guide: Guide) -> None:
    soft = logits(guide.model, sets[0]).softmax(1)
    before = train((replace(sets[0], soft=soft), *sets[1:]), settings=replace(TAUGHT, states=None))
    asked = train(sets, settings=TAUGHT, guide=guide)
    for name, each in before.items():
        torch.testing.assert_close(asked[name], each, atol=1e-4, rtol=1e-3)
    alone = train(sets, settings=TAUGHT)
    assert not torch.allclose(asked["head.weight"], alone["head.weight"], atol=1e-2)


def test_its_own_teacher_has_half_of_its_part(sets: Sets, guide: Guide) -> None:
    own = torch.tensor([[0.2, 0.5, 0.3]]).repeat(len(sets[0]), 1)
    own[::2] = 0  # of these the teacher said nothing
    opinion = logits(guide.model, sets[0]).softmax(1)
    both = torch.where(own.sum(1, keepdim=True) > 0, (opinion + own) / 2, opinion)
    taught, labels = (replace(sets[0], soft=soft) for soft in (own, both))
    asked = train((taught, *sets[1:]), settings=TAUGHT, guide=guide)
    before = train((labels, *sets[1:]), settings=replace(TAUGHT, states=None))
    for name, each in before.items():
        torch.testing.assert_close(asked[name], each, atol=1e-4, rtol=1e-3)


def test_a_short_training_asks_about_what_it_sees(sets: Sets, guide: Guide) -> None:
    assert isinstance(guide.model, Watched)
    for epochs, steps in ((1 / PER_EPOCH, 1), (0.5, 3), (2, 2 * PER_EPOCH)):
        guide.model.asked = 0
        course = Course(sets[0], replace(TAUGHT, epochs=epochs))
        train(sets, settings=course.settings, guide=guide)
        assert guide.model.asked == sum(len(rows) for step in range(steps) for rows in course.rows(step))


def test_texts_without_labels_are_learnt_from_it(sets: Sets, guide: Guide) -> None:
    silent = replace(sets[0], targets=torch.full_like(sets[0].targets, UNLABELLED))
    model = new_model(sets[2])
    train_model(model, silent, None, replace(TAUGHT, epochs=30), guide=guide)
    agree = logits(model, sets[1]).argmax(1) == logits(guide.model, sets[1]).argmax(1)
    assert agree.float().mean() > 0.8


def test_hidden_states_come_nearer(sets: Sets, guide: Guide) -> None:
    def distance(weight: float) -> float:
        model = watched(sets[2], seed=3)
        train_model(model, sets[0], None, replace(TAUGHT, states=weight, soft_share=0.0, epochs=20), guide=guide)
        batch = sets[0].take(torch.arange(len(sets[0])).numpy())
        with torch.no_grad():
            return float(apart(*(each.revealed(batch)[1] for each in (model.eval(), guide.model))))

    assert distance(10.0) < 0.5 * distance(0.1)


@pytest.mark.parametrize("settings", [TAUGHT, SPECIFIC])
def test_killed_and_resumed_equals_uninterrupted(sets: Sets, tmp_path: Path, guide: Guide, settings: object) -> None:
    assert isinstance(settings, type(SETTINGS))

    def trained(**arguments: object) -> dict[str, Tensor]:
        model = watched(sets[2], seed=3)
        given = {"settings": settings, "guide": guide, **arguments}
        train_model(model, sets[0], sets[1], given.pop("settings"), **given)  # type: ignore[arg-type]
        return weights(model)

    whole, often = trained(), replace(settings, checkpoint_seconds=-1.0)
    for step in (1, PER_EPOCH, 11):
        with pytest.raises(KilledError):
            trained(settings=often, checkpoint=tmp_path / "run.checkpoint", progress=killed_at(step))
    assert_same(trained(settings=often, checkpoint=tmp_path / "run.checkpoint"), whole)


def test_it_learns_nothing_itself(sets: Sets, guide: Guide) -> None:
    before = weights(guide.model)
    train(sets, settings=SPECIFIC, guide=guide)
    assert_same(weights(guide.model), before)
    assert all(each.grad is None for each in guide.model.parameters())


@given(st.integers(1, 5), st.floats(0.1, 100.0), st.integers(0, 2**16))
def test_the_distance_knows_no_scale_and_no_size(tokens: int, scale: float, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    own, wanted = ({name: torch.randn(tokens, 3, generator=random) for name in "ab"} for _ in range(2))
    found = apart(own, wanted)
    bigger = apart(*({name: scale * each for name, each in states.items()} for states in (own, wanted)))
    torch.testing.assert_close(bigger, found, rtol=1e-4, atol=1e-6)
    twice = apart(*({name: torch.cat([each, each]) for name, each in states.items()} for states in (own, wanted)))
    torch.testing.assert_close(twice, found, rtol=1e-4, atol=1e-6)
    assert apart(own, own) == 0
    torch.testing.assert_close(apart({name: torch.zeros(tokens, 3) for name in "ab"}, wanted), torch.tensor(1.0))


def test_only_what_fits_is_compared() -> None:
    wanted = {"0": torch.ones(2, 4), "1": torch.ones(2, 4), "2": torch.ones(2, 4)}
    assert apart({"1": torch.zeros(2, 4)}, wanted) == 1
    assert apart({"0": torch.zeros(2, 3), "2": torch.ones(2, 4)}, wanted) == 0
    assert apart({"0": torch.zeros(2, 3)}, wanted) == 0  # fewer dimensions
    assert apart({}, {}) == 0
