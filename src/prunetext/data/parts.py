"""What a source of texts is made of: files, folders of labels, samples and data frames."""

from __future__ import annotations

from pathlib import Path
from traceback import clear_frames
from typing import TYPE_CHECKING, NamedTuple

from prunetext.data.columns import refuse_columns
from prunetext.data.files import SourceFile
from prunetext.data.formats.lines import read_label_folder
from prunetext.data.formats.registry import FORMATS, ending_of, format_of
from prunetext.data.formats.tables import Frame, read_frame
from prunetext.data.samples import sample_rows
from prunetext.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from prunetext.data.columns import Wanted
    from prunetext.data.formats.rows import SourceRow

KNOWN_ENDINGS = ".csv, .tsv, .jsonl, .parquet or .txt (fastText)"
SAMPLE = "sample:"


class Opening(NamedTuple):
    """How the files of a source are read, whatever their names say."""

    format: str | None = None
    encoding: str = "utf-8"
    quoting: str = "auto"
    usual: str | None = None  # the format of files whose endings say nothing

    def file(self, path: Path) -> SourceFile:
        """The file at a path; `DataError` if its format is not known."""
        known = self.format or format_of(path.name) or self.usual
        if known is None:
            ending = ending_of(path.name)
            what = f"the ending {ending} is not known" if ending else "the file name has no ending"
            raise DataError(
                path, f"{what}. Convert or rename the file to {KNOWN_ENDINGS}, or name its format with --format."
            )
        return SourceFile(path, known, self.encoding, self.quoting)


class LabelFolder(NamedTuple):
    """A folder with one sub-folder per label."""

    path: Path
    encoding: str

    def __str__(self) -> str:
        return str(self.path)


class SampleCorpus(NamedTuple):
    """A corpus that an installed package ships."""

    name: str

    def __str__(self) -> str:
        return f"{SAMPLE}{self.name}"


Part = SourceFile | LabelFolder | SampleCorpus | Frame


class Source(NamedTuple):
    """A source, or one split of it: its name for messages, and its parts, which are read one after the other."""

    name: str
    parts: list[Part]

    def rows(self, wanted: Wanted) -> Iterator[tuple[Part, Iterator[SourceRow]]]:
        """Each part with its rows."""
        for part in self.parts:
            yield part, _rows(part, wanted)


def check_opening(opening: Opening) -> None:
    """Refuse a format or a quoting that does not exist."""
    if opening.format is not None and opening.format not in FORMATS:
        raise InputError(f"format is {opening.format!r}: it must be {', '.join(FORMATS)}, or left out.")
    if opening.quoting not in ("auto", "csv", "none"):
        raise InputError(f"quoting is {opening.quoting!r}: it must be auto, csv or none.")


def _rows(part: Part, wanted: Wanted) -> Iterator[SourceRow]:
    if isinstance(part, SourceFile):
        return FORMATS[part.format].read(part, wanted)
    if isinstance(part, LabelFolder):
        return read_label_folder(part.path, wanted, part.encoding)
    if isinstance(part, Frame):
        return read_frame(part, wanted)
    refuse_columns(part, wanted)
    return sample_rows(part.name)


class Reading:
    """Turns the system's error about a file (no permission, a broken disk) into one sentence that names it."""

    def __init__(self, source: object) -> None:
        self.source = source

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        if trace is not None:
            clear_frames(trace)  # whoever keeps the error would keep files open
        if isinstance(error, OSError):
            reason = (error.strerror or "unknown reason").lower()
            raise DataError(
                error.filename or self.source, f"the file cannot be read ({reason}). Check its name and permissions."
            ) from None
