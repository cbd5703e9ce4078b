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
from prunetext.data.duplicates import Near, near_duplicates
from prunetext.data.report import Report
from prunetext.judging.slicing import check_columns, named_values, slices_of
from prunetext.statistics.answers import Answering, Answers, Array
from prunetext.statistics.calibration import Reliability, reliability
from prunetext.statistics.metrics import Measure
from prunetext.statistics.ranking import Following, following
from prunetext.statistics.slices import SliceChange, slice_changes, smallest_drop
from prunetext.statistics.suspects import suspects

LOST, GAINED, CHANGED = "lost", "gained", "changed"


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
    """A text whose label is probably wrong: both models are sure of another one."""

    row: int
    text: str | tuple[str, str]
    label: str
    instead: str
    doubt: float


@dataclass(frozen=True)
class DamageReport:
    """The damage, of all texts and of parts of them.

    changed: texts whose label changed; churn: the same in percent. lost, gained: texts that only the larger, and only
    the smaller model labels right. slices: every part, the most certain damage first. follows: how far the scores of
    the smaller model follow each column. smallest: the smallest drop, in points, that these texts would probably have
    shown. before, now: how sure the models are, and how often right. faults: of the texts themselves. near: pairs of
    texts that are nearly the same.
    """

    n: int
    changed: int
    lost: int
    gained: int
    smallest: float
    slices: tuple[SliceChange, ...]
    follows: tuple[Following, ...]
    flips: tuple[Flip, ...] = field(repr=False)
    before: tuple[Reliability, ...] = field(repr=False)
    now: tuple[Reliability, ...] = field(repr=False)
    doubtful: tuple[Doubtful, ...] = field(repr=False)
    near: tuple[Near, ...] = field(repr=False)
    faults: Report = field(repr=False)

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
        if self.slices and not self.flagged:
            said.append(f"None of {len(self.slices):,} slices lost more than the other texts, beyond chance.")
        said += [sentence for each in self.follows if (sentence := each.sentence())]
        said.append(f"A drop of less than {self.smallest:.2f} points would probably not be seen on these texts.")
        if self.doubtful:
            said.append(f"{len(self.doubtful):,} labels are probably wrong: both models are sure of another one.")
        if self.near:
            said.append(f"{len(self.near):,} pairs of these texts are nearly the same.")
        return said

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        lists = {"flips": self.flips, "calibration_before": self.before, "calibration_now": self.now}
        lists |= {"doubtful": self.doubtful, "near_duplicates": self.near}
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
            "faults": self.faults.lines()[1:],
            "sentences": self.sentences(),
        }


def damage_of(
    examples: Examples,
    measure: Measure,
    labels: list[str],
    before: Answers,
    now: Answers,
    columns: Sequence[str] = (),
    models: Sequence[Answering] = (),
    max_drop: float = 0.5,
) -> DamageReport:
    """Compare the answers of a larger and a smaller model to the same texts.

    columns: further columns of the examples, by which they are cut, too. models: the larger one and the smaller one,
    whose unknown words count where they can list their words.
    """
    check_columns(examples, columns)
    right = [measure.right(each) for each in (before, now)]
    changed = (before.chosen != now.chosen).any(1)
    gold = measure.gold.chosen(len(labels))
    lost, gained = right[0] & ~right[1], right[1] & ~right[0]
    slices = slices_of(examples, labels, columns, models)
    follows = [
        following(name, named_values(examples.columns[name]), now.probabilities, gold)
        for name in columns
        if len(set(named_values(examples.columns[name]))) > 1
    ]
    return DamageReport(
        len(examples),
        int(changed.sum()),
        int(lost.sum()),
        int(gained.sum()),
        smallest_drop(int((lost | gained).sum()), len(examples)),
        tuple(slice_changes(slices, *right, max_drop)),
        tuple(follows),
        tuple(flips_of(examples, measure, labels, before, now)),
        *(tuple(_reliability(each, gold, several=measure.gold.several)) for each in (before, now)),
        tuple(doubtful_of(examples, measure, labels, (before, now))),
        tuple(near_duplicates([each if isinstance(each, str) else "\n".join(each) for each in examples.inputs])),
        Data(examples).report,
    )


def flips_of(examples: Examples, measure: Measure, labels: list[str], before: Answers, now: Answers) -> list[Flip]:
    """Every text whose label changed, those that were lost first, the surest new labels first."""
    right = [measure.right(each) for each in (before, now)]
    named = [measure.named(each, labels) for each in (before, now)]
    sure = [_sureness(each) for each in (before, now)]
    found = []
    for row in np.flatnonzero((before.chosen != now.chosen).any(1)).tolist():
        kind = LOST if right[0][row] else GAINED if right[1][row] else CHANGED
        said = (examples.gold[row], named[0][row], named[1][row])
        found.append(Flip(row, kind, examples.inputs[row], *said, *(float(each[row]) for each in sure)))
    order = (LOST, GAINED, CHANGED)
    return sorted(found, key=lambda each: (order.index(each.kind), -each.sure_now, each.row))


def doubtful_of(examples: Examples, measure: Measure, labels: list[str], answers: Sequence[Answers]) -> list[Doubtful]:
    """The texts whose labels all models contradict; none where texts can have several labels."""
    if measure.gold.several:
        return []
    found = suspects([each.probabilities for each in answers], measure.gold.targets)
    return [
        Doubtful(each.row, examples.inputs[each.row], labels[each.label], labels[each.instead], each.doubt)
        for each in found
    ]


def _sureness(answers: Answers) -> Array:
    """The probability of the given label, or of the least probable of several; of none, that none is right."""
    given = np.where(answers.chosen, answers.probabilities, np.inf).min(1)
    return np.where(np.isfinite(given), given, 1 - answers.probabilities.max(1))


def _reliability(answers: Answers, gold: Array, *, several: bool) -> list[Reliability]:
    if several:
        return reliability(answers.probabilities.ravel(), gold.ravel())
    winners = answers.winners()
    return reliability(answers.probabilities.max(1), gold[np.arange(len(gold)), winners])
