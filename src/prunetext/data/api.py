"""`prunetext.read`: labelled texts from a file, a folder, a data frame or a sample."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from prunetext.data.columns import Wanted, column_names, quoted
from prunetext.data.dataset import Data, Examples, count_flaws
from prunetext.data.files import SourceFile
from prunetext.data.folders import SPLIT_NAMES
from prunetext.data.gathering import Rules
from prunetext.data.parts import Source
from prunetext.data.reading import check_score_column, checked_opening, gathered
from prunetext.data.sources import source_name, splits_of, whole_source
from prunetext.errors import DataError
from prunetext.runtime.calls import READING_KINDS, SOME_DATA, STRS, takes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@takes(source=SOME_DATA, dev=SOME_DATA, test=SOME_DATA, columns=STRS, **READING_KINDS)
def read(
    source: str | Path | Any,
    *,
    dev: str | Path | Any | None = None,
    test: str | Path | Any | None = None,
    text: str | None = None,
    text_b: str | None = None,
    label: str | None = None,
    score: str | None = None,
    label_separator: str | None = None,
    encoding: str = "utf-8",
    skip_empty: bool = False,
    format: str | None = None,
    quoting: str = "auto",
    columns: str | Sequence[str] = (),
) -> Data:
    """Read labelled texts, or pairs of texts; given splits stay as they are, and none is made.

        data = prunetext.read("reviews.csv")
        data.train.texts[0], data.train.labels[0]     # ('Great, really', 'positive')
        data.report.lines()                           # ['1,000 rows were read.', '3 rows repeat …']

    source: a .csv, .tsv, .jsonl, .parquet, .xlsx or fastText .txt file, also compressed (.gz, .bz2, .xz, .zst); a
    pattern such as "shards/*.jsonl.gz"; a folder with train.* and, optionally, dev.* and test.*, each one file or
    shards such as train-00000-of-00002.parquet; a folder of nothing but shards; a folder that has only sub-folders,
    one per label, with a text in each .txt file, or such folders in train, dev and test; a DataFrame of pandas or
    Polars, or a Table of Arrow; or sample:NAME.
    dev, test: sources like `source`; they take precedence over those of a folder. Their labels must occur in train.
    text, label: the names of the columns; by default, usual names are looked for (`columns.TEXT`, `columns.LABEL`). A
    name with dots, such as meta.text, leads into objects.
    text_b: the second text's column, which makes rows pairs; without it, and without text, the usual names of both are
    looked for (`columns.PAIRS`). Second texts are in `pairs`.
    score: the column of a number for each text, instead of a label; `Examples.scores` then holds them.
    label_separator: separates the labels in a cell, if texts can have several. Texts also have several if the first
    row has a list of labels (in JSON Lines, Parquet and data frames; in a .csv as pandas writes it, ['a', 'b']), or if
    any line starts with several (fastText).
    encoding: how text files are encoded; a byte-order mark is dropped.
    skip_empty: drop rows whose texts or label are empty, instead of stopping at the first one. An empty list of labels
    does not count as empty: it says that no label applies.
    format: text, csv, tsv, jsonl, parquet or excel, whatever the files' names say.
    quoting: csv, where quotes have their meaning; none, where they are letters; auto takes them for letters in a table
    with tabs that cannot be read otherwise.
    columns: names of further columns, such as "source,language", whose values stand in `Examples.columns`.

    Raises `DataError` (an `InputError`) naming file, line, rule and remedy at the first row that breaks a rule. Files
    are read as streams, but an array of JSON as a whole; only the texts and labels stay in memory.
    """
    opening = checked_opening(format, encoding, quoting, label_separator)
    kept, scored = column_names(columns), score is not None
    check_score_column(score, label, label_separator)
    wanted = Wanted(text, score or label, text_b, label_separator, kept=kept, flag="columns", scored=scored)
    sources = splits_of(source, opening)
    sources |= {
        name: whole_source(given, opening) for name, given in (("dev", dev), ("test", test)) if given is not None
    }
    _refuse_same(sources)
    rules = Rules({}, separator=label_separator, skip_empty=skip_empty, kept=kept, scored=scored)
    splits, skipped = _read_splits(sources, wanted, rules)
    report = count_flaws(splits["train"], splits.get("dev"), splits.get("test"), skipped=skipped)
    return Data(splits["train"], splits.get("dev"), splits.get("test"), source_name(source), report)


def _read_splits(sources: dict[str, Source], wanted: Wanted, rules: Rules) -> tuple[dict[str, Examples], int]:
    """The examples of each split, and how many rows were dropped; the labels and the task are those of train."""
    skipped = 0
    splits: dict[str, Examples] = {}
    for name in SPLIT_NAMES:
        if name in sources:
            splits[name], dropped = gathered(sources[name], wanted, rules)
            skipped += dropped
            if name == "train":
                of_train = f"the training data ({sources['train'].name})"
                unknown = f"never occurs in {of_train}. Correct it, or add texts with it there."
                rules = rules._replace(unknown=unknown, task=splits[name].task, whose=f"the rows of {of_train} have")
    if len(rules.known) < 2 and not rules.scored:
        raise DataError(sources["train"].name, _too_few(splits["train"], list(rules.known)))
    return splits, skipped


def _too_few(train: Examples, known: list[str]) -> str:
    """What is wrong with rows that have fewer than two labels."""
    found = f"every row has the label {quoted(known[0])}" if known else "no row has a label"
    if known and train.label_sets is not None:
        found = f"the rows have no label but {quoted(known[0])}"
    return f"{found}, and a classifier needs two. Add texts with another label, or correct --label."


def _refuse_same(sources: dict[str, Source]) -> None:
    """Refuse a file that is given for two splits."""
    places = {
        name: {part.path.resolve() for part in source.parts if isinstance(part, SourceFile) and part.path is not None}
        for name, source in sources.items()
    }
    for one, other in combinations(places, 2):
        if both := places[one] & places[other]:
            raise DataError(
                sources[other].name,
                f"{other} is the same file as {one} ({both.pop().name}). Give a file of other texts, or leave "
                f"--{other} out: a part of the rows is then set aside.",
            )
