"""A student's lessons beyond its labels: more texts, and a teacher's answer to each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

from prunetext.data.dataset import Data, Examples, Input
from prunetext.errors import InputError
from prunetext.models.encoded import SINGLE
from prunetext.options import NONE, TeachOptions
from prunetext.peers.baseline import Baselines
from prunetext.runtime._native import count_words
from prunetext.teaching.augmentation import augmented, augmented_pairs
from prunetext.teaching.automatic import AUTOMATIC, Diet
from prunetext.teaching.cache import Floats, digest_of
from prunetext.teaching.teacher import Teacher, Tell
from prunetext.teaching.teachers import Origin, agreed, baselines_of, find_teachers, listed
from prunetext.teaching.unlabelled import Unlabelled, read_unlabelled, signature, signatures

WANTED = 6_000_000  # words in all up to which augmentation adds texts by default
MOST_COPIES = 8  # of each text
PLACES = ("teacher", "unlabelled")  # options that name places; these are not part of a recipe: they may move
REST = "rest"  # as the name of an unlabelled file: the texts of train whose labels are left out
SEED = 0  # for every student the same: a teacher answers once


class Taught(NamedTuple):
    """Texts beyond train, and a teacher's probabilities (n, classes) for those of train and these, in this order."""

    inputs: list[Input]
    soft: Floats
    notes: list[str]
    on_dev: Floats | None = None  # the same for dev, if the teachers answer quickly


def labels_per_class(data: Data, count: int | None) -> tuple[Data, list[Input]]:
    """Keep so many labelled texts of each class; also return the other texts, without labels.

    They are the same for every seed of a student: a teacher for few labels is made once. A text with several labels is
    kept if one of them has too few texts so far.
    """
    if count is None:
        return data, []
    order = list(range(len(data.train)))
    Random(f"prunetext labels {SEED}").shuffle(order)
    left, chosen = dict.fromkeys(data.labels, count), set()
    labels = data.train.label_lists
    for at in order:
        if any(left[label] > 0 for label in labels[at]):
            chosen.add(at)
            for label in labels[at]:
                left[label] -= 1
    kept = data.train.subset(sorted(chosen))
    rest = [each for at, each in enumerate(data.train.inputs) if at not in chosen]
    return dataclasses.replace(data, train=kept), rest


class Teaching(NamedTuple):
    """The plan of teaching: the data, teachers and texts, known before anything is trained."""

    data: Data  # with the labels to learn from
    teachers: list[Teacher]
    unlabelled: Unlabelled
    options: TeachOptions
    baselines: Baselines  # on the same labelled texts
    tokenizer: str = "bert/1"  # of the student
    diet: Diet | None = None  # of a student of the automatic teacher

    @property
    def texts(self) -> list[str]:
        """The texts that the vocabulary is made from."""
        return [text for each in self.inputs for text in ([each] if isinstance(each, str) else each)]

    @property
    def inputs(self) -> list[Input]:
        """The number of texts to learn from, labelled and unlabelled."""
        return [*self.data.train.inputs, *self.unlabelled.texts]

    @property
    def teaches_itself(self) -> bool:
        """Whether the model learns from its own answers."""
        return not self.teachers and bool(self.unlabelled.texts)

    def digest(self) -> str | None:
        """A digest of all that is taught beyond the labels, for the recipe; None if nothing is."""
        if not self.teachers and not self.teaches_itself:
            return None
        return digest_of(*(teacher.key for teacher in self.teachers), "", *self.unlabelled.texts)


def find_teaching(
    data: Data,
    options: TeachOptions,
    *,
    encoding: str = "utf-8",
    source: str | None = None,
    given: Sequence[str] = ("test",),
    tokenizer: str = "bert/1",
) -> Teaching:
    """Find teachers and texts; an error in either raises `InputError`.

        find_teaching(data, TeachOptions(teacher="sample:minilm", unlabelled="more.txt")).digest()

    source: fingerprint of the data before they were split. given: which splits were files of their own.
    tokenizer: the student's, by which texts are cut and compared here, too.
    """
    names = names_of(options.unlabelled)
    if REST in names and options.labels_per_class is None:
        raise InputError(f"unlabelled names {REST}, which needs labels_per_class. Give both, or neither.")
    untaught = options.teacher in (None, NONE)
    if data.train.task.of_many and (options.labels_per_class or (names and untaught)):
        what = "labels_per_class" if options.labels_per_class else "unlabelled without a teacher"
        have = data.train.task.answered
        raise InputError(f"{what} is given, but these texts have {have}. Leave it out, or give only a teacher.")
    few, rest = labels_per_class(data, options.labels_per_class)
    held_out = [examples for examples in (data.dev, data.test) if examples is not None]
    files = [Path(name) for name in names if name != REST]
    found = read_unlabelled(
        files,
        [few.train],
        held_out,
        rest=rest if REST in names else (),
        refuse_test="test" in given,
        encoding=encoding,
        tokenizer=tokenizer,
    )
    origin = None if untaught else Origin(data.fingerprint(), source)
    baselines = baselines_of(few, tokenizer)
    teachers = find_teachers(options, few, origin, tokenizer, baselines)
    refuse_silence(teachers, [*few.train.inputs, *found.texts], options)
    automatic = teachers and options.teacher == AUTOMATIC
    diet = Diet.of(few.train, tokenizer, options.augment) if automatic else None
    if diet is not None:
        options = dataclasses.replace(options, augment=diet.copies)
    return Teaching(few, teachers, found, options, baselines, tokenizer, diet)


