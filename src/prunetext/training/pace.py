"""The length of a training and its rates, by the number of texts and of classes."""

from __future__ import annotations

from dataclasses import replace

from prunetext.data.task import Task
from prunetext.models.encoded import SINGLE
from prunetext.training.settings import Settings

SEEN = 150_000  # texts that training sees, over all epochs, with small data
EPOCHS_ALONE = (3, 20)
# The texts that it sees at least, and the share of the head's features that is hidden: with several labels, each is
# rare and has a probability of its own to learn.
LEAST_SEEN_AND_DROPOUT = {"label": (0, 0.5), "labels": (430_000, 0.1), "score": (0, 0.5)}
# With many classes, each has few texts, and most words are of few classes: their vectors must move faster, and longer.
MANY_CLASSES, TIMES_SEEN, MOST_EPOCHS_OF_MANY, EMBEDDING_RATE_OF_MANY = 20, 2, 40, 2e-2
SEEN_TAUGHT, EPOCHS_TAUGHT = 1_200_000, (2, 20)  # the same with a teacher
RATE_TAUGHT, EMBEDDING_RATE_TAUGHT, WORD_DROPOUT_TAUGHT = 3e-3, 2e-2, 0.1
DROPOUT_TAUGHT = 0.1
FEW_STEPS = 64  # an epoch of small data has about so many steps, with smaller batches,
SMALLEST_BATCH = 8
LEAST_STEPS, MOST_EPOCHS = 1_000, 100  # of a training that sees very few texts more often
SMALL_PATIENCE = 8  # and may stay on the first plateau for longer


def pace(
    texts: int,
    epochs: float | None = None,
    seed: int = 0,
    *,
    taught: bool = False,
    task: Task = SINGLE,
    classes: int = 2,
) -> Settings:
    """Settings of a training from scratch: small data are seen more often.

    >>> pace(50).epochs, pace(10_000).epochs, pace(1_000_000).epochs, pace(400_000, taught=True).epochs
    (100.0, 15.0, 3.0, 3.0)

    So are texts of many classes, and texts with several labels. A student of a teacher learns faster and with less
    dropout: it cannot learn probabilities by heart.

    >>> pace(10_000, classes=77).epochs, pace(10_000, classes=77).embedding_rate
    (30.0, 0.02)
    """
    seen, (least, most) = (SEEN_TAUGHT, EPOCHS_TAUGHT) if taught else (SEEN, EPOCHS_ALONE)
    many = not taught and task == SINGLE and classes >= MANY_CLASSES
    if many:
        seen, most = TIMES_SEEN * seen, MOST_EPOCHS_OF_MANY
    seen = max(seen, of_task(task)[0])
    batch = min(max(texts // FEW_STEPS, SMALLEST_BATCH), Settings.batch_size)
    usual = max(min(max(seen / texts, least), most), min(LEAST_STEPS * batch / texts, MOST_EPOCHS))
    epochs = epochs or float(usual)
    patience = Settings.patience if batch == Settings.batch_size else SMALL_PATIENCE
    settings = Settings(epochs=epochs, batch_size=batch, patience=patience, seed=seed)
    if not taught:
        return replace(settings, embedding_rate=EMBEDDING_RATE_OF_MANY) if many else settings
    return replace(
        settings,
        learning_rate=RATE_TAUGHT,
        embedding_rate=EMBEDDING_RATE_TAUGHT,
        word_dropout=WORD_DROPOUT_TAUGHT,
        best_by="loss",
    )


def dropout(taught: bool, task: Task = SINGLE) -> float:
    """The share of the head's features that are hidden in each step."""
    return DROPOUT_TAUGHT if taught else of_task(task)[1]


def of_task(task: Task) -> tuple[int, float]:
    """The texts that training sees at least, and the dropout, without a teacher."""
    return LEAST_SEEN_AND_DROPOUT[task.answer]
