"""How long and how fast a model is trained, by the number of texts and of classes."""

import pytest

from prunetext.data.task import Task
from prunetext.training.pace import EMBEDDING_RATE_OF_MANY, MANY_CLASSES, pace
from prunetext.training.settings import Settings


@pytest.mark.parametrize("texts", [300, 1_000, 10_000, 100_000, 1_000_000])
def test_many_classes_are_seen_longer_and_their_words_move_faster(texts: int) -> None:
    few, many = pace(texts, classes=MANY_CLASSES - 1), pace(texts, classes=MANY_CLASSES)
    assert few == pace(texts)
    assert few.epochs <= many.epochs <= 2 * few.epochs
    assert (few.embedding_rate, many.embedding_rate) == (Settings.embedding_rate, EMBEDDING_RATE_OF_MANY)


def test_a_student_and_a_model_of_several_labels_keep_their_pace() -> None:
    assert pace(1_000, taught=True, classes=200) == pace(1_000, taught=True)
    several = Task(answer="labels")
    assert pace(1_000, task=several, classes=200) == pace(1_000, task=several)


def test_asked_epochs_are_kept() -> None:
    assert pace(1_000, 3.0, classes=200).epochs == 3
