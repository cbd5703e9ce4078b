"""From rows as a file holds them to examples: every value is checked, and errors name their row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from prunetext.data.columns import quoted
from prunetext.data.dataset import Examples
from prunetext.data.formats.rows import Absent, LineLabels
from prunetext.data.label_forms import clean_label, written_list
from prunetext.data.labels import LABEL_TYPES, SEVERAL, LabelColumn, is_missing, python_value
from prunetext.data.scores import score_of
from prunetext.data.task import Task
from prunetext.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prunetext.data.formats.rows import SourceRow

Place = int | Path


SEVERAL_LABELS = Task(answer="labels")
_BRACKETS = ("[", "(", "{")


class Rules(NamedTuple):
    """Rules for rows, besides being well-formed."""

    known: dict[str, str]  # the labels; others are added if `unknown` is None
    unknown: str | None = None  # the rule that another label breaks
    task: Task | None = None  # the task that the rows must have, as in `Examples.task`
    whose: str = ""  # "… have": the rows that the task is from
    separator: str | None = None  # between the labels of a cell
    skip_empty: bool = False
    kept: tuple[str, ...] = ()  # names of further columns, which the rows hold
    scored: bool = False  # whether labels are scores

    @property
    def label(self) -> str:
        """What messages call a label."""
        return "score" if self.scored else "label"


def gather(source: object, parts: Iterable[tuple[object, Iterable[SourceRow]]], rules: Rules) -> tuple[Examples, int]:
    """Check the rows of a source, part by part, and gather them; also return how many were skipped.

        examples, skipped = gather("reviews.csv", [("reviews.csv", read_delimited(…))], Rules({}))

    Texts have several labels if the first row has a list, also one written as text; if a separator is given; and in
    fastText's format if any row has several or the rules' task says so. Raises `DataError` at the first row that breaks
    a rule, and for rows of another task than that of the rules.
    """
    gathered = _Gathered(rules)
    for part, rows in parts:
        for place, texts, given, called, kept in rows:
            if gathered.add(_At(part, place), texts, given, called):
                gathered.kept.append(kept)
    if not gathered.chosen:
        kind = "rows that are not empty" if gathered.skipped else "rows"
        raise DataError(source, f"there are no {kind}. Write a text and its {rules.label} in each row.")
    examples = gathered.examples()
    if examples.task == Task(texts=2, answer="labels"):
        raise DataError(
            source,
            "pairs of texts with several labels are not supported. Give each pair one label, or name the column of one "
            "text with --text.",
        )
    if rules.task is not None:
        check_task(examples, rules.task, source, rules.whose)
    return examples, gathered.skipped


class _Gathered:
    """The checked rows so far."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.columns: tuple[list[str], list[str]] = ([], [])
        self.chosen: list[str | tuple[str, ...]] = []
        self.scores: list[float] = []
        self.sets: dict[tuple[str, ...], tuple[str, ...]] = {}  # one object for each, shared by all rows
        self.listed: bool | None = None  # whether the rows have lists of labels; the first one tells
        self.skipped = 0
        self.kept: list[tuple[object, ...]] = []
        self.labels = LabelColumn(rules.known)

    def add(self, at: _At, texts: tuple[object, ...], given: object, called: tuple[str, ...]) -> bool:
        """Add a row; False if it is skipped."""
        labels = given
        if not self.rules.scored:
            labels = at.written_list(given) if isinstance(given, str) and given.lstrip()[:1] in _BRACKETS else given
            labels = split_cell(labels, self.rules.separator)
        if (empty := _first_empty(texts, labels, called)) is not None:
            if self.rules.skip_empty:
                self.skipped += 1
                return False
            what, value = empty
            kind = self.rules.label if what == "label" else "text"
            what = self.rules.label if what == "label" else what
            rule = f"{value}. Add it" if isinstance(value, Absent) else f"{what} is empty. Give it a {kind}"
            raise at.error(f"{rule}, or drop such rows with --skip-empty.")
        for what, text, column in zip(called, texts, self.columns, strict=False):
            column.append(_checked_text(at, what, text, "--text" if column is self.columns[0] else "--text-b"))
        if self.rules.scored:
            self.scores.append(_checked_score(at, labels))
            self.chosen.append("")  # it has no label
            return True
        if self.listed is None:
            self.listed = isinstance(labels, list)
        elif self.listed != isinstance(labels, list):
            one, other = ("one label", "lists of labels") if self.listed else ("a list of labels", "one label each")
            raise at.error(
                f"the row has {one}, but those before it have {other}. Write a list in each row, or in none."
            )
        if isinstance(labels, (list, tuple)):
            each = tuple(dict.fromkeys(_known_label(at, label, self.rules, self.labels) for label in labels))
            self.chosen.append(self.sets.setdefault(each, each))
        else:
            self.chosen.append(_known_label(at, labels, self.rules, self.labels))
        return True

    def examples(self) -> Examples:
        """All rows; labels that turn out to be whole numbers are these."""
        chosen, rules = self.chosen, self.rules
        beside = {name: [_plain(row[at]) for row in self.kept] for at, name in enumerate(rules.kept)}
        pairs = self.columns[1] or None
        if rules.scored:
            return Examples(self.columns[0], pairs=pairs, columns=beside, scores=self.scores)
        of_fasttext = self.sets and not self.listed and rules.task != SEVERAL_LABELS
        if of_fasttext and all(len(each) == 1 for each in self.sets):
            chosen = [labels[0] for labels in chosen]
        chosen = self.labels.finals(chosen)
        for name, number in self.labels.renamed.items():
            rules.known.pop(name, None)
            rules.known.setdefault(number, number)
        made: Any = chosen
        return Examples(self.columns[0], made, pairs, None, self.labels.type, self.labels.trimmed, beside)


