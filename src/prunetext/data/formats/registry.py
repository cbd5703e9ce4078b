"""The known formats, by name and by the endings of files."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from prunetext.data.files import COMPRESSIONS
from prunetext.data.formats.delimited import read_delimited
from prunetext.data.formats.json_lines import read_objects
from prunetext.data.formats.lines import read_fasttext
from prunetext.data.formats.tables import read_excel, read_parquet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prunetext.data.columns import Wanted
    from prunetext.data.files import SourceFile
    from prunetext.data.formats.rows import SourceRow


class Format(NamedTuple):
    """A format: the endings of its files, and what yields their rows."""

    endings: tuple[str, ...]
    read: Callable[[SourceFile, Wanted], Iterator[SourceRow]]
    streams: bool = True  # whether it can be read from a pipe


FORMATS = {
    "text": Format((".txt",), read_fasttext),
    "csv": Format((".csv",), read_delimited),
    "tsv": Format((".tsv", ".tab"), read_delimited),
    "jsonl": Format((".jsonl", ".ndjson", ".json"), read_objects),
    "parquet": Format((".parquet",), read_parquet, streams=False),
    "excel": Format((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), read_excel, streams=False),
}
LINES = "text"  # one text a line, after its labels where there are any; every other format has columns
_BY_ENDING = {ending: name for name, each in FORMATS.items() for ending in each.endings}
TABLE_ENDINGS = tuple(ending for ending, name in _BY_ENDING.items() if name != LINES)


def format_of(name: str) -> str | None:
    """The format of a file, by the ending of its name before that of a compression; None if it is not known.

    >>> format_of("reviews.csv"), format_of("reviews.JSONL.gz"), format_of("reviews.doc")
    ('csv', 'jsonl', None)
    """
    return _BY_ENDING.get(ending_of(name))


def ending_of(name: str) -> str:
    """The ending of a file's name in lower case, before that of a compression.

    >>> ending_of("reviews.csv.gz"), ending_of("reviews")
    ('.csv', '')
    """
    return PurePath(_unpacked(name)).suffix.lower()


def stem_of(name: str) -> str:
    """The name of a file without its endings.

    >>> stem_of("train.jsonl.gz"), stem_of("train-00000-of-00002.parquet")
    ('train', 'train-00000-of-00002')
    """
    return PurePath(_unpacked(name)).stem


def _unpacked(name: str) -> str:
    path = PurePath(name)
    return path.stem if path.suffix.lower() in COMPRESSIONS else path.name
