"""Tables with separators are read as they were meant, however they were written."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.data.api import read
from prunetext.data.columns import Wanted
from prunetext.data.files import SourceFile
from prunetext.data.formats.delimited import read_delimited
from prunetext.errors import DataError

FIELD = st.text(st.characters(codec="utf-8", exclude_characters='\t\n\r\0\ufeff\ufdd0"'), min_size=1, max_size=6)


def rows(path: Path, **options: Any) -> list[tuple[str, str]]:
    train = read(path, **options).train
    return list(zip(train.texts, train.labels, strict=True))


@pytest.mark.parametrize("name", ["r.csv", "r.tsv"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_out(name: str, separator: str) -> None:
    lines = [["label", "text"], ["x", "a, b; c | d"], ["y", "e"]]
    Path(name).write_text("\n".join(separator.join(f'"{field}"' for field in line) for line in lines), "utf-8")
    assert rows(Path(name)) == [("a, b; c | d", "x"), ("e", "y")]


def test_a_separator_that_the_first_line_declares_is_taken() -> None:
    Path("r.csv").write_bytes(b"\xef\xbb\xbfsep=;\r\ntext;label\r\na,b;x\r\nc;y\r\n")
    assert rows(Path("r.csv")) == [("a,b", "x"), ("c", "y")]


def test_a_name_with_a_separator_in_it_is_a_name() -> None:
    Path("r.csv").write_text("text,label;id\na,x\nb,y\n", "utf-8")
    assert rows(Path("r.csv"), label="label;id") == [("a", "x"), ("b", "y")]


@given(st.lists(st.tuples(FIELD, FIELD), min_size=1, max_size=6), st.integers(0, 5))
def test_quotes_are_letters_in_a_table_with_tabs_that_only_so_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, fields: list[tuple[str, str]], at: int
) -> None:
    at = min(at, len(fields) - 1)
    fields[at] = (f'"{fields[at][0]}" they', fields[at][1])
    path = tmp_path_factory.getbasetemp() / "quotes.tsv"
    path.write_bytes("".join(f"{one}\t{other}\n" for one, other in [("text", "label"), *fields]).encode())
    read = [(row.texts[0], row.label) for row in read_delimited(SourceFile(path, "tsv"), Wanted())]
    assert read == fields


def test_quotes_have_their_meaning_where_the_table_can_be_read_so() -> None:
    Path("r.tsv").write_text('text\tlabel\n"a ""b"" c"\tx\n"d\te"\ty\n', "utf-8")
    assert rows(Path("r.tsv")) == [('a "b" c', "x"), ("d\te", "y")]
    Path("n.tsv").write_text('text\tlabel\n"a"\tx\nb\ty\n', "utf-8")
    assert rows(Path("n.tsv"), quoting="none") == [('"a"', "x"), ("b", "y")]
    assert rows(Path("n.tsv"), quoting="csv") == [("a", "x"), ("b", "y")]


def test_quotes_behind_a_comma_and_a_blank_enclose_their_field() -> None:
    Path("r.csv").write_text('text, label\n"a, b", "x"\n"c", "y"\n', "utf-8")
    assert rows(Path("r.csv")) == [("a, b", "x"), ("c", "y")]
    Path("plain.csv").write_text("text,label\n a,x\n b,y\n", "utf-8")
    assert rows(Path("plain.csv")) == [(" a", "x"), (" b", "y")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_lone_cr_is_part_of_its_field(end: str) -> None:
    lines = ["label,text", "x,a\rb", 'y,"c\rd"', "x,e\rf, g", "y,h"]
    Path("r.csv").write_bytes("".join(line + end for line in lines).encode())
    assert rows(Path("r.csv")) == [("a\rb", "x"), ("c\rd", "y"), ("e\rf, g", "x"), ("h", "y")]


@pytest.mark.parametrize("content", ["text,label\na,x\rb,y\nc,z\n", "text,label\na\rb, c,x\nd,y\n"])
def test_a_lone_cr_never_moves_text_into_a_label(content: str) -> None:
    Path("r.csv").write_bytes(content.encode())
    with pytest.raises(DataError, match=r"^r\.csv, line 2: the row has 3 fields, but the header has 2\."):
        read("r.csv")


def test_a_table_whose_lines_all_end_in_cr_is_read() -> None:
    Path("r.csv").write_bytes(b'text,label\r"a\rb",x\rc,y\r')
    assert rows(Path("r.csv")) == [("a\rb", "x"), ("c", "y")]


@pytest.mark.parametrize(
    "header",
    ["文本,标签", "テキスト,ラベル", "Satz,Kategorie", "commentaire,catégorie", "Reseña,Etiqueta", "Отзыв,Метка"],
)
def test_names_of_columns_in_other_languages_are_usual(header: str) -> None:
    Path("r.csv").write_text(f"id,{header}\n1,a,x\n2,b,y\n", "utf-8")
    assert rows(Path("r.csv")) == [("a", "x"), ("b", "y")]
