"""From a labelled source to `Data`: finding the files, checking every row, naming what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prunetext.data.columns import Wanted, quoted, refuse_columns
from prunetext.data.dataset import Data, Examples, count_flaws
from prunetext.data.files import text_codec
from prunetext.data.formats import FORMATS, read_label_folder
from prunetext.data.gathering import Rules, check_separator, gather
from prunetext.data.samples import sample_rows
from prunetext.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prunetext.data.formats import Row

_SPLIT_NAMES = {"train": ("train",), "dev": ("dev", "valid", "validation", "val"), "test": ("test",)}
OF_MODEL = "the rows that this model is for have"
_KNOWN = ".csv, .tsv, .jsonl, .parquet or .txt (fastText)"


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
    """Read labelled texts, or pairs of texts; splits that are given stay as given, and none is made.

        data = prunetext.read("reviews.csv")
        data.train.texts[0], data.train.labels[0]     # ('Great, really', 'positive')
        data.report.lines()                           # ['1,000 rows were read.', '3 rows repeat …']

    source: a .csv, .tsv, .jsonl, .parquet or fastText .txt file; a folder with train.* and, where there are any, dev.*
    and test.*; a folder that has only sub-folders, one per label, with a text in each .txt file; or sample:NAME.
    dev, test: files like `source`, which go before those of a folder. A label that train lacks is an error in them.
    text, label: the names of the columns; without them, usual names are looked for (`columns.TEXT`, `columns.LABEL`).
    text_b: the second text's column, which makes rows pairs; without it, and without text, the usual names of both are
    looked for (`columns.PAIRS`). Second texts are in `pairs`.
    label_separator: what stands between the labels of a cell, where texts have several. They also do where the first
    row has a list of labels (JSON Lines and Parquet), and where any line starts with several (fastText).
    encoding: how text files are encoded; a byte-order mark is dropped.
    skip_empty: drop rows whose texts or label are empty, instead of stopping at the first one. A list without labels is
    not empty: none applies.

    Raises `DataError` (an `InputError`) naming file, line, rule and remedy at the first row that breaks a rule. Files
    are read as streams; what stays in memory is the texts and labels alone.
    """
    text_codec(encoding)  # an unknown encoding is wrong even where no file would need it
    check_separator(label_separator)
    wanted = Wanted(text, label, text_b, label_separator)
    sources: dict[str, str | Path] = {**_find_splits(source)}
    sources |= {name: given for name, given in (("dev", dev), ("test", test)) if given is not None}
    skipped = 0
    splits: dict[str, Examples] = {}
    rules = Rules({}, separator=label_separator, skip_empty=skip_empty)
    for name in _SPLIT_NAMES:
        if name in sources:
            splits[name], dropped = _gathered(sources[name], wanted, encoding, rules)
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
    return Data(splits["train"], splits.get("dev"), splits.get("test"), _name(source), report)


def read_examples(
    source: str | Path,
    labels: Iterable[str],
    *,
    split: str | None = None,
    task: str | None = None,
    text: str | None = None,
    text_b: str | None = None,
    label: str | None = None,
    label_separator: str | None = None,
    encoding: str = "utf-8",
    skip_empty: bool = False,
) -> Examples:
    """Read the texts of one split, to judge a model whose labels are known; nothing is asked of the other splits.

        examples = read_examples("reviews", ["neg", "pos"], split="test")     # reviews/test.csv

    source: as for `read`. split: which file of a folder of splits, by default test; a source that is not such a folder
    is taken whole, and with a `split` it is an error. labels: a label beside these raises `DataError`, as every row
    does that breaks a rule. task: that of the model, `Classifier.task`; rows of another one raise `DataError`. The
    other options are those of `read`.
    """
    text_codec(encoding)
    check_separator(label_separator)
    known = sorted(labels)
    shown = ", ".join(quoted(each, longest=30) for each in known[:12]) + (", …" if len(known) > 12 else "")
    unknown = f"is none of the model's ({shown}). Correct it, or take a model that knows it."
    place = _find_split(source, split)
    rules = Rules({each: each for each in known}, unknown, task, OF_MODEL, label_separator, skip_empty)
    return _gathered(place, Wanted(text, label, text_b, label_separator), encoding, rules)[0]


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


def _gathered(source: str | Path, wanted: Wanted, encoding: str, rules: Rules) -> tuple[Examples, int]:
    with _Reading(source):
        return gather(source, _read_rows(source, wanted, encoding), rules)


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
