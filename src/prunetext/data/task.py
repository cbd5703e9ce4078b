"""The task of a model: it reads one text or two, and gives one label, several, or a score."""

from __future__ import annotations

from typing import NamedTuple

from prunetext.errors import InputError


class Task(NamedTuple):
    """The texts of an example, and the kind of its answer.

    >>> Task(texts=2).name, Task.named("labels")
    ('pairs', Task(texts=1, answer='labels'))

    texts: of each example: 1, or 2 for pairs. answer: "label" if each example has one label, "labels" if it can have
    several, or none, "score" if it has a number instead. `name` is the task's word in a packed file.
    """

    texts: int = 1
    answer: str = "label"

    @property
    def name(self) -> str:
        """The task's word in model files and messages: classification, pairs, labels, score or score of pairs."""
        return TASK_NAMES[self]

    @classmethod
    def named(cls, name: str) -> Task:
        """The task of this name; ValueError if there is none.

        >>> Task.named("classification") == Task()
        True
        """
        for task, known in TASK_NAMES.items():
            if known == name:
                return task
        raise ValueError(f"{name!r} is not a task: it must be one of {', '.join(TASK_NAMES.values())}")

    def even_thresholds(self, count: int) -> list[float] | None:
        """Thresholds of so many labels before any are known; None if each example has one label."""
        return [0.5] * count if self.answer == "labels" else None

    @property
    def described(self) -> str:
        """In words: single texts or pairs of texts, with one label or several each."""
        texts = "single texts" if self.texts == 1 else "pairs of texts"
        return f"{texts} with {self.answered} each"

    @property
    def answered(self) -> str:
        """What each example has, in words.

        >>> Task(answer="score").answered
        'a score'
        """
        return ANSWERS_IN_WORDS[self.answer]

    @property
    def has_steps(self) -> bool:
        """Whether its answers are scores, whose steps stand where other tasks have labels.

        >>> Task(answer="score").has_steps, Task().has_steps
        (True, False)
        """
        return self.answer == "score"

    @property
    def of_many(self) -> bool:
        """Whether each output has a probability by itself, as those of several labels and the steps of scores have.

        >>> Task(answer="labels").of_many, Task().of_many
        (True, False)
        """
        return self.answer != "label"


ANSWERS_IN_WORDS = {"label": "one label", "labels": "several labels", "score": "a score"}  # in words
TASK_NAMES = {
    Task(): "classification",
    Task(texts=2): "pairs",
    Task(answer="labels"): "labels",
    Task(texts=2, answer="labels"): "pairs with several labels",  # not supported
    Task(answer="score"): "score",
    Task(texts=2, answer="score"): "score of pairs",
}


def refuse_other_tasks(command: str, task: Task, name: str) -> None:
    """Refuse pairs, several labels and scores for a command that compares with peers.

    >>> refuse_other_tasks("bench", Task(texts=2), "pairs.csv")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    prunetext.errors.InputError: pairs.csv: it holds pairs of texts with one label each, but bench takes only ...
    """
    if task != Task():
        raise InputError(
            f"{name}: it holds {task.described}, but {command} takes only {Task().described}, as its peers do. "
            "Give such data, or use evaluate."
        )
