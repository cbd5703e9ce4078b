"""What a student is taught beyond its labels: more texts, and what a teacher says of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

from prunetext.config import TeachOptions
from prunetext.data.dataset import Data, Examples
from prunetext.errors import InputError
from prunetext.runtime._native import count_words
from prunetext.teaching.augmentation import augmented
from prunetext.teaching.cache import Floats, digest_of
from prunetext.teaching.teachers import Teacher, Tell, agreed, find_teachers
from prunetext.teaching.unlabelled import Unlabelled, read_unlabelled

WANTED = 6_000_000  # words in all to which augmentation fills up, where it is not told
MOST_COPIES = 8  # of each text
REST = "rest"  # among the names of unlabelled files: the texts of train whose labels are left out
SEED = 0  # of augmentation: the same texts for every student, so that a teacher answers once


class Lessons(NamedTuple):
    """Texts beyond train, and a teacher's probabilities (n, classes) for those of train and these, in this order."""

    texts: list[str]
    soft: Floats
    notes: list[str]


def labels_per_class(data: Data, count: int | None, seed: int) -> tuple[Data, list[str]]:
    """Keep so many labelled texts of each class, drawn by the seed; the texts of the others, without their labels."""
    if count is None:
        return data, []
    order = list(range(len(data.train)))
    Random(f"prunetext labels {seed}").shuffle(order)
    left, chosen = dict.fromkeys(data.labels, count), set()
    for at in order:
        if left[data.train.labels[at]]:
            left[data.train.labels[at]] -= 1
            chosen.add(at)
    rows = sorted(chosen)
    kept = Examples([data.train.texts[at] for at in rows], [data.train.labels[at] for at in rows])
    rest = [text for at, text in enumerate(data.train.texts) if at not in chosen]
    return dataclasses.replace(data, train=kept, report=data.report), rest


class Teaching(NamedTuple):
    """Who is to teach what: everything that is known before anything is trained."""

    data: Data  # with the labels that are to be learnt from
    teachers: list[Teacher]
    unlabelled: Unlabelled
    options: TeachOptions

    @property
    def texts(self) -> list[str]:
        """Texts from which the vocabulary is made."""
        return [*self.data.train.texts, *self.unlabelled.texts]

    @property
    def teaches_itself(self) -> bool:
        """Whether the model is to learn from its own answers."""
        return not self.teachers and bool(self.unlabelled.texts)

    def digest(self) -> str | None:
        """A name for what is taught beyond the labels, for the recipe; None where nothing is."""
        if not self.teachers and not self.teaches_itself:
            return None
        return digest_of(*(teacher.key for teacher in self.teachers), "", *self.unlabelled.texts)


def find_teaching(data: Data, options: TeachOptions, seed: int, encoding: str = "utf-8") -> Teaching:
    """Find teachers and texts; whatever is wrong with either raises `InputError`.

    find_teaching(data, TeachOptions(teacher="sample:minilm", unlabelled="more.txt"), seed=0).digest()
    """
    names = names_of(options.unlabelled)
    if REST in names and options.labels_per_class is None:
        raise InputError(f"unlabelled names {REST}, the texts that labels_per_class leaves out. Give both, or neither.")
    few, rest = labels_per_class(data, options.labels_per_class, seed)
    held_out = [examples for examples in (data.dev, data.test) if examples is not None]
    files = [Path(name) for name in names if name != REST]
    found = read_unlabelled(files, [few.train], held_out, rest=rest if REST in names else (), encoding=encoding)
    return Teaching(few, find_teachers(options, few), found, options)


def names_of(names: str | None) -> list[str]:
    """The names in a list with commas; a file whose name holds one is taken for what it is.

    >>> names_of("a.txt, b.txt")
    ['a.txt', 'b.txt']
    """
    if names is None:
        return []
    return [names] if Path(names).exists() else [name.strip() for name in names.split(",") if name.strip()]


def teach(taught: Teaching, tell: Callable[[str], Tell] = lambda stage: None) -> Lessons:
    """Ask the teachers about train, the unlabelled texts, and texts made of both.

        lessons = teach(find_teaching(data, options, seed=0))
        lessons.soft.shape         # (len(data.train) + len(lessons.texts), classes)

    Texts of which no teacher knows anything are left out, and counted in the notes.
    """
    train, own = taught.data.train.texts, taught.texts
    made: list[str] = []
    if all(teacher.answers_all for teacher in taught.teachers):
        made = augmented(own, number_of_made(own, taught.options.augment), SEED)
    texts = [*own, *made]
    parts = [part for part in (train, taught.unlabelled.texts, made) if part]  # each is kept by its own content
    answers = [np.concatenate([each.answer(part, tell(each.name)) for part in parts]) for each in taught.teachers]
    soft = agreed(answers, taught.options.teacher_temperature)
    known = soft.sum(1) > 0
    if not known.any():
        names = ", ".join(teacher.name for teacher in taught.teachers)
        raise InputError(f"teacher {names}: it says nothing of any text of train. Give its answers to these texts.")
    known[: len(train)] = True
    beyond = [text for text, keep in zip(texts[len(train) :], known[len(train) :].tolist(), strict=True) if keep]
    notes = [f"{len(made):,} texts were made of others for the teacher to label."] if made else []
    if silent := len(texts) - len(train) - len(beyond):
        notes.append(f"The teacher says nothing of {silent:,} unlabelled texts, which were left out.")
    return Lessons(beyond, soft[known], notes)


def number_of_made(texts: Sequence[str], copies: float | None) -> int:
    """How many texts augmentation makes: so many times those that there are, or by their words.

    >>> number_of_made(["a great film"] * 1_000, None), number_of_made(["a great film"] * 1_000, 0.5)
    (8000, 500)
    """
    if copies is None:
        copies = min(max(WANTED / max(sum(count_words(list(texts)).values()), 1) - 1, 0), MOST_COPIES)
    return round(copies * len(texts))
