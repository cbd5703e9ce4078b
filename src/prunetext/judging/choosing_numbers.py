"""Which parts of a packed transformer may have int8: asked of its own file, on dev."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from prunetext.judging.calibrating import Agreement, Chosen, SplitTexts, TriedNumbers, packed_by
from prunetext.models.protocol import Packing, Trained, load_family
from prunetext.statistics.answers import Answers
from prunetext.statistics.expected import expected_drop
from prunetext.statistics.metrics import Measure
from prunetext.training.answering import thresholds_of

AUTO_NUMBERS = "auto"
ROUNDING_SHARE = 0.4  # of the points that the packed model may lose: rounding may lose so many of them
ROUNDING_DOUBT = 0.5  # standard errors of the drop that count as lost, too
# Texts of dev that all parts are asked about, then several parts together, and each part alone.
MOST_AT_FIRST, MOST_TOGETHER, MOST_ALONE = 4_000, 1_000, 200
ALL = "all"


class NumbersRule(NamedTuple):
    """What is allowed: points of the metric that rounding may lose, and one format for all parts unless it is auto.

    deadline: a `time.monotonic()` behind which parts are not asked about one by one.
    """

    limit: float
    numbers: str = AUTO_NUMBERS
    deadline: float | None = None


class _Asked(NamedTuple):
    """What a file with some numbers says of dev, or of some of it, and what that comes to."""

    said: Answers
    row: TriedNumbers


class NumbersChooser:
    """The questions to files of one model.

    NumbersChooser(trained, dev, Path("scratch.onnx"), measure, NumbersRule(0.2)).chosen().agreement.numbers

    The float32 file's answers are what all others are held against. A format holds where the drop from these and half
    of its standard error are within the limit.
    """

    def __init__(self, trained: Trained, dev: SplitTexts, scratch: Path, measure: Measure, rule: NumbersRule) -> None:
        thresholds = thresholds_of(trained.model, dev.encoded)
        self.trained = trained._replace(thresholds=None if thresholds is None else thresholds.tolist())
        self.dev, self.scratch, self.measure, self.rule = dev, scratch, measure, rule
        family = load_family(trained.family)
        assert family.number_parts is not None
        self.formats, self.parts = family.tables, dict(family.number_parts(trained.model))
        self.rows = np.arange(len(dev.examples))
        self.rows = self.some_rows(MOST_AT_FIRST)
        self.tried: list[TriedNumbers] = []
        self.exact = self.answers(Packing(table=self.formats[-1]), self.rows)

    def chosen(self) -> Chosen:
        """All parts with int8 if that holds; else as many as hold together, those that harm least a byte first."""
        began, (small, *larger) = time.monotonic(), self.formats
        whole = self.ask(ALL, small, {}, self.rows)
        seconds = time.monotonic() - began
        if whole.row.held:
            return self.concluded(small, {}, whole.said)
        some = self.some_rows(MOST_TOGETHER)
        other = next((each for each in larger[:-1] if self.ask(ALL, each, {}, some).row.held), larger[-1])
        late = self.rule.deadline
        if late is not None and time.monotonic() + len(self.parts) * seconds > late:
            return self.concluded(other, {})
        order = self.by_harm(small)
        most = self.most_held(order, small, other, some)
        return self.concluded(other, dict.fromkeys(order[:most], small))

    def by_harm(self, small: str) -> list[str]:
        """The parts in the order of what each does alone to probabilities, for each byte that it saves."""
        rows, usual = self.some_rows(MOST_ALONE), self.formats[-1]
        exact = self.exact.subset(np.searchsorted(self.rows, rows)).probabilities
        harms = {}
        for part, count in self.parts.items():
            said = self.ask(part, small, {part: small}, rows, usual).said
            harms[part] = float(np.abs(said.probabilities - exact).max(1).mean()) / count
        return sorted(harms, key=lambda part: (not np.isfinite(harms[part]), harms[part]))

    def most_held(self, order: Sequence[str], small: str, other: str, rows: np.ndarray) -> int:
        """How many parts, from the first of this order on, hold together; all of them do not."""
        most, too_many = 0, len(order)
        while too_many - most > 1:
            count = (most + too_many) // 2
            others = dict.fromkeys(order[:count], small)
            if self.ask(f"{count} of {len(order)} parts", small, others, rows, other).row.held:
                most = count
            else:
                too_many = count
        return most

    def ask(
        self, part: str, kind: str, others: Mapping[str, str], rows: np.ndarray, usual: str | None = None
    ) -> _Asked:
        """Ask a file whose parts have the usual numbers but for others; part: those that the question is about."""
        said = self.answers(Packing(table=usual or kind, numbers=others), rows)
        before = self.exact.subset(np.searchsorted(self.rows, rows))
        drop, error = expected_drop(self.measure.subset(rows), before, said)
        equal = float((said.chosen == before.chosen).all(1).mean())
        held = bool(drop + ROUNDING_DOUBT * error <= self.rule.limit)
        row = TriedNumbers(part, kind, drop, error, equal, len(rows), self.scratch.stat().st_size, held)
        self.tried.append(row)
        return _Asked(said, row)

    def answers(self, packing: Packing, rows: np.ndarray) -> Answers:
        """What a file says of these rows of dev."""
        inputs = self.dev.examples.subset(rows.tolist()).inputs
        return Answers(*packed_by(self.trained, packing, self.scratch).answers(inputs))

    def some_rows(self, most: int) -> np.ndarray:
        """Rows of dev, always the same; all of them if the metric ranks the rows of a query."""
        if self.measure.metric.ranks or len(self.rows) <= most:
            return self.rows
        return np.sort(np.random.default_rng(0).permutation(self.rows)[:most])

    def concluded(self, usual: str, others: Mapping[str, str], said: Answers | None = None) -> Chosen:
        """These numbers, with what their file says of all of dev."""
        whole = np.arange(len(self.dev.examples))
        if said is None or len(whole) > len(self.rows):
            said = self.answers(Packing(table=usual, numbers=others), whole)
        own, measure = said.subset(self.rows), self.measure.subset(self.rows)
        equal = float((own.chosen == self.exact.chosen).all(1).mean())
        drop = 100 * (measure.value(self.exact) - measure.value(own))
        numbers = {part: others.get(part, usual) for part in self.parts}
        return Chosen(Agreement(usual, equal, drop, numbers, tuple(self.tried)), said, self.trained)


def choose_numbers(
    trained: Trained,
    dev: SplitTexts,
    scratch: Path,
    measure: Measure,
    rule: NumbersRule,
    like: Agreement | None = None,
) -> Chosen:
    """The numbers of a model's parts, by what files with them say of dev.

        choose_numbers(trained, dev, scratch, measure, NumbersRule(0.2)).agreement.numbers["words"]    # 'int8'

    like: the agreement of nearly the same model, whose numbers this one gets.
    """
    chooser = NumbersChooser(trained, dev, scratch, measure, rule)
    if like is not None:
        found = chooser.concluded(like.table, like.numbers)
        return found._replace(agreement=found.agreement._replace(tried=like.tried))
    return chooser.chosen() if rule.numbers == AUTO_NUMBERS else chooser.concluded(rule.numbers, {})
