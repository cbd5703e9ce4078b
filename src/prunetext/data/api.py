"""`prunetext.read`: labelled texts from a file, a folder or a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunetext.data.columns import Wanted, quoted
from prunetext.data.dataset import Data, Examples, count_flaws
from prunetext.data.files import text_codec
from prunetext.data.gathering import Rules, check_separator
from prunetext.data.reading import SPLIT_NAMES, find_splits, gathered, source_name
from prunetext.errors import DataError
from prunetext.runtime.calls import READING_KINDS, SOME_DATA, takes

if TYPE_CHECKING:
    from pathlib import Path


@takes(source=SOME_DATA, dev=SOME_DATA, test=SOME_DATA, **READING_KINDS)
def read(
    source: str | Path,
    *,
    dev: str | Path | None = None,
    test: str | Path | None = None,
    text: str | None = None,
    text_b: str | None = None,
    label: str | None = None,
    label_separator: str | None = None,
    encoding: str = "utf-8",
    skip_empty: bool = False,
) -> Data:
    """Read labelled texts, or pairs of texts; given splits stay as they are, and none is made.

        data = prunetext.read("reviews.csv")
        data.train.texts[0], data.train.labels[0]     # ('Great, really', 'positive')
        data.report.lines()                           # ['1,000 rows were read.', '3 rows repeat …']

    source: a .csv, .tsv, .jsonl, .parquet or fastText .txt file; a folder with train.* and, optionally, dev.* and
    test.*; a folder that has only sub-folders, one per label, with a text in each .txt file; or sample:NAME.
    dev, test: files like `source`; they take precedence over those of a folder. Their labels must occur in train.
    text, label: the names of the columns; by default, usual names are looked for (`columns.TEXT`, `columns.LABEL`).
    text_b: the second text's column, which makes rows pairs; without it, and without text, the usual names of both are
    looked for (`columns.PAIRS`). Second texts are in `pairs`.
    label_separator: separates the labels in a cell, if texts can have several. Texts also have several if the first
    row has a list of labels (JSON Lines and Parquet), or if any line starts with several (fastText).
    encoding: how text files are encoded; a byte-order mark is dropped.
    skip_empty: drop rows whose texts or label are empty, instead of stopping at the first one. An empty list of labels
    does not count as empty: it says that no label applies.

    Raises `DataError` (an `InputError`) naming file, line, rule and remedy at the first row that breaks a rule. Files
    are read as streams; only the texts and labels stay in memory.
    """
    text_codec(encoding)  # an unknown encoding is an error even if no file needs it
    check_separator(label_separator)
    wanted = Wanted(text, label, text_b, label_separator)
    sources: dict[str, str | Path] = {**find_splits(source)}
    sources |= {name: given for name, given in (("dev", dev), ("test", test)) if given is not None}
    skipped = 0
    splits: dict[str, Examples] = {}
    rules = Rules({}, separator=label_separator, skip_empty=skip_empty)
    for name in SPLIT_NAMES:
        if name in sources:
            splits[name], dropped = gathered(sources[name], wanted, encoding, rules)
            skipped += dropped
            if name == "train":
                of_train = f"the training data ({sources['train']})"
                unknown = f"never occurs in {of_train}. Correct it, or add texts with it there."
                rules = rules._replace(unknown=unknown, task=splits[name].task, whose=f"the rows of {of_train} have")
    if len(rules.known) < 2:
        found = f"every row has the label {quoted(next(iter(rules.known)))}" if rules.known else "no row has a label"
        if rules.known and splits["train"].label_sets is not None:
            found = f"the rows have no label but {quoted(next(iter(rules.known)))}"
        raise DataError(
            sources["train"],
            f"{found}, and a classifier needs two. Add texts with another label, or correct --label.",
        )
    report = count_flaws(splits["train"], splits.get("dev"), splits.get("test"), skipped=skipped)
    return Data(splits["train"], splits.get("dev"), splits.get("test"), source_name(source), report)
