"""A teacher: whatever labels texts for a student."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from prunetext.data.dataset import Input
from prunetext.teaching.cache import Floats

Tell = Callable[[int, int], None] | None


class Teacher(NamedTuple):
    """A teacher labels texts for a student; `key` stands for everything but the texts that its answers depend on."""

    name: str
    key: str
    answer: Callable[[Sequence[Input], Tell], Floats]  # logits (n, classes); not finite without an answer
    answers_all: bool = True  # whether it can be asked about any text
    notes: Sequence[str] = ()  # a teacher that was asked may have more of them
    quick: bool = False  # whether it answers about as fast as a student
    of_train: Callable[[], Floats | None] | None = None  # logits of train's own texts, if they are others than `answer`
