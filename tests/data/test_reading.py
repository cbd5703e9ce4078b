"""Reading gives what was written, whatever the format, and only that."""

import csv
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.tables import write_csv, write_jsonl
from prunetext.data.api import read
from prunetext.data.label_forms import clean_label
from prunetext.data.reading import read_examples
from prunetext.errors import DataError

Pairs = list[tuple[str, str]]
characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.text(characters, min_size=1, max_size=30).filter(lambda text: not text.isspace())
labels = texts.map(clean_label).filter(lambda label: label and not label.startswith("["))
rows = st.lists(st.tuples(texts, labels), min_size=2, max_size=8).filter(lambda each: len({b for _, b in each}) > 1)


def write_numbered(path: Path, examples: Pairs, delimiter: str, ending: str) -> None:
    # Python's own writer leaves a CR before LF bare, which is a line end.
    quoting = csv.QUOTE_ALL if any("\r" in value for row in examples for value in row) else csv.QUOTE_MINIMAL
    rows = ((number, text, label) for number, (text, label) in enumerate(examples))
    write_csv(path, rows, ("id", "text", "label"), delimiter=delimiter, lineterminator=ending, quoting=quoting)


def read_pairs(path: Path | str, **options: Any) -> Pairs:
    train = read(path, **options).train
    return list(zip(train.texts, train.labels, strict=True))


@given(rows, st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=150)
def test_csv_and_tsv_round_trip(tmp_path_factory: pytest.TempPathFactory, examples: Pairs, ending: str) -> None:
    for suffix, delimiter in ((".csv", ","), (".tsv", "\t")):
        path = tmp_path_factory.getbasetemp() / f"round{suffix}"
        if suffix == ".tsv":  # whose rows stay on one line
            examples = [(" ".join(text.splitlines()), " ".join(label.splitlines())) for text, label in examples]
            examples = [(f"a{text}", f"a{label}") for text, label in examples]
            if len({label for _, label in examples}) < 2:
                return
        write_numbered(path, examples, delimiter, ending)
        assert read_pairs(path) == examples


@given(rows, st.booleans())
@settings(max_examples=150)
def test_jsonl_round_trip(tmp_path_factory: pytest.TempPathFactory, examples: Pairs, escaped: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "round.jsonl"
    lines = [json.dumps({"label": label, "text": text}, ensure_ascii=escaped) for text, label in examples]
    path.write_bytes("\n".join(lines).encode())
    assert read_pairs(path) == examples


@given(rows, st.sampled_from([pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]))
@settings(max_examples=50)
def test_parquet_round_trip(tmp_path_factory: pytest.TempPathFactory, examples: Pairs, kind: pa.DataType) -> None:
    path = tmp_path_factory.getbasetemp() / "round.parquet"
    columns = {"id": pa.array(range(len(examples)))}
    columns |= {name: pa.array([row[at] for row in examples], kind) for at, name in enumerate(("text", "label"))}
    pq.write_table(pa.table(columns), path)
    assert read_pairs(path) == examples


@given(rows)
def test_fasttext_round_trip(tmp_path_factory: pytest.TempPathFactory, examples: Pairs) -> None:
    words = [("_".join(label.split()), " ".join(text.split())) for text, label in examples]
    words = [(label, text) for label, text in words if label and text and not text.startswith("__label__")]
    if len({label for label, _ in words}) < 2:
        return
    path = tmp_path_factory.getbasetemp() / "round.txt"
    path.write_bytes("".join(f"__label__{label} {text}\n" for label, text in words).encode())
    assert read_pairs(path) == [(text, label) for label, text in words]


def test_parquet_in_many_batches_numbers_its_rows(here: Path) -> None:
    count = 20_000
    pq.write_table(
        pa.table({"text": [f"text {i}" for i in range(count)], "label": [i % 3 for i in range(count)]}),
        "reviews.parquet",
        row_group_size=3_000,
    )
    assert read_pairs("reviews.parquet") == [(f"text {i}", str(i % 3)) for i in range(count)]


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_a_utf8_mark_is_dropped(here: Path, bom: bytes) -> None:
    Path("a.csv").write_bytes(bom + "text,label\ngroß,a\nb,b\n".encode())
    Path("a.jsonl").write_bytes(bom + '{"text": "groß", "label": "a"}\n{"text": "b", "label": "b"}'.encode())
    Path("a.txt").write_bytes(bom + "__label__a groß\n__label__b b\n".encode())
    for name in ("a.csv", "a.jsonl", "a.txt"):
        assert read_pairs(name) == [("groß", "a"), ("b", "b")]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "UTF8", "gb18030", "utf-32"])