def with_more(taught: Teaching, more: Examples, dev: Examples) -> Teaching:
    """The automatic teacher's lessons for train with more texts, which were dev's; dev: what is left of it."""
    train, tokenizer = taught.data.train.with_more(more), taught.tokenizer
    data, options = dataclasses.replace(taught.data, train=train, dev=dev), taught.options
    baselines = baselines_of(data, tokenizer)
    teachers = find_teachers(options, data, Origin(data.fingerprint()), tokenizer, baselines)
    diet = Diet.of(train, tokenizer, options.augment)
    return taught._replace(data=data, teachers=teachers, baselines=baselines, diet=diet)


def refuse_silence(teachers: Sequence[Teacher], texts: Sequence[Input], options: TeachOptions) -> None:
    """Refuse files of probabilities that know none of the texts, or that would have to answer for new texts."""
    files = [teacher for teacher in teachers if not teacher.answers_all]
    if files and options.augment:
        raise InputError(f"teacher {files[0].name}: a file cannot label the texts of augment. Leave augment out.")
    for teacher in files:
        if not np.isfinite(teacher.answer(texts, None)).all(1).any():
            raise InputError(
                f"teacher {teacher.name}: the file has no answer to any text of train. Give answers to these texts."
            )


def names_of(names: str | None) -> list[str]:
    """The files in a comma-separated list.

    >>> names_of("a.txt, b.txt")
    ['a.txt', 'b.txt']
    """
    return listed("unlabelled", names, "Give files, with commas between them.")


def teach(taught: Teaching, tell: Callable[[str], Tell] = lambda stage: None) -> Taught:
    """Ask the teachers about train, the unlabelled texts, and texts made of both.

        lessons = teach(find_teaching(data, options))
        lessons.soft.shape         # (len(data.train) + len(lessons.inputs), classes)

    Texts without an answer from any teacher are left out, and counted in the notes.
    """
    train, own = taught.data.train.inputs, taught.inputs
    made: list[Input] = []
    if all(teacher.answers_all for teacher in taught.teachers):
        made = made_of(own, number_of_made(len(own), taught.texts, taught.options.augment), taught.tokenizer)
    texts = [*own, *made]
    parts = [part for part in (train, taught.unlabelled.texts, made) if part]  # each is cached by its own content
    answers = [np.concatenate(answers_of(each, parts, tell(each.name))) for each in taught.teachers]
    soft = agreed(answers, taught.options.teacher_temperature, taught.data.train.task)
    known = soft.sum(1) > 0
    known[: len(train)] = True
    if made:
        splits = [examples.inputs for examples in (taught.data.dev, taught.data.test) if examples is not None]
        held_out = {each for part in splits for each in signatures(part, taught.tokenizer)}
        known[len(own) :] &= [signature(text, taught.tokenizer) not in held_out for text in made]
    beyond = [text for text, keep in zip(texts[len(train) :], known[len(train) :].tolist(), strict=True) if keep]
    notes = [note for teacher in taught.teachers for note in teacher.notes]
    if made:
        notes.append(f"{int(known[len(own) :].sum()):,} new texts were made for the teacher to label.")
    if silent := len(own) - int(known[: len(own)].sum()):
        notes.append(f"The teacher has no answer to {silent:,} unlabelled texts, which were left out.")
    return Taught(beyond, soft[known], notes, of_dev(taught))


def answers_of(teacher: Teacher, parts: Sequence[Sequence[Input]], tell: Tell) -> list[Floats]:
    """The teacher's logits for each part, of which train is the first."""
    first = None if teacher.of_train is None else teacher.of_train()
    return [teacher.answer(part, tell) if at or first is None else first for at, part in enumerate(parts)]


def of_dev(taught: Teaching) -> Floats | None:
    """The teachers' probabilities for dev (n, classes), if they answer quickly: they choose the best epoch.

    Labels of a small dev choose it by luck; and the student should come near the teacher.
    """
    dev = taught.data.dev
    if dev is None or dev.task != SINGLE or not all(each.quick for each in taught.teachers):
        return None
    said = agreed([each.answer(dev.inputs, None) for each in taught.teachers], 1.0, dev.task)
    return said if said.sum(1).all() else None


def made_of(inputs: Sequence[Input], count: int, tokenizer: str) -> list[Input]:
    """So many new texts, or pairs of texts, made from the existing ones."""
    pairs = [each for each in inputs if not isinstance(each, str)]
    if pairs:
        return list(augmented_pairs(pairs, count, SEED, tokenizer))
    return list(augmented([each for each in inputs if isinstance(each, str)], count, SEED, tokenizer))


def number_of_made(examples: int, texts: list[str], copies: float | None, wanted: int = WANTED) -> int:
    """How many examples augmentation makes: a multiple of the existing ones, or by their number of words.

    >>> number_of_made(1_000, ["a great film"] * 1_000, None), number_of_made(1_000, ["a great film"] * 1_000, 0.5)
    (8000, 500)
    """
    if copies is None:
        copies = min(max(wanted / max(sum(count_words(texts).values()), 1) - 1, 0), MOST_COPIES)
    return round(copies * examples)
