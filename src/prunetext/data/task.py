"""The task of a model: it reads one text or two, and gives one label or several."""

from __future__ import annotations

from typing import NamedTuple

from prunetext.errors import InputError


class Task(NamedTuple):
    """The texts of an example, and the kind of its answer.

    >>> Task(texts=2).name, Task.named("labels")
    ('pairs', Task(texts=1, answer='labels'))

    texts: of each example: 1, or 2 for pairs. answer: "label" if each example has one label, "labels" if it can have
    several, or none. `name` is the task's word in a packed file.
    """

    texts: int = 1
    answer: str = "label"

    @property
    def name(self) -> str:
        """The task's word in model files and messages: classification, pairs or labels."""
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
        return f"{texts} with {'one label' if self.answer == 'label' else 'several labels'} each"


TASK_NAMES = {
    Task(): "classification",
    Task(texts=2): "pairs",
    Task(answer="labels"): "labels",
    Task(texts=2, answer="labels"): "pairs with several labels",  # not supported
}


def refuse_other_tasks(command: str, task: Task, name: str) -> None:
    """Refuse pairs and several labels for a command that compares with peers.

    >>> refuse_other_tasks("bench", Task(texts=2), "pairs.csv")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    prunetext.errors.InputError: pairs.csv: it holds pairs of texts with one label each, but bench takes only ...
    """
    if task != Task():
        raise InputError(
            f"{name}: it holds {task.described}, but {command} takes only {Task().described}, as its peers do. "
            "Give such data, or use evaluate."
        )
