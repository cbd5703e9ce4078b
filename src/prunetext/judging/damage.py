"""What a smaller model does worse than a larger one: which texts, which parts of them, and what the test cannot tell.

found = prunetext.evaluate("small.safetensors", "new.csv", against="large.safetensors", slices="source")
found.damage.churn                    # 1.9: percent of the texts whose label changed
found.damage.slices[0].sentence()     # 'source mail: 10.00 points lost on 90 texts, at least 2.50; …'
found.damage.flips[0]                 # Flip(row=17, kind='lost', text='…', gold='spam', before='spam', …)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from prunetext.data.dataset import Data, Examples
from prunetext.data.duplicates import Near, comparable, near_duplicates, nearly_among
from prunetext.data.report import Report
from prunetext.judging.slicing import LABEL_SLICES, check_columns, slices_of, told_values, whole_texts
from prunetext.judging.words import LostWord, lost_words
from prunetext.statistics.answers import Answering, Answers, Array
from prunetext.statistics.calibration import tops_and_right
from prunetext.statistics.metrics import Measure
from prunetext.statistics.ranking import Following, dense_ranks, following, mean_auc, spread_of
from prunetext.statistics.reliability import Reliability, error_of, reliability
from prunetext.statistics.slices import FEWEST, SliceChange, TextSlice, slice_changes, smallest_drop
from prunetext.statistics.suspects import suspects

LOST, GAINED, CHANGED = "lost", "gained", "changed"
_MOST_RANKED = 100_000_000  # texts times classes times slices whose scores are ranked, a few seconds' work


class Flip(NamedTuple):
    """A text whose label changed. kind: lost (it was right), gained (it is now), or changed (wrong both times).

    text: one, or both of a pair. gold, before, now: the label, or all labels. Probabilities are those of the labels
    before and now, by the model that gave them.
    """

    row: int
    kind: str
    text: str | tuple[str, str]
    gold: str | tuple[str, ...]
    before: str | tuple[str, ...]
    now: str | tuple[str, ...]
    sure_before: float
    sure_now: float


class Doubtful(NamedTuple):
    """A text whose label is probably wrong: both models are sure of another one, with this mean probability."""

    row: int
    text: str | tuple[str, str]
    label: str
    instead: str
    probability: float


@dataclass(frozen=True)
class DamageReport:
    """The damage, of all texts and of parts of them.

    changed: texts whose label changed. lost, gained: texts that only the larger, and only the smaller model labels
    right. smallest: the smallest drop, in points, that these texts would probably have shown. slices: every part, the
    most certain damage first; those of the column label have what can be told of each class. follows: how far the
    scores of the smaller model follow each column. words: that only the larger model knows, the most evidence first.
    before, now: how sure the models are, and how often right. faults: of the texts themselves. near: pairs of texts
    that are nearly the same. in_train: texts to which one of train is nearly the same, None if train is not at hand.
    notes: what was left out.
    """

    n: int
    changed: int
    lost: int
    gained: int
    smallest: float
    slices: tuple[SliceChange, ...]
    follows: tuple[Following, ...]
    flips: tuple[Flip, ...] = field(repr=False)
    words: tuple[LostWord, ...] = field(repr=False)
    before: tuple[Reliability, ...] = field(repr=False)
    now: tuple[Reliability, ...] = field(repr=False)
    doubtful: tuple[Doubtful, ...] = field(repr=False)
    near: tuple[Near, ...] = field(repr=False)
    contradicting: int  # pairs of `near` that have different labels
    in_train: int | None
    faults: Report = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def churn(self) -> float:
        """The share of texts whose label changed, in percent."""
        return 100 * self.changed / self.n

    @property
    def flagged(self) -> list[SliceChange]:
        """The slices that lost more than the other texts, beyond chance."""
        return [each for each in self.slices if each.flagged]

    def sentences(self) -> list[str]:
        """What a reader should know, in plain words."""
        texts = f"{self.changed:,} of {self.n:,} texts have another label ({self.churn:.2f} %)"
        said = [f"{texts}: {self.lost:,} were right and are now wrong, {self.gained:,} the reverse."]
        said += [each.sentence() for each in self.flagged]
        tested = sum(each.n >= FEWEST for each in self.slices)
        if tested and not self.flagged:
            said.append(f"None of {tested:,} slices lost more than the other texts, beyond chance.")
        said += [sentence for each in self.follows if (sentence := each.sentence())]
        errors = [f"{100 * error_of(bins):.2f} %" for bins in (self.before, self.now)]
        said.append(f"The expected calibration error was {errors[0]} and is {errors[1]}.")
        said.append(self._unseen())
        if self.doubtful:
            said.append(f"{len(self.doubtful):,} labels are probably wrong: both models are sure of another one.")
        if self.near:
            odd = f", {self.contradicting:,} of them with different labels" if self.contradicting else ""
            said.append(f"{len(self.near):,} pairs of these texts are nearly the same{odd}.")
        if self.in_train:
            said.append(f"{self.in_train:,} of these texts are nearly in train, which makes scores look better.")
        return [*said, *self.faults.lines()[1:], *self.notes]

    def _unseen(self) -> str:
        """What this test cannot tell."""
        said = f"These texts would probably not show a drop of less than {self.smallest:.2f} points"
        classes = [each for each in self.slices if each.column == LABEL_SLICES]
        if not classes:
            return f"{said}."
        worst = max(classes, key=lambda each: each.smallest)
        return f"{said}; of {worst.value} ({worst.n:,} texts), none of less than {worst.smallest:.2f}."

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        lists: dict[str, Sequence[Any]] = {"flips": self.flips, "words": self.words, "doubtful": self.doubtful}
        lists |= {"calibration_before": self.before, "calibration_now": self.now, "near_duplicates": self.near}
        return {
            "n": self.n,
            "churn": self.churn,
            "changed": self.changed,
            "lost": self.lost,
            "gained": self.gained,
            "smallest": self.smallest,
            "slices": [each.fields() for each in self.slices],
            "follows": [each.fields() for each in self.follows],
            **{name: [each._asdict() for each in rows] for name, rows in lists.items()},
            "contradicting": self.contradicting,
            "in_train": self.in_train,
            "sentences": self.sentences(),
        }


def damage_between(
    examples: Examples,
    measure: Measure,
    labels: list[str],
    before: Answers,
    now: Answers,
    columns: Sequence[str] = (),
    models: Sequence[Answering] = (),
    max_drop: float = 0.5,
    train: Examples | None = None,
) -> DamageReport:
    """Compare the answers of a larger and a smaller model to the same texts.

        found = damage_between(data.test, measure, labels, dense.answers(texts), small.answers(texts), ["source"])
        found.flagged          # the slices that lost more than the other texts

    columns: further columns of the examples, by which they are cut, too. models: the larger one and the smaller one,
    whose words count where they can list them. train: texts in which those of the examples should not be.
    """
    check_columns(examples, columns)
    right = [measure.right(each) for each in (before, now)]
    gold = measure.gold.chosen(len(labels))
    lost, gained = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    slices = slices_of(examples, labels, columns, models)
    notes = [
        f"No value of {name} has {FEWEST} texts that the others have not."
        for name in columns
        if not any(each.column == name for each in slices)
    ]
    texts = whole_texts(examples)
    near: list[Near] = []
    if comparable(texts):
        near = near_duplicates(texts)
    else:
        notes.append("There are too many texts to look for some that are nearly the same.")
    in_train = None
    if train is not None and comparable(texts, others := whole_texts(train)):
        in_train = len(nearly_among(texts, others))
    changes = slice_changes(slices, right[0], right[1], max_drop)
    follows, ranked = _scores(examples, columns, slices, changes, now.probabilities, gold)
    bins = [tuple(reliability(*tops_and_right(measure, each))) for each in (before, now)]
    return DamageReport(
        len(examples),
        int((before.chosen != now.chosen).any(1).sum()),
        lost,
        gained,
        smallest_drop(lost + gained, len(examples)),
        tuple(ranked),
        tuple(follows),
        tuple(flips_of(examples, measure, labels, before, now)),
        tuple(lost_words(examples, measure, labels, before, now, models)),
        bins[0],
        bins[1],
        tuple(doubtful_of(examples, measure, labels, (before, now))),
        tuple(near),
        sum(examples.labels[each.one] != examples.labels[each.other] for each in near),
        in_train,
        Data(examples).report,
        tuple(notes),
    )


def _scores(
    examples: Examples,
    columns: Sequence[str],
    slices: Sequence[TextSlice],
    changes: Sequence[SliceChange],
    scores: Array,
    gold: Array,
) -> tuple[list[Following], list[SliceChange]]:
    """How far scores follow each column, and the changes with the spread and the AUC of the scores inside."""
    texts, classes = scores.shape
    inside = {(each.column, each.value): each.inside for each in slices}
    unlike = [each for each in changes if each.column != LABEL_SLICES]  # texts of one label cannot be ranked by it
    ranked = dense_ranks(scores) if texts * classes * max(len(unlike), 1) <= _MOST_RANKED else None
    found = []
    for each in changes:
        rows = np.flatnonzero(inside[each.column, each.value])
        mean, deviation = spread_of(scores[rows])
        area = mean_auc(ranked[rows], gold[rows])[0] if ranked is not None and each.column != LABEL_SLICES else None
        found.append(each._replace(mean=mean, deviation=deviation, auc=area))
    told = {name: told_values(examples.columns[name]) for name in columns if ranked is not None}
    return [following(name, told[name], scores, gold) for name in told if len(set(told[name])) > 1], found


def flips_of(examples: Examples, measure: Measure, labels: list[str], before: Answers, now: Answers) -> list[Flip]:
    """Every text whose label changed, those that were lost first, the surest new labels first."""
    right = [measure.right(each) for each in (before, now)]
    named = [measure.named(each, labels) for each in (before, now)]
    sure = [_sureness(each) for each in (before, now)]
    found, inputs, gold = [], examples.inputs, examples.gold
    for row in np.flatnonzero((before.chosen != now.chosen).any(1)).tolist():
        kind = LOST if right[0][row] else GAINED if right[1][row] else CHANGED
        said = (gold[row], named[0][row], named[1][row])
        found.append(Flip(row, kind, inputs[row], *said, *(float(each[row]) for each in sure)))
    order = (LOST, GAINED, CHANGED)
    return sorted(found, key=lambda each: (order.index(each.kind), -each.sure_now, each.row))


def doubtful_of(examples: Examples, measure: Measure, labels: list[str], answers: Sequence[Answers]) -> list[Doubtful]:
    """The texts whose labels all models contradict; none where texts can have several labels."""
    inputs = examples.inputs
    found = suspects([each.probabilities for each in answers], measure.gold.targets)
    return [
        Doubtful(each.row, inputs[each.row], labels[each.label], labels[each.instead], each.probability)
        for each in found
    ]


def _sureness(answers: Answers) -> Array:
    """The probability of the given label, or of the least probable of several; of none, that none is right."""
    given = np.where(answers.chosen, answers.probabilities, np.inf).min(1)
    return np.asarray(np.where(np.isfinite(given), given, 1 - answers.probabilities.max(1)))
