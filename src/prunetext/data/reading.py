"""From a labelled source to `Data`: finding the files, checking every row, naming what is wrong."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from prunetext.data.columns import Wanted, quoted, refuse_columns
from prunetext.data.dataset import Data, Examples, count_flaws
from prunetext.data.files import text_codec
from prunetext.data.formats import FORMATS, Absent, read_label_folder, several_labels
from prunetext.data.samples import sample_rows
from prunetext.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prunetext.data.formats import Row

_SPLIT_NAMES = {"train": ("train",), "dev": ("dev", "valid", "validation", "val"), "test": ("test",)}
_KNOWN = ".csv, .tsv, .jsonl, .parquet or .txt (fastText)"


def read(
    source: str | Path,
    *,
    dev: str | Path | None = None,
    test: str | Path | None = None,
    text: str | None = None,
    text_b: str | None = None,
    label: str | None = None,
    encoding: str = "utf-8",
    skip_empty: bool = False,
) -> Data:
    """Read labelled texts; splits that are given stay as given, and none is made.

        data = prunetext.read("reviews.csv")
        data.train.texts[0], data.train.labels[0]     # ('Great, really', 'positive')
        data.report.lines()                           # ['1,000 rows were read.', '3 rows repeat …']

    source: a .csv, .tsv, .jsonl, .parquet or fastText .txt file; a folder with train.* and, where there are any, dev.*
    and test.*; a folder that has only sub-folders, one per label, with a text in each .txt file; or sample:NAME.
    dev, test: files like `source`, which go before those of a folder. A label that train lacks is an error in them.
    text, label: the names of the columns; without them, usual names are looked for (`columns.TEXT`, `columns.LABEL`).
    text_b: the second text's column; pairs are not supported yet.
    encoding: how text files are encoded; a byte-order mark is dropped.
    skip_empty: drop rows whose text or label is empty, instead of stopping at the first one.

    Raises `DataError` (an `InputError`) naming file, line, rule and remedy at the first row that breaks a rule. Files
    are read as streams; what stays in memory is the texts and labels alone.
    """
    if text_b is not None:
        raise InputError("--text-b: pairs of texts are not supported yet. Name one text column with --text alone.")
    text_codec(encoding)  # an unknown encoding is wrong even where no file would need it
    wanted = Wanted(text, label)
    sources: dict[str, str | Path] = {**_find_splits(source)}
    sources |= {name: given for name, given in (("dev", dev), ("test", test)) if given is not None}
    skipped = 0
    labels: dict[str, str] = {}
    splits: dict[str, Examples] = {}
    for name in _SPLIT_NAMES:
        if name in sources:
            rows = _read_rows(sources[name], wanted, encoding)
            unknown = (
                None
                if name == "train"
                else f"never occurs in the training data ({sources['train']}). Correct it, or add texts with it there."
            )
            splits[name], dropped = _collect(sources[name], rows, labels, unknown, skip_empty=skip_empty)
            skipped += dropped
    if len(labels) < 2:
        raise DataError(
            sources["train"],
            f"every row has the label {quoted(next(iter(labels)))}, and a classifier needs two. "
            "Add texts with another label, or correct --label.",
        )
    report = count_flaws(splits["train"], splits.get("dev"), splits.get("test"), skipped=skipped)
    return Data(splits["train"], splits.get("dev"), splits.get("test"), _name(source), report)


def read_examples(
    source: str | Path,
    labels: Iterable[str],
    *,
    split: str | None = None,
    text: str | None = None,
    label: str | None = None,
    encoding: str = "utf-8",
    skip_empty: bool = False,
) -> Examples:
    """Read the texts of one split, to judge a model whose labels are known; nothing is asked of the other splits.

        examples = read_examples("reviews", ["neg", "pos"], split="test")     # reviews/test.csv

    source: as for `read`. split: which file of a folder of splits, by default test; a source that is not such a folder
    is taken whole, and with a `split` it is an error. labels: a label beside these raises `DataError`, as every row
    does that breaks a rule. The other options are those of `read`.
    """
    text_codec(encoding)
    known = sorted(labels)
    shown = ", ".join(quoted(each, longest=30) for each in known[:12]) + (", …" if len(known) > 12 else "")
    unknown = f"is none of the model's ({shown}). Correct it, or take a model that knows it."
    place = _find_split(source, split)
    rows = _read_rows(place, Wanted(text, label), encoding)
    return _collect(place, rows, {each: each for each in known}, unknown, skip_empty=skip_empty)[0]


def holds_splits(source: str | Path) -> bool:
    """Tell whether the source is a folder with files named train, dev or test."""
    folder = Path(source)
    with _Reading(source):
        if str(source).startswith(("sample:", "hf:")) or not folder.is_dir():
            return False
        stems = {stem for stems in _SPLIT_NAMES.values() for stem in stems}
        return any(each.stem.lower() in stems and each.suffix.lower() in FORMATS for each in folder.iterdir())


def _find_split(source: str | Path, split: str | None) -> str | Path:
    if split is not None and split not in _SPLIT_NAMES:
        raise InputError(f"split is {split!r}: it must be {', '.join(_SPLIT_NAMES)}.")
    if not holds_splits(source):
        if split is not None:
            raise DataError(source, f"this is not a folder with a file named {split}. Leave --split out.")
        return _find_splits(source)["train"]
    found = split_files(source)
    name = split or "test"
    if name not in found:
        raise DataError(
            source, f"the folder has no file named {name}. Choose --split {' or --split '.join(found)}, or give a file."
        )
    return found[name]


def split_files(source: str | Path) -> dict[str, Path]:
    """Return the file of each split that stands in a folder."""
    with _Reading(source):
        files = sorted((each for each in Path(source).iterdir() if each.is_file()), key=lambda each: each.name)
    found = {}
    for name, stems in _SPLIT_NAMES.items():
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


def _name(source: str | Path) -> str:
    if str(source).startswith("sample:"):
        return str(source).removeprefix("sample:")
    path = Path(source).resolve()
    return path.name if path.is_dir() else path.stem


def _find_splits(source: str | Path) -> dict[str, str | Path]:
    """Return where each split stands: only train, unless the source is a folder with a train.* in it."""
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
        "the folder has no train file, nor is it one that has only sub-folders, one per label. "
        f"Name the training file train and end it in {_KNOWN}.",
    )


def _read_rows(source: str | Path, wanted: Wanted, encoding: str) -> Iterator[Row]:
    name = str(source)
    if name.startswith("hf:"):
        raise DataError(
            source, "hf:NAME is not supported yet. Export the data to Parquet or JSON Lines and give that file."
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
            raise DataError(source, "this is neither a file nor a folder. Give a file that can be read twice.")
    ending = path.suffix.lower()
    if ending not in FORMATS:
        what = f"the ending {ending} is not known" if ending else "the file name has no ending"
        raise DataError(source, f"{what}. Convert or rename the file to {_KNOWN}.")
    return FORMATS[ending](path, wanted, encoding)


class _Reading:
    """Turns what the system says of a file (no permission, a broken disk) into one sentence that names it."""

    def __init__(self, source: str | Path) -> None:
        self.source = source

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, OSError):
            reason = (error.strerror or "unknown reason").lower()
            raise DataError(
                error.filename or self.source, f"this cannot be read ({reason}). Check the name and its permissions."
            ) from None


def _collect(
    source: str | Path, rows: Iterable[Row], labels: dict[str, str], unknown: str | None, *, skip_empty: bool
) -> tuple[Examples, int]:
    """Check rows and gather them; `labels` grows where `unknown` is None, else `unknown` says what a new one breaks."""
    texts: list[str] = []
    chosen: list[str] = []
    skipped = 0
    with _Reading(source):
        for place, text, given in rows:
            if _is_empty(given) or _is_empty(text):
                if skip_empty:
                    skipped += 1
                    continue
                what, value = ("label", given) if _is_empty(given) else ("text", text)
                rule = f"{value}. Give it one" if isinstance(value, Absent) else f"{what} is empty. Give it a {what}"
                raise _error(source, place, f"{rule}, or drop such rows with --skip-empty.")
            if not isinstance(text, str):
                raise _error(source, place, f"text is {_kind(text)}, not a string. Write it as one, or correct --text.")
            _check_characters(source, place, "text", text)
            label = given if isinstance(given, str) else _label(source, place, given)
            if label not in labels:
                _check_characters(source, place, "label", label)
                if unknown is not None:
                    raise _error(source, place, f"the label {quoted(label)} {unknown}")
                labels[label] = label
            texts.append(text)
            chosen.append(labels[label])  # one string object per label, however many rows there are
    if not texts:
        kind = "rows that are not empty" if skipped else "rows"
        raise DataError(source, f"there are no {kind}. Give a text and its label in each of some rows.")
    return Examples(texts, chosen), skipped


def _is_empty(value: object) -> bool:
    if isinstance(value, str):
        return not value or value.isspace()
    if value is None or isinstance(value, Absent):
        return True
    return isinstance(value, float) and math.isnan(value)  # pandas writes what is missing as NaN


def _label(source: str | Path, place: int | Path, value: object) -> str:
    if isinstance(value, (bool, int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        raise _error(source, place, several_labels())
    raise _error(source, place, f"label is {_kind(value)}. Write it as a string or a whole number, or correct --label.")


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


def _check_characters(source: str | Path, place: int | Path, what: str, value: str) -> None:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            half = f"the lone surrogate U+{ord(value[error.start]):04X}"
            raise _error(source, place, f"{what} holds half a character ({half}). Remove or complete it.") from None
    if "\0" in value:
        raise _error(source, place, f"{what} holds a NUL character, as binary files do. Remove it.")


def _error(source: str | Path, place: int | Path, message: str) -> DataError:
    return DataError(source, message, place) if isinstance(place, int) else DataError(place, message)
