"""From a labelled source to `Data`: find the files, check every row, name what is wrong."""

from __future__ import annotations

from pathlib import Path
from traceback import clear_frames
from typing import TYPE_CHECKING

from prunetext.data.columns import Wanted, quoted, refuse_columns
from prunetext.data.dataset import Examples
from prunetext.data.files import text_codec
from prunetext.data.formats import FORMATS, read_label_folder
from prunetext.data.gathering import Rules, check_separator, gather
from prunetext.data.samples import sample_rows
from prunetext.data.task import Task
from prunetext.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from prunetext.data.formats import SourceRow

SPLIT_NAMES = {"train": ("train",), "dev": ("dev", "valid", "validation", "val"), "test": ("test",)}
OF_MODEL = "the rows for this model have"
_KNOWN = ".csv, .tsv, .jsonl, .parquet or .txt (fastText)"


def read_examples(
    source: str | Path,
    labels: Iterable[str],
    *,
    split: str | None = None,
    task: Task | None = None,
    text: str | None = None,
    text_b: str | None = None,
    label: str | None = None,
    label_separator: str | None = None,
    encoding: str = "utf-8",
    skip_empty: bool = False,
) -> Examples:
    """Read the texts of one split, to judge a model whose labels are known; the other splits are not read.

        examples = read_examples("reviews", ["neg", "pos"], split="test")     # reviews/test.csv

    source: as for `read`. split: the file to read from a folder of splits, by default test; any other source is read
    whole, and a `split` is then an error. labels: any other label raises `DataError`, as every row does that breaks a
    rule. task: that of the model; rows of another one raise `DataError`. The other options are those of `read`.
    """
    text_codec(encoding)
    check_separator(label_separator)
    known = sorted(labels)
    shown = ", ".join(quoted(each, longest=30) for each in known[:12]) + (", …" if len(known) > 12 else "")
    unknown = f"is not one of the model's ({shown}). Correct it, or use a model that knows it."
    place = _find_split(source, split)
    rules = Rules({each: each for each in known}, unknown, task, OF_MODEL, label_separator, skip_empty)
    return gathered(place, Wanted(text, label, text_b, label_separator), encoding, rules)[0]


def holds_splits(source: str | Path) -> bool:
    """Tell whether the source is a folder with files named train, dev or test."""
    folder = Path(source)
    with _Reading(source):
        if str(source).startswith(("sample:", "hf:")) or not folder.is_dir():
            return False
        stems = {stem for stems in SPLIT_NAMES.values() for stem in stems}
        return any(each.stem.lower() in stems and each.suffix.lower() in FORMATS for each in folder.iterdir())


def _find_split(source: str | Path, split: str | None) -> str | Path:
    if split is not None and split not in SPLIT_NAMES:
        raise InputError(f"split is {split!r}: it must be {', '.join(SPLIT_NAMES)}.")
    if not holds_splits(source):
        if split is not None:
            raise DataError(source, f"this is not a folder with a {split} file. Leave --split out.")
        return find_splits(source)["train"]
    found = split_files(source)
    name = split or "test"
    if name not in found:
        raise DataError(
            source, f"the folder has no {name} file. Choose --split {' or --split '.join(found)}, or give a file."
        )
    return found[name]


def split_files(source: str | Path) -> dict[str, Path]:
    """Return the file of each split that a folder has."""
    with _Reading(source):
        files = sorted((each for each in Path(source).iterdir() if each.is_file()), key=lambda each: each.name)
    found = {}
    for name, stems in SPLIT_NAMES.items():
        named = [
            each
            for each in files
            if each.stem.lower() in stems and each.suffix.lower() in FORMATS and not each.name.startswith(".")
        ]
        if len(named) > 1:
            raise DataError(
                source, f"the folder holds both {named[0].name} and {named[1].name} for {name}. Keep one of them."
            )
        if named:
            found[name] = named[0]
    return found


def source_name(source: str | Path) -> str:
    """The name of data from this source."""
    if str(source).startswith("sample:"):
        return str(source).removeprefix("sample:")
    path = Path(source).resolve()
    return path.name if path.is_dir() else path.stem


def find_splits(source: str | Path) -> dict[str, str | Path]:
    """Return the place of each split: only train, unless the source is a folder with a train.* in it."""
    if not str(source):
        raise InputError("The source of the data is an empty name. Give a file, a folder or sample:NAME.")
    folder = Path(source)
    with _Reading(source):
        if str(source).startswith(("sample:", "hf:")) or not folder.is_dir():
            return {"train": source}
        shown = [each for each in folder.iterdir() if not each.name.startswith(".")]
        only_folders = any(each.is_dir() for each in shown) and not any(each.is_file() for each in shown)
    found: dict[str, str | Path] = {**split_files(source)}
    if "train" in found:
        return found
    if only_folders:
        return {"train": source}
    raise DataError(
        source,
        "the folder has no train file, and does not hold only sub-folders, one per label. "
        f"Name the training file train, with the ending {_KNOWN}.",
    )


def gathered(source: str | Path, wanted: Wanted, encoding: str, rules: Rules) -> tuple[Examples, int]:
    """The examples of one source, checked by these rules, and how many of its rows were dropped."""
    with _Reading(source):
        return gather(source, _read_rows(source, wanted, encoding), rules)


def _read_rows(source: str | Path, wanted: Wanted, encoding: str) -> Iterator[SourceRow]:
    name = str(source)
    if name.startswith("hf:"):
        raise DataError(
            source, "hf:NAME is not supported yet. Export the data to Parquet or JSON Lines, and give that file."
        )
    if name.startswith("sample:"):
        refuse_columns(source, wanted)
        return sample_rows(name.removeprefix("sample:"))
    path = Path(source)
    with _Reading(source):
        if path.is_dir():
            return read_label_folder(path, wanted, encoding)
        if not path.exists():
            raise DataError(source, "there is no such file or folder. Check the name.")
        if not path.is_file():
            raise DataError(source, "this is neither a regular file nor a folder. Give one that can be read twice.")
    ending = path.suffix.lower()
    if ending not in FORMATS:
        what = f"the ending {ending} is not known" if ending else "the file name has no ending"
        raise DataError(source, f"{what}. Convert or rename the file to {_KNOWN}.")
    return FORMATS[ending](path, wanted, encoding)


class _Reading:
    """Turns the system's error about a file (no permission, a broken disk) into one sentence that names it."""

    def __init__(self, source: str | Path) -> None:
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
