"""The result of reading: labelled texts, in up to three splits, and a report on their flaws."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import combinations
from typing import TYPE_CHECKING, Any

from prunetext.data.example_values import refuse_other_values, refuse_unequal
from prunetext.data.label_forms import alike
from prunetext.data.labels import Named, holds_several, listed_values, named, named_sets
from prunetext.data.report import Report
from prunetext.data.scores import levels_for, levels_of, passed, score_name, score_numbers, step_names
from prunetext.data.task import Task
from prunetext.data.weights import all_weights, checked_weights
from prunetext.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray


Input = str | tuple[str, str]  # a text, or both texts of a pair, for a model to label


@dataclass(frozen=True)
class Examples:
    """Texts and their labels, in the order of the source.

    >>> examples = Examples(["great film", "dull"], ["positive", "negative"])
    >>> len(examples)
    2
    >>> Examples(["great film, dull end"], [["positive", "negative"]]).label_sets
    [('negative', 'positive')]

    `texts` and `labels` have equal length n, and so has `pairs`, the second texts, where there are any. Each may be a
    list, or a column of NumPy, pandas, Polars or Arrow, whose rows are taken in their order. Labels that are no strings
    become names, as `prunetext.data.labels.named` says, and `label_type` is what they were; `trimmed` counts those that
    had outer blanks or invisible characters, which are left out. Where each label is a list, a tuple or a set, texts
    have several labels (or none): `label_sets` has them sorted, each once, and `labels` has the same as one string of
    JSON, which stands for just these labels together. Unequal lengths, and a text or label that is missing, raise
    `InputError`. With `trimmed`, labels are taken as they are. `columns` are further columns by their names, such as
    the source of each text: no model sees them, but what it does can be told apart by them. `weights` say how much each
    text counts in training, 1 being usual; judging counts each text once.

    With `scores`, finite numbers, or texts of numbers, instead of labels, each text has a score; `labels` then has them
    as they are written.

    >>> Examples(["great film", "dull"], scores=[4.5, 1]).labels
    ['4.5', '1']
    """

    texts: list[str]
    labels: list[str] = None  # type: ignore[assignment]
    pairs: list[str] | None = None
    label_sets: list[tuple[str, ...]] | None = field(default=None, repr=False)
    label_type: str = field(default="str", compare=False, repr=False)
    trimmed: int = field(default=None, compare=False, repr=False)  # type: ignore[assignment]
    columns: dict[str, list[Any]] = field(default_factory=dict, compare=False, repr=False)
    weights: list[float] | None = field(default=None, repr=False)
    scores: list[float] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.scores is not None:
            self._take_scores()
        elif self.labels is None:
            raise InputError("There are texts, but neither labels nor scores. Give one of them for each text.")
        for name in ("texts", "labels", "pairs"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, listed_values(getattr(self, name)))
        refuse_unequal(self.texts, self.labels, self.pairs, self.columns)
        if self.weights is not None:
            object.__setattr__(self, "weights", checked_weights(listed_values(self.weights), len(self.texts)))
        refuse_other_values(("text", self.texts), ("second text", self.pairs or ()))
        if self.label_sets is None and holds_several(self.labels):
            self._take(*named_sets(self.labels))
        elif not all(type(label) is str for label in self.labels) or (self.trimmed is None and not self.label_sets):
            self._take(self.label_sets, named(self.labels))
        elif self.trimmed is None:
            object.__setattr__(self, "trimmed", 0)

    @property
    def inputs(self) -> list[Input]:
        """The inputs of a model: texts, or pairs of texts.

        >>> Examples(["a film"], ["same"], pairs=["the film"]).inputs
        [('a film', 'the film')]
        """
        return list(self.texts) if self.pairs is None else list(zip(self.texts, self.pairs, strict=True))

    @property
    def all_texts(self) -> list[str]:
        """Every text; for pairs, first and second texts."""
        return [*self.texts, *(self.pairs or ())]

    def _take_scores(self) -> None:
        """Keep scores as numbers, and as labels how they are written."""
        taken = score_numbers(listed_values(self.scores or ()))
        for name, value in {"scores": taken, "labels": [*map(score_name, taken)], "trimmed": 0}.items():
            object.__setattr__(self, name, value)

    def _take(self, sets: list[tuple[str, ...]] | None, given: Named) -> None:
        """Keep labels by their names."""
        trimmed = given.trimmed if self.trimmed is None else self.trimmed
        taken = {"label_sets": sets, "labels": given.names, "label_type": given.type, "trimmed": trimmed}
        for name, value in taken.items():
            object.__setattr__(self, name, value)

    @property
    def task(self) -> Task:
        """The task of these examples."""
        answer = "score" if self.scores is not None else "label" if self.label_sets is None else "labels"
        return Task(1 if self.pairs is None else 2, answer)

    def targets(self, classes: Sequence[str]) -> NDArray[Any]:
        """The gold labels by their positions in `classes`: indices (n,) int64, or 0 and 1 (n, classes) float32.

        >>> Examples(["a film", "dull"], [["x", "z"], []]).targets(["x", "y", "z"]).tolist()
        [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]

        Of scores, the share of each step that they have passed, (n, steps) float32.
        """
        import numpy as np

        if self.scores is not None:
            return passed(self.scores, levels_of(classes))
        index = {label: position for position, label in enumerate(classes)}
        if self.label_sets is None:
            return np.array([index[label] for label in self.labels], np.int64)
        found = np.zeros((len(self), len(classes)), np.float32)
        for row, labels in enumerate(self.label_sets):
            found[row, [index[label] for label in labels]] = 1
        return found

    @property
    def gold(self) -> list[str] | list[tuple[str, ...]]:
        """The gold label of each text, or all of its labels."""
        return self.labels if self.label_sets is None else self.label_sets

    @property
    def label_lists(self) -> list[tuple[str, ...]]:
        """The labels of each text as a sequence, even if each has one."""
        return [(label,) for label in self.labels] if self.label_sets is None else self.label_sets

    def subset(self, rows: Iterable[int]) -> Examples:
        """The examples of some rows, in the order given.

        >>> Examples(["great film", "dull"], [["positive"], []]).subset([1]).label_sets
        [()]
        """
        rows = list(rows)

        def part(column: list[Any] | None) -> Any:
            return None if column is None else [column[row] for row in rows]

        kept = (self.texts, self.labels, self.pairs, self.label_sets, self.weights)
        texts, labels, pairs, sets, weights = map(part, kept)
        columns = {name: part(column) for name, column in self.columns.items()}
        return Examples(texts, labels, pairs, sets, self.label_type, 0, columns, weights, part(self.scores))

    def with_more(self, more: Examples) -> Examples:
        """These examples and others of the same kind, in this order, without further columns.

        >>> Examples(["great film"], ["positive"]).with_more(Examples(["dull"], ["negative"])).labels
        ['positive', 'negative']
        """

        def both(one: list[Any] | None, other: list[Any] | None) -> Any:
            return None if one is None or other is None else [*one, *other]

        texts, labels, pairs = (
            both(self.texts, more.texts),
            both(self.labels, more.labels),
            both(self.pairs, more.pairs),
        )
        sets, scores = both(self.label_sets, more.label_sets), both(self.scores, more.scores)
        weights = all_weights(self.weights, len(self), more.weights, len(more))
        return Examples(texts, labels, pairs, sets, self.label_type, 0, weights=weights, scores=scores)

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        return f"Examples({len(self):,} {'texts' if self.pairs is None else 'pairs'})"


@dataclass(frozen=True)
class Data:
    """Everything that a model is trained, chosen and tested on.

    >>> data = Data(Examples(["great film", "dull"], ["positive", "negative"]), name="films")
    >>> data.labels
    ['negative', 'positive']

    A split that the source lacks is None until `prunetext.data.splitting.split` fills it. If no report is given, it is
    counted.
    """

    train: Examples
    dev: Examples | None = None
    test: Examples | None = None
    name: str = "data"
    report: Report = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.report is None:
            object.__setattr__(self, "report", count_flaws(self.train, self.dev, self.test))

    @property
    def labels(self) -> list[str]:
        """The labels of train, each once, sorted; of scores, the steps between their levels."""
        if self.train.scores is not None:
            return step_names(levels_for(self.train.scores))
        if self.train.label_sets is not None:
            return sorted({label for labels in self.train.label_sets for label in labels})
        return sorted(set(self.train.labels))

    def splits(self) -> Iterator[tuple[str, Examples]]:
        """Yield the name and the examples of each split that is not None."""
        for name, examples in (("train", self.train), ("dev", self.dev), ("test", self.test)):
            if examples is not None:
                yield name, examples

    def fingerprint(self) -> str:
        """Return a digest of every split's texts and labels, in their order: equal only for equal data.

        >>> train = Examples(["great film", "dull"], ["positive", "negative"])
        >>> Data(train, None, None, "films", Report(rows=2)).fingerprint()
        'e3a72c6f8eb795cff8ed5c551afb2e56'

        32 hexadecimal digits (blake2b, 16 bytes). Each string follows its length; no two different data sets give the
        digest the same bytes. Name and report do not count.
        """
        digest = blake2b(digest_size=16)
        for name, examples in self.splits():
            columns = [examples.texts, examples.labels]
            if examples.pairs is not None:
                columns.append(examples.pairs)
            if examples.weights is not None:
                columns.append([each.hex() for each in examples.weights])
            digest.update(f"{name} {len(columns)} {len(examples)}\n".encode())
            for row in zip(*columns, strict=True):
                for value in row:
                    raw = value.encode("utf-8", "surrogatepass")
                    digest.update(len(raw).to_bytes(8, "little") + raw)
        return digest.hexdigest()

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {len(examples):,}" for name, examples in self.splits())
        return f"Data({self.name!r}: {sizes})"


def count_flaws(
    train: Examples, dev: Examples | None = None, test: Examples | None = None, *, skipped: int = 0
) -> Report:
    """Count duplicates, contradictions and texts shared between splits; pairs are equal if both texts are.

    >>> count_flaws(Examples(["a", "a", "a", "b"], ["x", "x", "y", "y"])).lines()[1:]  # doctest: +ELLIPSIS
    ['1 row repeats an earlier row ...', '1 text has different labels ...']
    """
    splits = {
        name: examples for name, examples in (("train", train), ("dev", dev), ("test", test)) if examples is not None
    }
    duplicates = contradicting = 0
    distinct: dict[str, dict[str | tuple[str, str], str]] = {}
    for name, examples in splits.items():
        first: dict[str | tuple[str, str], str] = {}  # text, or pair of texts → its first label
        further: dict[str | tuple[str, str], set[str]] = {}  # text → its other labels; most texts have none
        rows: Iterable[str | tuple[str, str]] = examples.inputs
        for text, label in zip(rows, examples.labels, strict=True):
            known = first.setdefault(text, label)
            if known is not label and known != label:
                others = further.setdefault(text, set())
                duplicates += label in others
                others.add(label)
            else:
                duplicates += 1
        duplicates -= len(first)  # the first row of each text was counted as its own duplicate
        contradicting += len(further)
        distinct[name] = first
    shared = {
        (one, other): len(distinct[one].keys() & distinct[other].keys()) for one, other in combinations(distinct, 2)
    }
    return Report(
        rows=sum(map(len, splits.values())),
        skipped=skipped,
        duplicates=duplicates,
        contradicting=contradicting,
        shared={both: count for both, count in shared.items() if count},
        pairs=train.pairs is not None,
        trimmed=sum(examples.trimmed for examples in splits.values()),
        alike=() if train.scores else tuple(map(tuple, alike({each for own in train.label_lists for each in own}))),
        scored=train.scores is not None,
    )
