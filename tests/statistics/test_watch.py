"""What must not be given up unseen: rare classes, and those that even the dense model never finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prunetext.statistics.answers import Answers
from prunetext.statistics.gold import Gold
from prunetext.statistics.metrics import Measure
from prunetext.statistics.watch import (
    MOST_LOSS,
    NOTHING,
    Watch,
    never_found,
    no_better_than_constant,
    rare_classes,
    surely_never_found,
    watch_of,
)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), classes=st.integers(2, 5), count=st.integers(1, 20), tilt=st.floats(-3, 3))
def test_a_smaller_model_gives_a_rare_class_to_as_many_texts_as_the_dense_one(
    seed: int, classes: int, count: int, tilt: float
) -> None:
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (80, classes))
    logits[:, -1] += tilt
    rows = np.zeros(80, bool)
    rows[:count] = True
    moved = logits + Watch({classes - 1: rows}, {}).offsets(softmax(logits))
    assert (moved.argmax(1) == classes - 1).sum() == count
    same = Watch({classes - 1: logits.argmax(1) == classes - 1}, {}).offsets(softmax(logits))
    assert ((logits + same).argmax(1) == logits.argmax(1)).all(), "what is as it should be changes no label"


def test_two_rare_classes_are_both_matched() -> None:
    logits = np.random.default_rng(0).normal(0, 1, (300, 4))
    given_to = {2: np.arange(300) < 12, 3: np.arange(300) < 7}
    moved = logits + Watch(given_to, {}).offsets(softmax(logits))
    counts = np.bincount(moved.argmax(1), minlength=4)
    assert abs(counts[2] - 12) <= 1
    assert counts[3] == 7


@pytest.mark.parametrize(("taken", "held"), [(0, True), (5, True), (6, False), (20, False)])
def test_a_quarter_of_the_texts_of_a_rare_class_may_be_taken_away(taken: int, held: bool) -> None:
    dense = np.arange(1000) < 20
    now = dense.copy()
    now[:taken] = False
    answers = Answers.of(np.column_stack([~now, now]).astype(float))
    assert Watch({1: dense}, {}).holds(answers) == held


@pytest.mark.parametrize(("rise", "held"), [(0.0, True), (MOST_LOSS - 0.01, True), (MOST_LOSS + 0.01, False)])
def test_the_loss_of_a_class_that_nothing_finds_is_held(rise: float, held: bool) -> None:
    gold = np.array([0] * 95 + [1] * 5)
    before = np.full(100, 0.01)
    after = before * np.exp(-rise)
    dense, now = (Answers.of(np.column_stack([1 - each, each])) for each in (before, after))
    watch = watch_of(Measure("macro-f1", Gold(gold)), dense, [95, 5], np.arange(100))
    assert (set(watch.given), set(watch.losses)) == (set(), {1})
    assert watch.holds(now) == held


def test_what_has_thresholds_or_is_ranked_has_nothing_to_watch() -> None:
    several = Answers(np.zeros((4, 2)), np.zeros((4, 2), bool))
    assert watch_of(Measure("micro-f1", Gold(np.eye(2)[[0, 1, 0, 0]])), several, [], np.arange(4)) == NOTHING
    pairs = Gold(np.array([0, 1]), np.array([0, 0]), positive=1)
    assert watch_of(Measure("map", pairs), Answers.of(np.eye(2)), [99, 1], np.arange(2)) == NOTHING


def test_a_class_is_rare_beside_an_even_share() -> None:
    assert rare_classes([100, 100, 100, 14]) == [3]
    assert rare_classes([100, 100, 100, 17]) == []
    assert rare_classes([]) == []


def test_a_constant_answer_is_judged_by_the_metric() -> None:
    gold = np.array([0] * 98 + [1] * 2)
    constant, shy = np.tile([0.9, 0.1], (100, 1)), np.tile([0.9, 0.1], (100, 1))
    shy[97:] = [0.1, 0.9]  # two right, one wrong
    for name in ("accuracy", "macro-f1"):
        measure = Measure(name, Gold(gold))
        assert no_better_than_constant(measure, Answers.of(constant))
        assert not no_better_than_constant(measure, Answers.of(shy))
        assert never_found(measure, Answers.of(constant)) == [1]
        assert never_found(measure, Answers.of(shy)) == []


@pytest.mark.parametrize(
    ("right", "texts", "sure"), [(0.99, 1, True), (0.96, 1, False), (0.9, 2, True), (0.5, 5, False)]
)
def test_a_class_of_few_texts_is_never_found_only_where_that_is_hardly_chance(
    right: float, texts: int, sure: bool
) -> None:
    others = 1000
    gold = np.array([0] * others + [1] * texts)
    said = np.array([0] * round(right * others) + [2] * (others - round(right * others)) + [0] * texts)
    measure, answers = Measure("accuracy", Gold(gold)), Answers.of(np.eye(3)[said])
    assert never_found(measure, answers) == [1]
    assert surely_never_found(measure, answers) == ([1] if sure else [])


def test_of_many_classes_hardly_one_is_doubted_by_chance() -> None:
    random, doubted = np.random.default_rng(0), 0
    gold = np.repeat(np.arange(77), 3)
    for _ in range(200):
        said = np.where(random.random(len(gold)) < 0.8, gold, (gold + 1 + random.integers(76, size=len(gold))) % 77)
        doubted += bool(surely_never_found(Measure("accuracy", Gold(gold)), Answers.of(np.eye(77)[said])))
    assert doubted <= 30  # each class by itself: nearly half of the 200