def test_other_encodings(here: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    Path("a.csv").write_bytes((mark + "text,label\r\ngro\xdf,a\r\nb,b\r\n").encode(encoding))
    assert read_pairs("a.csv", encoding=encoding) == [("groß", "a"), ("b", "b")]


@pytest.mark.parametrize(
    ("header", "text", "label"),
    [
        ("Review,Category", 0, 1),
        ("label,id,sentence", 2, 0),
        ("title,body,topic,label", 1, 3),
        ("CONTENT , Sentiment ", 0, 1),
        ("class,title", 1, 0),
    ],
)
def test_columns_are_found_by_their_usual_names(here: Path, header: str, text: int, label: int) -> None:
    fields = [[f"{column}{row}" for column in range(header.count(",") + 1)] for row in range(2)]
    Path("a.csv").write_text("\n".join([header, *map(",".join, fields)]), encoding="utf-8")
    assert read_pairs("a.csv") == [(row[text], row[label]) for row in fields]


def test_given_columns_win_and_may_stand_beside_a_second_text(here: Path) -> None:
    Path("a.csv").write_text("text,text_b,label,stars\na,b,x,1\nc,d,y,2\n", encoding="utf-8")
    assert read_pairs("a.csv", text="TEXT_B", label="stars") == [("b", "1"), ("d", "2")]
    assert read_pairs("a.csv", text="text") == [("a", "x"), ("c", "y")]
    assert read_pairs("a.csv", text="stars", label="text") == [("1", "a"), ("2", "c")]


def test_labels_are_str_of_what_the_file_holds(here: Path) -> None:
    values = [1, True, 2.0, "3", 0, -1]
    write_jsonl(Path("a.jsonl"), ({"text": "t", "label": each} for each in values))
    data = read("a.jsonl")
    assert data.train.labels == ["1", "True", "2.0", "3", "0", "-1"]
    assert data.labels == sorted(data.train.labels)
    pq.write_table(pa.table({"text": ["a", "b"], "label": [1.0, 2.0]}), "a.parquet")
    assert read("a.parquet").labels == ["1", "2"]


def test_equal_labels_are_one_object(here: Path) -> None:
    write_jsonl(Path("a.jsonl"), ({"text": "t", "label": f"l{number % 2}"} for number in range(10)))
    assert len({id(label) for label in read("a.jsonl").train.labels}) == 2


def test_blank_lines_do_not_count_as_rows(here: Path) -> None:
    Path("a.csv").write_text("\ntext,label\n\na,x\n\n\nb,y\n\n", encoding="utf-8")
    Path("a.jsonl").write_text('\n{"text":"a","label":"x"}\n \n{"text":"b","label":"y"}\n\n', encoding="utf-8")
    assert read_pairs("a.csv") == read_pairs("a.jsonl") == [("a", "x"), ("b", "y")]


def test_line_separators_of_unicode_do_not_end_a_line(here: Path) -> None:
    text = "one\u2028two\x85three\x0bfour\x1cfive"
    Path("a.csv").write_bytes(f"text,label\n{text},a\nb,b\n".encode())
    Path("a.txt").write_bytes(f"__label__a {text}\n__label__b b\n".encode())
    assert read_pairs("a.csv") == read_pairs("a.txt") == [(text, "a"), ("b", "b")]


def test_old_mac_line_ends(here: Path) -> None:
    Path("a.csv").write_bytes(b"text,label\ra,x\rb,y\r")
    assert read_pairs("a.csv") == [("a", "x"), ("b", "y")]


def test_very_long_fields(here: Path) -> None:
    long = "x" * 3_000_000
    Path("a.csv").write_text(f'text,label\n"{long}",a\nb,b\n', encoding="utf-8")
    assert read_pairs("a.csv") == [(long, "a"), ("b", "b")]


def test_long_fields_are_read_in_several_threads_at_once(here: Path) -> None:
    before = csv.field_size_limit(1000)
    try:
        Path("a.csv").write_text("text,label\n" + f"{'x' * 5000},a\n{'y' * 5000},b\n" * 300, encoding="utf-8")
        sizes: list[int] = []
        threads = [threading.Thread(target=lambda: sizes.append(len(read("a.csv").train))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sizes == [600] * 4
    finally:
        csv.field_size_limit(before)


def test_skip_empty_drops_and_counts(here: Path) -> None:
    Path("a.csv").write_text("text,label\na,x\n,x\n  ,x\nb,\nb, \nb,y\n", encoding="utf-8")
    objects = [{"text": "a", "label": "x"}, {"text": None, "label": "x"}, {"label": "x"}, {"text": "b", "label": "y"}]
    Path("a.jsonl").write_text("\n".join(map(json.dumps, objects)), encoding="utf-8")
    pq.write_table(pa.table({"text": ["a", "b", "c"], "label": [1.0, float("nan"), 2.0]}), "a.parquet")
    data = read("a.csv", skip_empty=True)
    assert list(zip(data.train.texts, data.train.labels, strict=True)) == [("a", "x"), ("b", "y")]
    assert data.report.skipped == 4
    assert read("a.jsonl", skip_empty=True).report.skipped == 2
    assert read("a.parquet", skip_empty=True).train.labels == ["1", "2"]


def test_given_splits_are_kept_as_given(here: Path) -> None:
    Path("a.csv").write_text("text,label\na,x\nb,y\n", encoding="utf-8")
    Path("dev.tsv").write_text("label\ttext\ny\tb\n", encoding="utf-8")
    Path("test.jsonl").write_text('{"text": "c", "label": "x"}', encoding="utf-8")
    data = read("a.csv", dev="dev.tsv", test=Path("test.jsonl"))
    assert data.train.texts == ["a", "b"]
    assert data.dev is not None
    assert data.test is not None
    assert (data.dev.texts, data.dev.labels, data.test.texts) == (["b"], ["y"], ["c"])
    assert data.name == "a"
    assert data.report.shared == {("train", "dev"): 1}
    assert read("a.csv").dev is None
    assert read("a.csv").test is None


@pytest.mark.parametrize("dev", ["dev.jsonl", "valid.csv", "validation.csv", "Dev.CSV"])
def test_a_folder_of_splits(here: Path, dev: str) -> None:
    folder = here / "reviews"
    (folder / "raw").mkdir(parents=True)
    table = "text,label\na,x\nb,y\n"
    row = '{"text": "c", "label": "x"}\n' if dev.endswith("jsonl") else "text,label\nc,x\n"
    contents = {"train.csv": table, dev: row, "SOURCE.md": "# Source", "train_leaked.csv": "?", "unlabeled.jsonl": "{}"}
    contents |= {".train.csv": "?", "train.md": "?", "training.csv": "?"}
    for name, content in contents.items():
        (folder / name).write_text(content, encoding="utf-8")
    data = read("reviews")
    assert (len(data.train), data.dev and data.dev.texts, data.test, data.name) == (2, ["c"], None, "reviews")


def test_a_file_given_beside_a_folder_goes_first(here: Path) -> None:
    (here / "reviews").mkdir()
    for name, text in (("train", "a,x\nb,y"), ("dev", "c,x"), ("test", "d,x")):
        (here / "reviews" / f"{name}.csv").write_text(f"text,label\n{text}\n", encoding="utf-8")
    Path("other.csv").write_text("text,label\ne,y\n", encoding="utf-8")
    data = read(here / "reviews", test="other.csv")
    assert data.test is not None
    assert data.test.texts == ["e"]


def test_a_folder_per_label(here: Path) -> None:
    for name, content in {
        "b/2.txt": "\ufeffline 1\nline 2\n",
        "b/10.TXT": "ten",
        "a/1.txt": "one",
        "a/notes.md": "?",
        ".git/x.txt": "?",
    }.items():
        path = here / "reviews" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    assert read_pairs("reviews") == [("one", "a"), ("ten", "b"), ("line 1\nline 2\n", "b")]


def test_parquet_alone_needs_pyarrow(here: Path, uninstall: Callable[[str], None]) -> None:
    pq.write_table(pa.table({"text": ["a", "b"], "label": ["x", "y"]}), "a.parquet")
    Path("a.csv").write_text("text,label\na,x\nb,y\n", encoding="utf-8")
    uninstall("pyarrow")
    assert len(read("a.csv").train) == 2
    with pytest.raises(ImportError, match=r"pip install 'prunetext\[train\]'"):
        read("a.parquet")


@pytest.mark.parametrize("name", ["sst2", "ag_news", "imdb", "thucnews", "chnsenticorp"])
def test_shared_corpora(shared: Path, name: str) -> None:
    folder = shared / "data" / name
    data = read(folder)
    for split, examples in data.splits():
        with (folder / f"{split}.jsonl").open(encoding="utf-8") as stream:
            for row, text, label in zip(map(json.loads, stream), examples.texts, examples.labels, strict=True):
                assert (row["text"], row["label"]) == (text, label)
    assert data.dev is not None
    assert data.test is not None


def test_read_examples_takes_one_split_and_knows_the_labels(tmp_path: Path) -> None:
    for label in ("x", "y"):
        (tmp_path / "folder" / label).mkdir(parents=True)
        (tmp_path / "folder" / label / "1.txt").write_text(f"a {label}", "utf-8")
    assert read_examples(tmp_path / "folder", ["x", "y"]).labels == ["x", "y"]
    (tmp_path / "valid.csv").write_text("text,label\na,x\n", "utf-8")
    (tmp_path / "test.csv").write_text("text,label\na,z\n", "utf-8")
    assert read_examples(tmp_path, ["x", "y"], split="dev").texts == ["a"]
    with pytest.raises(DataError, match=r"test.csv, line 2: the label 'z' is not one of the model's \('x', 'y'\)"):
        read_examples(tmp_path, ["x", "y"])
    with pytest.raises(DataError, match="this is not a folder with a dev file"):
        read_examples(tmp_path / "folder", ["x", "y"], split="dev")
