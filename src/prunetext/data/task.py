"""What a model is asked: about one text or two, and for one label or several."""

from __future__ import annotations

from typing import NamedTuple

NAMES = {(1, "label"): "classification", (2, "label"): "pairs", (1, "labels"): "labels"}


class Task(NamedTuple):
    """What an example is, and what is answered about it.

    >>> Task(texts=2).name, Task.named("labels")
    ('pairs', Task(texts=1, answer='labels'))

    texts: that an example has, 1, or 2 for pairs. answer: "label" where each example has one label, "labels" where it
    may have several, or none. `name` is the task's word in a packed file.
    """

    texts: int = 1
    answer: str = "label"

    @property
    def name(self) -> str:
        """The word for it in model files and messages: classification, pairs or labels."""
        return NAMES[self.texts, self.answer]

    @classmethod
    def named(cls, name: str) -> Task:
        """The task of this name; ValueError where there is none.

        >>> Task.named("classification") == Task()
        True
        """
        for (texts, answer), known in NAMES.items():
            if known == name:
                return cls(texts, answer)
        raise ValueError(f"{name!r} is no task: it must be {', '.join(NAMES.values())}")

    @property
    def paired(self) -> bool:
        """Whether an example is a pair of texts."""
        return self.texts > 1

    @property
    def several(self) -> bool:
        """Whether an example may have several labels, or none."""
        return self.answer == "labels"
