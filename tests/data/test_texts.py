"""Texts without labels come out as they went in, however the stream cuts them."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.data import texts as module
from prunetext.data.api import read
from prunetext.data.files import SourceFile, decoded_blocks
from prunetext.data.formats.registry import TABLE_ENDINGS
from prunetext.data.task import Task
from prunetext.data.texts import read_chunks, read_inputs, read_texts, text_lines
from prunetext.errors import DataError, InputError

LINE = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\ufeff"), max_size=8)


PIPE = SourceFile(Path("pipe"))


def trickled(data: bytes, step: int = 1 << 18, encoding: str = "utf-8") -> Iterator[list[str]]:
    """The lines of a pipe that gives a few bytes at a time."""
    blocks = [*(data[at : at + step] for at in range(0, len(data), step)), b""]
    file = PIPE._replace(encoding=encoding)
    return text_lines(decoded_blocks(blocks, file), file, checked=False)


def read_pairs(source: Path, **options: Any) -> Iterator[list[Any]]:
    return read_inputs(Task(texts=2), source, **options)


@given(
    lines=st.lists(LINE, max_size=8),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-32", "gb18030"]),
    ending=st.sampled_from(["\n", "\r\n"]),
    ended=st.booleans(),
    step=st.integers(1, 7),
)
def test_every_line_is_a_text(lines: list[str], encoding: str, ending: str, ended: bool, step: int) -> None:
    joined = ending.join(lines) + (ending if ended and lines else "")
    found = [text for chunk in trickled(joined.encode(encoding), step, encoding) for text in chunk]
    if not ended and lines and not lines[-1]:
        lines = lines[:-1]  # an empty last line that is not ended is no line
    assert found == lines


@given(before=st.lists(LINE, max_size=5), start=st.text("aü電", max_size=3), step=st.integers(1, 7))
def test_the_line_of_an_invalid_byte_is_named_after_the_lines_before_it(
    before: list[str], start: str, step: int
) -> None:
    data = "".join(f"{line}\n" for line in before).encode() + start.encode() + b"\xff\nnext\n"
    chunks = trickled(data, step)
    found: list[str] = []
    with pytest.raises(DataError, match=f"^pipe, line {len(before) + 1}: byte 0xff is not valid utf-8"):
        found.extend(text for chunk in chunks for text in chunk)
    assert found == before


@given(labels=st.lists(st.sampled_from(["x", "", "ü", "a__label__b"]), max_size=3), text=LINE)
def test_labels_before_a_text_are_left_out(labels: list[str], text: str) -> None:
    text = text.lstrip(" \t")
    line = "".join(f"__label__{label} " for label in labels) + text
    chunks = trickled(f"{line}\r\n".encode())
    assert [found for chunk in chunks for found in chunk] == [text]


def test_what_only_looks_like_a_label_stays() -> None:
    chunks = trickled(b"a __label__x\n__label_x b\n\t__label__x\t c\n__label__x\n")
    assert [text for chunk in chunks for text in chunk] == ["a __label__x", "__label_x b", "c", ""]


def test_a_long_line_in_many_pieces_is_one_text() -> None:
    line = "x" * 200_000  # joined anew for each of its pieces, it would be copied to 20 GB
    chunks = trickled(f"{line}\nb".encode(), 1)
    assert [text for chunk in chunks for text in chunk] == [line, "b"]


def test_every_ending_that_is_read_as_a_table_elsewhere_is_one_here(tmp_path: Path) -> None:
    assert {".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx"} <= {*TABLE_ENDINGS}
    path = tmp_path / "rows.JSON"
    path.write_text('{"text": "a"}\n{"text": "b"}\n', "utf-8")
    assert list(read_texts(path)) == [["a", "b"]]


def test_standard_input_has_no_columns_and_a_name_is_not_empty() -> None:
    with pytest.raises(DataError, match=r"^standard input: every line is a text, .* Leave --text out, or"):
        read_texts("-", text="body")
    with pytest.raises(InputError, match=r"^The source of the texts is an empty name\. Give a file, or - for"):
        read_texts("")


@given(
    pairs=st.lists(st.tuples(LINE, LINE), max_size=5),
    bad=st.sampled_from(["a", "", "a\tb\tc"]),
    step=st.integers(1, 7),
)
def test_every_line_is_a_pair_until_one_is_not(pairs: list[tuple[str, str]], bad: str, step: int) -> None:
    pairs = [(first.replace("\t", " "), second.replace("\t", " ")) for first, second in pairs]
    lines = "".join(f"{first}\t{second}\n" for first, second in pairs)
    chunks = trickled(f"{lines}{bad}\nx\ty\n".encode(), step)
    found: list[tuple[str, str]] = []
    rule = f"the line has {'2 tabs' if bad.count(module.TAB) else 'no tab'}. Write each pair on a line"
    with pytest.raises(DataError, match=f"^pipe, line {len(pairs) + 1}: {rule}"):
        found.extend(pair for chunk in module._split(chunks, PIPE) for pair in chunk)
    assert found == [(first, second.removesuffix("\r")) for first, second in pairs]


def test_pairs_come_from_lines_and_from_tables(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("__label__x how ?\tso\nwhy\t\n", "utf-8")
    assert list(read_pairs(path)) == [[("how ?", "so"), ("why", "")]]
    for name, content in (
        ("p.csv", "answer,question\nso,how ?\n,why\n"),
        ("p.tsv", "answer\tquestion\nso\thow ?\n\twhy\n"),
    ):
        (tmp_path / name).write_text(content, "utf-8")
        assert list(read_pairs(tmp_path / name)) == [[("how ?", "so"), ("why", "")]]
        assert list(read_pairs(tmp_path / name, text="answer", text_b="question")) == [[("so", "how ?"), ("", "why")]]


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("t.csv", "text,c\n1,2\n", {}, "{}, line 1: no second text column is found among the columns 'text', 'c'."),
        ("t.jsonl", '{"text": "a", "text_b": 1}\n', {}, "{}, line 1: 'text_b' is not a string. Give every row a text"),
        ("t.jsonl", '{"text": "a", "text_b": "b"}\n{"text": "a"}', {}, "{}, line 2: the row has no key 'text_b'."),
        ("t.txt", "a\tb\n", {"text_b": "b"}, "{}: every line is a pair of texts, and there are no columns. Leave"),
    ],
)
def test_what_is_wrong_with_pairs_is_named(
    name: str, content: str, options: dict[str, str], message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(content, "utf-8")
    with pytest.raises(InputError) as caught:
        list(read_pairs(path, **options))
    assert str(caught.value).startswith(message.format(path))


def test_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    for encoding, mark in (("utf-8", b"\xef\xbb\xbf"), ("utf-16-le", b"\xff\xfe"), ("utf-16", b"\xff\xfe")):
        path = tmp_path / f"{encoding}.txt"
        path.write_bytes(mark + "a\nb".encode("utf-8" if encoding == "utf-8" else "utf-16-le"))
        assert [text for chunk in read_texts(path, encoding=encoding) for text in chunk] == ["a", "b"]


def test_a_table_is_read_a_chunk_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("id,text\n" + "".join(f"{number},text {number}\n" for number in range(3000)), "utf-8")
    chunks = list(read_texts(path))
    assert [len(chunk) for chunk in chunks] == [1024, 1024, 952]
    assert chunks[2][-1] == "text 2999"


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        (
            "t.csv",
            "a,b\n1,2\n",
            {},
            "{}, line 1: no text column is found among the columns 'a', 'b'. Name it with --text.",
        ),
        ("t.jsonl", '{"text": "a"}\n{"text": 1}\n', {}, "{}, line 2: text is not a string."),
        ("t.jsonl", '{"text": "a"}\n{"text": null}\n', {}, "{}, line 2: text is missing."),
        ("t.json", '{"text": "a"}\n{}\n', {}, "{}, line 2: the row has no key 'text'."),
        (
            "t.tsv",
            'text\n"a\nb"\n',
            {"quoting": "csv"},
            '{}, line 2: a field that starts with " spans several lines.',
        ),
        (
            "t.txt",
            "a\n",
            {"text": "b"},
            "{}: every line is a text, and there are no columns. Leave --text out, or name the format",
        ),
        ("t.txt", "a\n", {"encoding": "klingon"}, "--encoding klingon: there is no such text encoding."),
    ],
)
def test_what_is_wrong_is_named(name: str, content: str, options: dict[str, str], message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(content, "utf-8")
    with pytest.raises(InputError) as caught:
        list(read_inputs(Task(), path, **options))
    assert str(caught.value).startswith(message.format(path))


@pytest.mark.parametrize(
    ("first", "remedy"),
    [
        ('{"text": "a"}', "the line is a JSON object, not a text. Give --format jsonl, or --format text"),
        ('[{"text": "a"},', "the line is a JSON object, not a text. Give --format jsonl, or --format text"),
        ("id,text", "names of columns ('id,text'), not a text. Give --format csv, or"),
        (
            '"text";"label"',
            'names of columns (\'"text";"label"\'), not a text. Give --format csv',
        ),
        (
            "label\tsentence",
            "names of columns ('label\\tsentence'), not a text. Give --format tsv",
        ),
        ("[", "the line is a JSON object, not a text. Give --format jsonl, or --format text"),
        ("{'text': 'a'}", "the line is a JSON object, not a text. Give --format jsonl, or --format text"),
        (",text,label", "names of columns (',text,label'), not a text. Give --format csv"),
        ("id|text|label", "names of columns ('id|text|label'), not a text. Give --format csv"),
        ("label,id", "names of columns ('label,id'), not a text. Give --format csv"),
        ("id,review text,label", "names of columns ('id,review text,label'), not a text. Give --format csv"),
        ("sep=;", "names of columns ('sep=;'), not a text. Give --format csv"),
        ("文本,标签", "names of columns ('文本,标签'), not a text. Give --format csv"),
        ("Text", "names of columns ('Text'), not a text. Give --format csv"),
    ],
)
def test_a_first_line_of_a_table_is_no_text(first: str, remedy: str, tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text(f"{first}\nx\n", "utf-8")
    with pytest.raises(DataError) as caught:
        list(read_texts(path))
    assert f"{path}, line 1: the line is a" in str(caught.value)
    assert remedy in str(caught.value)
    assert list(read_inputs(Task(), path, format="text")) == [[first, "x"]]


@pytest.mark.parametrize(
    "first", ["Great, really", "review", "message, please", "Review; Good", "{}", "{smile}", "a, b", ""]
)
def test_what_only_looks_like_a_table_is_a_text(first: str, tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text(f"{first}\nx\n", "utf-8")
    assert list(read_texts(path)) == [[first, "x"]]


def test_columns_come_with_the_texts(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("id,text,source\n1,a,web\n2,b,\n", "utf-8")
    (tmp_path / "r.jsonl").write_text('{"id": 1, "text": "a", "source": "web"}\n{"text": "b", "id": 2}\n', "utf-8")
    kept = [list(read_chunks(Task(), tmp_path / name, columns=["source", "id"])) for name in ("r.csv", "r.jsonl")]
    assert kept == [[(["a", "b"], [("web", "1"), ("", "2")])], [(["a", "b"], [("web", 1), (None, 2)])]]
    with pytest.raises(DataError, match=r"line 1: there is no column 'ID2' among the columns .*\. Correct --columns\."):
        list(read_chunks(Task(), tmp_path / "r.csv", columns=["ID2"]))
    (tmp_path / "t.txt").write_text("a\n", "utf-8")
    with pytest.raises(DataError, match=r"there are no columns\. Leave --columns out, or name the format of a table"):
        read_chunks(Task(), tmp_path / "t.txt", columns=["id"])


def test_folders_and_patterns_are_read_file_by_file(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.txt.gz").write_bytes(gzip.compress(f"text {number}\n".encode()))
    expected = [[f"text {number}"] for number in range(3)]
    assert list(read_texts(tmp_path)) == list(read_texts(str(tmp_path / "*.gz"))) == expected
    (tmp_path / "3.csv").write_text("text\nx\n", "utf-8")
    with pytest.raises(DataError, match=r": this folder does not hold files of one format\. Give a file with a text a"):
        read_texts(tmp_path)
    assert list(read_texts(str(tmp_path / "*"))) == [*expected, ["x"]]


def test_what_no_classifier_can_read_is_refused_here_too(tmp_path: Path) -> None:
    for content, rule in (
        (b"PK\x03\x04..", "this looks like a binary file (a zip archive or a spreadsheet)."),
        ("texts".encode("utf-16"), "the file starts with a byte-order mark of utf-16. Read it with --encoding utf-16."),
        (b"a\0b\n", "this looks like a binary file (it holds NUL bytes)."),
        (gzip.compress(b"a" * 999)[:-9], "the compressed file is damaged or cut off."),
    ):
        (tmp_path / "t.txt").write_bytes(content)
        with pytest.raises(DataError) as caught:
            list(read_texts(tmp_path / "t.txt"))
        assert str(caught.value).startswith(f"{tmp_path / 't.txt'}: {rule}")


def test_fit_and_predict_read_the_same_lines(tmp_path: Path) -> None:
    for content in (
        b"__label__x a\rb\n__label__y c\n",
        b"__label__x a\r__label__y c\r",
        b"__label__x a\r\n__label__y c",
    ):
        (tmp_path / "t.txt").write_bytes(content)
        texts = [text for chunk in read_texts(tmp_path / "t.txt") for text in chunk]
        assert texts == read(tmp_path / "t.txt").train.texts


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("What a great film", "there is no such file. To label one text, pipe it into prunetext predict MODEL -."),
        ("film.txt", "there is no such file or folder. Check the name."),
        ("http://example.org/a.txt", "this is an address, not a file. Download it, and give the file."),
    ],
)
def test_a_source_that_is_not_there_is_named(source: str, rule: str) -> None:
    with pytest.raises(DataError) as caught:
        read_texts(source)
    assert str(caught.value) == f"{source}: {rule}"
