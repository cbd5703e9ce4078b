"""What a name stands for: files, compressed or not, shards, and folders of splits and labels."""

import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from prunetext.data.api import read
from prunetext.data.parts import Opening
from prunetext.data.sources import holds_splits, source_name, split_of, splits_of
from prunetext.errors import DataError, InputError

TABLE = b"text,label\na,x\nb,y\n"
PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:]),  # as `cat a.gz b.gz` makes it
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: pa.compress(data, "zstd", asbytes=True),
    "": bytes,
}


def write(files: dict[str, bytes]) -> None:
    for name, content in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)


@pytest.mark.parametrize("ending", PACK)
def test_compressed_files_are_read_as_others_are(ending: str) -> None:
    write({f"train.csv{ending}": PACK[ending](TABLE), "unpacked.csv.gz": TABLE, "no_ending.csv": PACK[ending](TABLE)})
    for source in (f"train.csv{ending}", ".", "unpacked.csv.gz", "no_ending.csv"):
        assert read(source).train.texts == ["a", "b"]
    assert source_name(f"train.csv{ending}") == "train"


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz", ".zst"])
def test_a_compressed_file_that_is_cut_off_is_refused(ending: str) -> None:
    rows = b"".join(f"{number * 7919 % 10007},x\n".encode() for number in range(5000))
    write({f"r.csv{ending}": PACK[ending](TABLE + rows)[:-20]})
    with pytest.raises(DataError, match=rf"^r\.csv{ending}: the compressed file is damaged or cut off\. Compress it"):
        read(f"r.csv{ending}")


def test_shards_are_read_one_after_the_other_and_errors_name_theirs() -> None:
    one, two = b'{"text": "a", "label": "x"}\n', b'{"text": "b", "label": "y"}\n'
    write(
        {"s/train-00000-of-00002.jsonl": one, "s/train-00001-of-00002.jsonl": two, "s/test-00000-of-00001.jsonl": one}
    )
    data = read("s")
    assert data.test is not None
    assert (data.train.texts, data.test.texts) == (["a", "b"], ["a"])
    write(
        {
            "parts/part-0.jsonl.gz": gzip.compress(one),
            "parts/part-1.jsonl.gz": gzip.compress(two),
            "parts/_SUCCESS": b"",
        }
    )
    for source in ("parts", "parts/*.gz", "part*/part-[01]*"):
        assert read(source).train.texts == ["a", "b"]
    write({"parts/part-2.jsonl.gz": gzip.compress(b'{"text": "", "label": "x"}\n')})
    with pytest.raises(DataError, match=r"^parts/part-2\.jsonl\.gz, line 1: text is empty"):
        read("parts")
    write({"parts/other.csv": TABLE})
    with pytest.raises(DataError, match=r"^parts: the folder has no train file, and does not hold only"):
        read("parts")
    write({"s/train.jsonl": one})
    with pytest.raises(DataError, match=r"^s: the folder holds both train\.jsonl and train-00000-of-00002\.jsonl"):
        read("s")


def test_folders_of_splits_hold_a_folder_for_each_label() -> None:
    write(
        {f"d/{split}/{label}/1.txt": b"a " + split.encode() for split in ("train", "test") for label in ("neg", "pos")}
    )
    write({"d/README": b"?", "d/train/labels.vocab": b"?"})
    data = read("d")
    assert data.test is not None
    assert (data.labels, data.train.texts, data.test.texts) == (["neg", "pos"], ["a train"] * 2, ["a test"] * 2)
    assert holds_splits("d")
    write({"d/train/unsup/1.txt": b"a"})
    with pytest.raises(DataError, match=r"^d/train/unsup: its texts have no labels, .* texts with --unlabelled"):
        read("d")


def test_folders_named_like_splits_without_labels_in_them_are_not_labels() -> None:
    write({"d/train/1.txt": b"a", "d/test/1.txt": b"b"})
    with pytest.raises(DataError, match=r"^d/train: this folder is the split train, but has no folder for each label"):
        read("d")
    write({"transport/train/1.txt": b"a", "transport/bus/1.txt": b"b"})
    assert read("transport").labels == ["bus", "train"]


def test_folders_of_splits_can_hold_shards() -> None:
    write({"d/train/0.csv": TABLE, "d/train/1.csv": TABLE, "d/validation/0.csv": TABLE})
    data = read("d")
    assert data.dev is not None
    assert (len(data.train), len(data.dev)) == (4, 2)