def _plain(value: object) -> object:
    """A value of a further column: None if it is missing or empty."""
    found = python_value(value)
    return None if isinstance(value, Absent) or is_missing(found) or found == "" else found


def check_task(examples: Examples, task: Task, source: object, whose: str) -> None:
    """Refuse examples whose task is not that of a model, or of other examples.

    >>> examples = Examples(["great film"], ["pos"])
    >>> check_task(examples, Task(texts=2), "new.csv", "the rows of this model have")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    prunetext.errors.DataError: new.csv: its rows have one text, but the rows of this model have two. Name ...

    `whose` begins the part of the message on the others.
    """
    own = examples.task
    if own.texts != task.texts:
        one, two, remedy = "one text", "two", "Name the column of the second text with --text-b."
        if task.texts == 1:
            one, two, remedy = "two texts", "one", "To read one text alone, name its column with --text."
        raise DataError(source, f"its rows have {one}, but {whose} {two}. {remedy}")
    if own.has_steps != task.has_steps:
        one, two = own.answered, task.answered
        remedy = "Name the column of scores with --score." if task.has_steps else "Leave --score out."
        raise DataError(source, f"its rows have {one}, but {whose} {two}. {remedy}")
    if own.answer != task.answer:
        one, two, remedy = "one label each", "lists of labels", "Write a list in each row, or give --label-separator."
        if task.answer == "label":
            one, two, remedy = "lists of labels", "one label each", "Write one label in each row."
        raise DataError(source, f"its rows have {one}, but {whose} {two}. {remedy}")


def split_cell(given: object, separator: str | None) -> object:
    """The labels of a cell, if there is a separator; none if the cell is empty.

    >>> split_cell("joy; love;", ";"), split_cell("", ";"), split_cell("joy; love", None)
    (['joy', 'love'], [], 'joy; love')
    """
    if isinstance(given, SEVERAL) and not isinstance(given, LineLabels):
        return list(given)
    if separator is None or isinstance(given, (*SEVERAL, Absent)):
        return given
    if isinstance(given, str):
        return [part for each in given.split(separator) if (part := each.strip())]
    return [] if is_missing(given) else [given]


def check_separator(separator: str | None) -> None:
    """Refuse an empty separator."""
    if separator == "":
        raise InputError("--label-separator is empty. Give the separator of the labels in a cell, such as ;.")


class _At(NamedTuple):
    """The place of a row."""

    source: object
    place: Place

    def error(self, message: str) -> DataError:
        if isinstance(self.place, int):
            return DataError(self.source, message, self.place)
        return DataError(self.place, message)

    def written_list(self, cell: str) -> object:
        """The labels of a list that is written as text, or the text itself."""
        try:
            return written_list(cell)
        except ValueError as error:
            raise self.error(str(error)) from None


def _first_empty(texts: tuple[object, ...], labels: object, called: tuple[str, ...]) -> tuple[str, object] | None:
    """The first empty value and its name, the label before the texts; a list without labels is not empty."""
    parts: Iterable[object] = labels if isinstance(labels, (list, tuple)) else (labels,)
    values: Iterator[tuple[str, object]] = (
        *(("label", clean_label(part) if isinstance(part, str) and not part.isascii() else part) for part in parts),
        *zip(called, texts, strict=True),
    ).__iter__()
    return next(((what, value) for what, value in values if _is_empty(value)), None)


def _is_empty(value: object) -> bool:
    if isinstance(value, str):
        return not value or value.isspace()
    return isinstance(value, Absent) or is_missing(value)


def _checked_text(at: _At, what: str, text: object, flag: str) -> str:
    if not isinstance(text, str):
        raise at.error(f"{what} is {_kind(text)}, not a string. Write it as a string, or correct {flag}.")
    _check_characters(at, what, text)
    return text


def _checked_score(at: _At, given: object) -> float:
    try:
        return score_of(python_value(given))
    except ValueError as error:
        raise at.error(f"score is {error}. Write it as a number, or correct --score.") from None


def _known_label(at: _At, given: object, rules: Rules, column: LabelColumn) -> str:
    """The label's one string object."""
    if not isinstance(given, LABEL_TYPES):
        given = python_value(given)
    if not isinstance(given, LABEL_TYPES):
        raise at.error(f"label is {_kind(given)}. Write it as a string or a whole number, or correct --label.")
    value = column.name(given)
    label = rules.known.get(value)
    if label is None:
        if not value:
            raise at.error("label is empty. Give it a label, or drop such rows with --skip-empty.")
        _check_characters(at, "label", value)
        if rules.unknown is not None:
            raise at.error(f"the label {quoted(value)} {rules.unknown}")
        label = rules.known[value] = value
    return label


def _kind(value: object) -> str:
    kinds = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
        bytes: "bytes",
    }
    return kinds.get(type(value), f"a {type(value).__name__}")


def _check_characters(at: _At, what: str, value: str) -> None:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            half = f"the lone surrogate U+{ord(value[error.start]):04X}"
            raise at.error(f"{what} holds half a character ({half}). Remove or complete it.") from None
    if "\0" in value:
        raise at.error(f"{what} holds a NUL character. Remove it.")
