"""From a labelled source to examples: every row is checked, and what is wrong is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunetext.data.columns import Wanted, quoted
from prunetext.data.files import text_codec
from prunetext.data.gathering import Rules, check_separator, gather
from prunetext.data.parts import Opening, Reading, Source, check_opening
from prunetext.data.scores import USUAL_COLUMN
from prunetext.data.sources import split_of
from prunetext.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from prunetext.data.dataset import Examples
    from prunetext.data.task import Task

OF_MODEL = "the rows for this model have"


def read_examples(
    source: str | Path | Any,
    labels: Iterable[str],
    *,
    split: str | None = None,
    task: Task | None = None,
    text: str | None = None,
    text_b: str | None = None,
    label: str | None = None,
    score: str | None = None,
    label_separator: str | None = None,
    encoding: str = "utf-8",
    skip_empty: bool = False,
    format: str | None = None,
    quoting: str = "auto",
    columns: Sequence[str] = (),
) -> Examples:
    """Read the texts of one split, to judge a model whose labels are known; the other splits are not read.

        examples = read_examples("reviews", ["neg", "pos"], split="test")     # reviews/test.csv

    source: as for `read`. split: the file to read from a folder of splits, by default test; any other source is read
    whole, and a `split` is then an error. labels: any other label raises `DataError`, as every row does that breaks a
    rule. task: that of the model; rows of another one raise `DataError`. score: the column
    of scores, for a model of them; `score` if it is not named. columns: names of further columns to read,
    which --slices names. The other options are those of `read`.
    """
    opening = checked_opening(format, encoding, quoting, label_separator)
    if task is not None and task.has_steps:
        if label is not None:
            raise DataError(
                source, "--label names a column of labels, but the model gives scores. Give --score instead."
            )
        score = score or USUAL_COLUMN
    check_score_column(score, label, label_separator)
    if score is not None:
        rules = Rules({}, None, task, OF_MODEL, None, skip_empty, tuple(columns), scored=True)
        wanted = Wanted(text, score, text_b, kept=rules.kept, flag="--slices", scored=True)
        return gathered(split_of(source, split, opening), wanted, rules)[0]
    known = sorted(labels)
    shown = ", ".join(quoted(each, longest=30) for each in known[:12]) + (", …" if len(known) > 12 else "")
    unknown = f"is not one of the model's ({shown}). Correct it, or use a model that knows it."
    rules = Rules({each: each for each in known}, unknown, task, OF_MODEL, label_separator, skip_empty, tuple(columns))
    wanted = Wanted(text, label, text_b, label_separator, kept=rules.kept, flag="--slices")
    return gathered(split_of(source, split, opening), wanted, rules)[0]


def check_score_column(score: str | None, label: str | None, separator: str | None) -> None:
    """Refuse a column of scores beside one of labels.

    check_score_column("quality", None, None)
    """
    for name, value in (("label", label), ("label_separator", separator)):
        if score is not None and value is not None:
            raise InputError(f"score and {name} are given, but a text has a score or labels. Leave one of the two out.")


def checked_opening(given: str | None, encoding: str, quoting: str, separator: str | None) -> Opening:
    """How files are read; `InputError` for an unknown encoding, format or quoting, even if no file needs it."""
    opening = Opening(given, encoding, quoting)
    text_codec(encoding)
    check_opening(opening)
    check_separator(separator)
    return opening


def gathered(source: Source, wanted: Wanted, rules: Rules) -> tuple[Examples, int]:
    """The examples of one source, checked by these rules, and how many of its rows were dropped."""
    with Reading(source.name):
        return gather(source.name, source.rows(wanted), rules)