def test_a_folder_of_labels_shows_only_its_own_regular_files() -> None:
    write({"secret.txt": b"secret", "d/x/1.txt": b"a", "d/y/1.txt": b"b"})
    Path("d/x/2.txt").symlink_to("1.txt")
    assert read("d").train.texts == ["a", "a", "b"]
    Path("d/x/3.txt").symlink_to(Path("secret.txt").resolve())
    with pytest.raises(DataError, match=r"^d/x/3\.txt: this link leads out of the folder\. Put a copy"):
        read("d")
    Path("d/x/3.txt").unlink()
    os.mkfifo("d/x/4.txt")
    with pytest.raises(DataError, match=r"^d/x/4\.txt: this is not a regular file\. Remove it"):
        read("d")
    Path("d/x/4.txt").unlink()
    Path("d/z").symlink_to(Path.cwd().parent, target_is_directory=True)
    with pytest.raises(DataError, match=r"^d/z: this link leads out of the folder"):
        read("d")


def test_the_home_folder_may_be_written_as_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(Path.cwd()))
    write({"r.csv": TABLE})
    assert read("~/r.csv", dev=Path("~/r.csv").with_name("other.csv") if Path("~").exists() else None).name == "r"


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_a_name_that_is_no_text_is_no_fault() -> None:
    name = os.fsdecode(b"r\xff.csv")
    write({name: TABLE})
    data = read(name)
    assert data.name.encode() == "r\ufffd".encode()
    assert len(data.train) == 2


def test_a_format_may_be_named() -> None:
    write({"reviews": TABLE, "r.txt": b'{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n'})
    assert read("reviews", format="csv").train.texts == ["a", "b"]
    assert read("r.txt", format="jsonl").train.texts == ["a", "b"]


def test_splits_that_are_not_there_are_named() -> None:
    write({"d/test.csv": TABLE})
    assert split_of("d", None, Opening()).name == "d/test.csv"
    with pytest.raises(DataError, match=r"^d: the folder has a test split, but no train file\. Name the training file"):
        splits_of("d", Opening())
    with pytest.raises(DataError, match=r"^d: the folder has no dev file\. Choose --split test, or give a file"):
        split_of("d", "dev", Opening())
    with pytest.raises(InputError, match=r"^split is 'half': it must be train, dev, test"):
        split_of("d", "half", Opening())


@pytest.mark.parametrize(
    ("names", "rule"),
    [
        (("reviews_train.csv", "reviews_test.csv"), "look like train and test, and would be read as one table"),
        (("train1.csv", "dev-v1.1.csv"), "look like train and dev, and would be read as one table"),
        (
            ("train-00000-of-00003.csv", "train-00002-of-00003.csv"),
            "is one of 3 shards, but the folder has 2.",
        ),
        (("valid/0.csv", "val/0.csv", "train/0.csv"), "both valid and val are folders of dev. Keep one of them."),
        (
            ("train/1.txt", "test/1.txt", "docs/1.txt"),
            "this folder is the split train, but has no folder for each label",
        ),
        (("training/1.txt", "testing/1.txt"), "this folder is the split train, but has no folder for each label"),
        (("aclImdb/train/pos/1.txt",), "holds folders, but no .txt file. Give that folder as the source, or move it"),
    ],
)
def test_splits_are_never_read_as_rows_or_labels(names: tuple[str, ...], rule: str) -> None:
    write({f"d/{name}": TABLE for name in names})
    with pytest.raises(DataError) as caught:
        read("d")
    assert rule in str(caught.value)
    assert "remove it" not in str(caught.value)


def test_a_split_that_cannot_be_read_is_not_left_out() -> None:
    write({"d/train.csv": TABLE})
    Path("d/test.csv").symlink_to("nowhere.csv")
    with pytest.raises(DataError, match=r"^d/test\.csv: this is no regular file, or its link leads nowhere"):
        read("d")


def test_a_folder_of_train_alone_is_a_split() -> None:
    write({"d/train/pos/1.txt": b"a", "d/train/neg/1.txt": b"b"})
    assert read("d").labels == ["neg", "pos"]


def test_shards_come_by_their_numbers_and_may_be_empty() -> None:
    for number in (10, 9, 2):
        write({f"d/part-{number}.csv": f"text,label\n{number},{number % 2}\n".encode()})
    write({"d/part-3.csv": b""})
    assert read("d").train.texts == ["2", "9", "10"]
