"""The loss of a student: what it is against its parts, and where a text has only one of label and teacher."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from prunetext.data.task import Task
from prunetext.models.encoded import UNLABELLED
from prunetext.training.losses import balanced, blended, loss_of, shares

ONE, SEVERAL = loss_of(Task()), loss_of(Task(answer="labels"))


def some(texts: int, classes: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits, soft = torch.randn(2, texts, classes, generator=generator)
    return logits, torch.randint(classes, (texts,), generator=generator), soft.softmax(1)


@given(share=st.floats(0, 1), temperature=st.floats(0.2, 8), seed=st.integers(0, 99))
def test_the_loss_is_the_mix_of_its_parts(share: float, temperature: float, seed: int) -> None:
    logits, targets, soft = some(6, 3, seed)
    of_label = functional.cross_entropy(logits, targets)
    of_soft = functional.cross_entropy(logits / temperature, soft) * temperature**2
    found = ONE.distilled(logits, targets, soft, share, temperature)
    assert float(found) == pytest.approx(float(share * of_soft + (1 - share) * of_label), rel=1e-4)


@given(seed=st.integers(0, 99))
def test_at_temperature_one_both_ways_to_compute_it_agree(seed: int) -> None:
    logits, targets, soft = some(5, 4, seed)
    close = ONE.distilled(logits, targets, soft, 0.7, 1.0)
    assert float(close) == pytest.approx(float(ONE.distilled(logits, targets, soft, 0.7, 1.0 + 1e-9)), rel=1e-5)


def test_a_text_without_a_label_learns_from_the_teacher_and_one_without_a_teacher_from_its_label() -> None:
    logits, targets, soft = some(4, 3, 0)
    targets[0], soft[1] = UNLABELLED, 0.0
    assert shares(targets, soft, 0.5).tolist() == [1.0, 0.0, 0.5, 0.5]
    mixed = blended(targets, soft, 0.5)
    assert torch.equal(mixed[0], soft[0])
    assert mixed[1].tolist() == functional.one_hot(targets[1], 3).tolist()
    for temperature in (1.0, 2.0):
        assert ONE.distilled(logits, targets, soft, 0.5, temperature).isfinite()
    alone = ONE.distilled(logits[1:2], targets[1:2], soft[1:2], 0.5, 3.0)
    assert float(alone) == pytest.approx(float(functional.cross_entropy(logits[1:2], targets[1:2])))


def test_a_higher_temperature_makes_probabilities_more_alike() -> None:
    logits = torch.tensor([[3.0, 1.0, 0.0]])
    spread = [float(ONE.softened(logits, temperature).max()) for temperature in (0.5, 1.0, 2.0, 10.0)]
    assert spread == sorted(spread, reverse=True)


def test_without_a_teacher_targets_may_be_classes_or_probabilities() -> None:
    logits, targets, soft = some(4, 3, 1)
    for each in (targets, soft):
        assert torch.equal(ONE.distilled(logits, each, None, 0.5, 2.0), functional.cross_entropy(logits, each))


@given(seed=st.integers(0, 99), temperature=st.sampled_from([1.0, 2.0]))
def test_class_weights_weight_labels_and_not_what_a_teacher_says(seed: int, temperature: float) -> None:
    logits, targets, soft = some(6, 3, seed)
    weights = (0.5, 1.0, 3.0)
    of_label = functional.cross_entropy(logits, targets, reduction="none") * torch.tensor(weights)[targets]
    assert float(ONE.distilled(logits, targets, None, 0.7, temperature, weights)) == pytest.approx(
        float(of_label.mean()), rel=1e-5
    )
    of_soft = functional.cross_entropy(logits / temperature, soft) * temperature**2
    found = ONE.distilled(logits, targets, soft, 0.7, temperature, weights)
    assert float(found) == pytest.approx(float(0.7 * of_soft + 0.3 * of_label.mean()), rel=1e-5)
    even = ONE.distilled(logits, targets, soft, 0.7, temperature, (1.0, 1.0, 1.0))
    assert float(even) == pytest.approx(float(ONE.distilled(logits, targets, soft, 0.7, temperature)), rel=1e-5)


@given(st.lists(st.integers(UNLABELLED, 3), min_size=1).filter(lambda each: max(each) >= 0))
def test_balanced_classes_weigh_the_same_in_all_and_one_text_weighs_one_on_average(targets: list[int]) -> None:
    labels = torch.tensor(targets)
    weights = torch.tensor(balanced(labels, 4), dtype=torch.float64)
    seen = labels[labels >= 0].unique()
    assert len({round(float(weights[at] * (labels == at).sum()), 9) for at in seen.tolist()}) == 1
    assert float(weights[labels[labels >= 0]].mean()) == pytest.approx(1)


@given(st.integers(0, 100), st.floats(0, 1), st.sampled_from([1.0, 2.5]))
def test_of_several_labels_each_is_learnt_as_if_it_were_alone(seed: int, share: float, temperature: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits, soft = torch.randn(6, 3, generator=generator), torch.rand(6, 3, generator=generator)
    targets = (torch.rand(6, 3, generator=generator) < 0.4).float()
    together = SEVERAL.distilled(logits, targets, soft, share, temperature)
    alone = []
    for at in range(3):  # as a softmax over yes and no
        both = torch.stack([logits[:, at], torch.zeros(6)], dim=1)
        says = torch.stack([soft[:, at], 1 - soft[:, at]], dim=1)
        alone.append(ONE.distilled(both, 1 - targets[:, at].long(), says, share, temperature))
    assert float(together) == pytest.approx(float(sum(alone)), rel=1e-4)


def test_several_labels_without_any_learn_from_the_teacher_alone() -> None:
    logits, soft = torch.tensor([[1.0, -1.0]]), torch.tensor([[0.8, 0.1]])
    loss = SEVERAL.distilled(logits, torch.full((1, 2), float(UNLABELLED)), soft, 0.3, 1.0)
    assert float(loss) == pytest.approx(float(SEVERAL.mean(logits, soft)))
    assert SEVERAL.softened(logits, 2.0).tolist() == torch.sigmoid(logits / 2).tolist()
