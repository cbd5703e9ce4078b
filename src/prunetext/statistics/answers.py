"""The answers of a model to some texts, and the interface of anything that labels texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from prunetext.data.columns import quoted
from prunetext.data.dataset import Data, Examples, Input
from prunetext.data.task import Task
from prunetext.errors import InputError
from prunetext.statistics.thresholds import decided

Array = npt.NDArray[Any]
GivenLabels = Sequence[str] | Sequence[tuple[str, ...]]  # the label of each text, or all its labels


class Answers(NamedTuple):
    """The probability of each label for each text, and the labels that each text is given.

    >>> Answers.of(np.array([[0.9, 0.1], [0.3, 0.7]])).named(["dull", "great"], several=False)
    ['dull', 'great']

    `probabilities`: float, (texts, classes), with a row of NaN for a text without an answer. `chosen`: bool, (texts,
    classes). If each text has one label, the model chooses one, or none for a text without an answer. The chosen label
    need not be that of `probabilities.argmax(1)`: two probabilities can be rounded to the same number.
    """

    probabilities: Array
    chosen: Array

    @classmethod
    def of(cls, probabilities: Array, thresholds: Array | None = None) -> Answers:
        """Choose by the probabilities: the first of the largest, or with thresholds each label that reaches its.

        >>> Answers.of(np.array([[0.5, 0.5]])).chosen.tolist()
        [[True, False]]
        >>> Answers.of(np.array([[0.5, 0.5]]), np.array([0.4, 0.6])).chosen.tolist()
        [[True, False]]
        """
        if thresholds is not None:
            return cls(probabilities, decided(probabilities, thresholds))
        rows = np.flatnonzero(np.isfinite(probabilities).all(1))
        chosen = np.zeros(probabilities.shape, bool)
        chosen[rows, probabilities.argmax(1)[rows]] = True
        return cls(probabilities, chosen)

    @classmethod
    def joined(cls, *parts: Answers) -> Answers:
        """Stack answers one below the other."""
        return cls(*(np.concatenate(rows) for rows in zip(*parts, strict=True)))

    def subset(self, rows: Array) -> Answers:
        """The answers to these texts, in this order."""
        return Answers(self.probabilities[rows], self.chosen[rows])

    def where(self, part: Array, otherwise: Answers) -> Answers:
        """These answers to a part of the texts, bool (texts,), and other ones to the rest."""
        rows = part[:, None]
        return Answers(*(np.where(rows, *both) for both in zip(self, otherwise, strict=True)))

    def reordered(self, own: Sequence[str], wanted: Sequence[str]) -> Answers:
        """The same with the columns in the order of the wanted labels, which are as many as the model's own."""
        if list(own) == list(wanted):
            return self
        places = [own.index(label) for label in wanted]
        return Answers(self.probabilities[:, places], self.chosen[:, places])

    def winners(self) -> Array:
        """The class of each text, if each has one label, int (texts,)."""
        return np.asarray(self.chosen.argmax(1))

    def named(self, labels: Sequence[str], *, several: bool) -> list[str] | list[tuple[str, ...]]:
        """The label of each text or, if it can have several, all of its labels.

        >>> answers = Answers.of(np.array([[0.9, 0.8], [0.1, 0.2]]), np.array([0.5, 0.5]))
        >>> answers.named(["x", "y"], several=True)
        [('x', 'y'), ()]
        """
        if several:
            return [tuple(labels[at] for at in np.flatnonzero(row).tolist()) for row in self.chosen]
        return [labels[at] for at in self.winners().tolist()]


@runtime_checkable
class Answering(Protocol):
    """Anything that labels texts.

        model = prunetext.open_model("runs/reviews/model.safetensors")
        model.labels                                        # ['neg', 'pos']
        probabilities, chosen = model.answers(["great film"])

    `name` is its name in messages, such as its path. `labels` are in the order of its answers' columns. `task` is its
    task. `provenance` says where it comes from: under `recipe` how it was made, under `reject` the probability below
    which texts can be rejected. It can be empty. `answers` takes texts, or pairs of texts, and returns the fields of
    `Answers`, in their order.
    """

    @property
    def name(self) -> str:
        """Its name in messages."""

    @property
    def labels(self) -> list[str]:
        """Its labels, in the order of the columns."""

    @property
    def task(self) -> Task:
        """Its task."""

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Where it comes from."""

    def answers(self, inputs: Sequence[Input]) -> Answers:
        """Its answers to these texts, or pairs of texts."""


@dataclass(frozen=True)
class OpenedModel:
    """An `Answering` made from a function."""

    name: str
    labels: list[str]
    task: Task
    answer: Callable[[Sequence[Input]], Answers]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def answers(self, inputs: Sequence[Input]) -> Answers:
        """The answers of the function."""
        return self.answer(inputs)


LEARNT_DEV = "learnt_dev"  # in the recipe of a model that has learnt texts of dev: the fingerprint of dev


def has_learnt(recipe: Mapping[str, Any], dev: Examples | None) -> bool:
    """Whether a model has learnt texts of this dev at the end of its run, as its recipe says."""
    return dev is not None and recipe.get(LEARNT_DEV) == Data(dev).fingerprint()


def recipe_of(model: Answering) -> dict[str, Any]:
    """The recipe of the model, if it has one."""
    recipe = model.provenance.get("recipe")
    return recipe if isinstance(recipe, dict) else {}


def checked_answers(model: Answering, said: tuple[Any, Any], inputs: Sequence[Input]) -> Answers:
    """A model's answers to these texts; InputError if their form is wrong, or if some are missing."""
    shape, given = (len(inputs), len(model.labels)), [np.asarray(each) for each in said]
    if [each.shape for each in given] != [shape, shape] or given[0].dtype.kind != "f" or given[1].dtype != bool:
        raise InputError(
            f"{model.name}: its answers must be two arrays, of floats and of bools, with {shape[0]:,} rows of "
            f"{shape[1]:,} labels. Correct its answers."
        )
    answers = Answers(*given)
    silent = np.flatnonzero(~np.isfinite(answers.probabilities).all(1))
    if len(silent):
        first = inputs[silent[0]]
        raise InputError(
            f"{model.name}: it has no answer to {len(silent):,} of the {len(inputs):,} texts, such as "
            f"{quoted(first if isinstance(first, str) else first[0])}. Give a model that answers all of them."
        )
    if model.task.answer == "label" and (answers.chosen.sum(1) != 1).any():
        raise InputError(f"{model.name}: it must choose one label for each text. Correct the model, or its task.")
    return answers
