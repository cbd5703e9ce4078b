"""Labels that all models contradict are found, the surest first."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from prunetext.statistics.suspects import doubts, suspects


def planted(seed: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Two models that are mostly right, and labels of which some are wrong: probabilities, labels given, which lie."""
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, 3, 1500)
    wrong = draw.random(1500) < 0.03
    given = np.where(wrong, (truth + 1) % 3, truth)
    models = []
    for _ in range(2):
        logits = draw.normal(size=(1500, 3)) + 3 * np.eye(3)[truth]
        models.append(np.exp(logits) / np.exp(logits).sum(1, keepdims=True))
    return models, given, wrong


def test_planted_errors_lead_the_list() -> None:
    models, given, wrong = planted(0)
    found = suspects(models, given)
    first = found[: int(wrong.sum()) // 2]
    assert all(wrong[each.row] for each in first)
    listed = [each.row for each in found]
    assert wrong[listed].sum() > 0.5 * wrong.sum()
    assert all(each.label == given[each.row] != each.instead for each in found)
    scores = doubts(models, given)
    assert [scores[row] for row in listed] == sorted((scores[row] for row in listed), reverse=True)


def test_both_must_be_sure_of_the_same_label() -> None:
    one = np.array([[0.9, 0.05, 0.05]] * 3 + [[0.05, 0.9, 0.05]] * 4)
    other = one.copy()
    other[6] = [0.05, 0.05, 0.9]
    targets = np.array([0, 0, 0, 1, 1, 0, 0])
    assert [each.row for each in suspects([one, one], targets)] == [5, 6]
    assert [each.row for each in suspects([one, other], targets)] == [5]


def test_texts_of_several_labels_have_no_suspects() -> None:
    assert suspects([np.full((2, 2), 0.9)], np.ones((2, 2), bool)) == []


@given(st.randoms())
def test_shuffling_the_texts_shuffles_the_list(random: st.DataObject) -> None:
    models, given, _ = planted(1)
    order = list(range(200))
    random.shuffle(order)  # type: ignore[attr-defined]
    one = suspects([each[:200] for each in models], given[:200])
    other = suspects([each[order] for each in models], given[order])
    assert {each.row for each in one} == {order[each.row] for each in other}
