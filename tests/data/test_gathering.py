"""Pairs of texts and lists of labels come out as they went in; every row that breaks a rule is named."""

# ruff: noqa: E501  a case is one line of the tables, message included

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.tables import write_csv, write_jsonl
from prunetext.data.api import read
from prunetext.data.reading import read_examples
from prunetext.data.task import Task
from prunetext.errors import DataError, InputError

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
words = st.text(characters, min_size=1, max_size=12).filter(lambda text: not text.isspace())
names = st.sampled_from(["joy", "fear", "5", "größe", "a b"])
paired_rows = st.lists(st.tuples(words, words, st.sampled_from("xy")), min_size=2, max_size=6).filter(
    lambda rows: len({label for *_, label in rows}) > 1
)
labelled_rows = st.lists(st.tuples(words, st.lists(names, max_size=4)), min_size=1, max_size=6).filter(
    lambda rows: len({label for _, labels in rows for label in labels}) > 1
)
P = '{"text": "a", "text_b": "b", "label": "x"}\n{"text": "c", "text_b": "d", "label": "y"}\n'
L = '{"text": "a", "labels": ["x"]}\n{"text": "b", "labels": ["y", "x"]}\n'
CSV = "premise,hypothesis,label\na,b,x\nc,d,y\n"


def check(message: str, source: str, **options: Any) -> None:
    with pytest.raises(InputError) as caught:
        read(source, **options)
    assert str(caught.value) == message


@given(paired_rows)
@settings(max_examples=60)
def test_pairs_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]) -> None:
    folder = tmp_path_factory.getbasetemp()
    columns = dict(zip(("premise", "hypothesis", "label"), map(list, zip(*rows, strict=True)), strict=True))
    write_csv(folder / "pairs.csv", rows, tuple(columns), quoting=csv.QUOTE_ALL, lineterminator="\n")
    write_jsonl(folder / "pairs.jsonl", (dict(zip(columns, row, strict=True)) for row in rows))
    pq.write_table(pa.table(columns), folder / "pairs.parquet")
    for ending in ("csv", "jsonl", "parquet"):
        train = read(folder / f"pairs.{ending}").train
        assert (train.texts, train.pairs, train.labels, train.task) == (*columns.values(), Task(texts=2))
        assert train.inputs == [(first, second) for first, second, _ in rows]


@given(labelled_rows)
@settings(max_examples=60)
def test_lists_of_labels_round_trip(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, list[str]]]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    expected = [tuple(sorted(set(labels))) for _, labels in rows]
    write_jsonl(folder / "lists.jsonl", ({"text": text, "labels": labels} for text, labels in rows))
    pq.write_table(pa.table({"text": [t for t, _ in rows], "labels": [each for _, each in rows]}), folder / "l.parquet")
    for name in ("lists.jsonl", "l.parquet"):
        data = read(folder / name)
        assert data.train.label_sets == expected
        assert data.labels == sorted({label for labels in expected for label in labels})
        assert data.train.task == Task(answer="labels")


@given(labelled_rows)
def test_separated_and_fasttext_labels_round_trip(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, list[str]]]
) -> None:
    rows = [(" ".join(text.split()), labels) for text, labels in rows if labels and text.split()]
    rows = [(text, labels) for text, labels in rows if not text.startswith("__label__")]
    expected = [tuple(sorted(set(labels))) for _, labels in rows]
    if len({label for labels in expected for label in labels}) < 2:
        return
    folder = tmp_path_factory.getbasetemp()
    write_csv(folder / "cells.csv", ((text, " ; ".join(labels)) for text, labels in rows), ("text", "labels"))
    assert read(folder / "cells.csv", label_separator=";").train.label_sets == expected
    lines = ["".join(f"__label__{label.replace(' ', '_')} " for label in labels) + text for text, labels in rows]
    (folder / "lines.txt").write_bytes("\n".join(lines).encode())
    train = read(folder / "lines.txt").train
    wanted = [tuple(sorted(label.replace(" ", "_") for label in labels)) for labels in expected]
    assert train.label_lists == wanted
    assert train.task.name == ("labels" if any(len(labels) > 1 for labels in wanted) else "classification")


def test_what_a_list_may_hold() -> None:
    rows = [["x", "y", "x"], [], [5, True], [2.0]]
    write_jsonl(Path("a.jsonl"), ({"text": "t", "label": each} for each in rows))
    assert read("a.jsonl").train.label_sets == [("x", "y"), (), ("5", "True"), ("2.0",)]
    Path("one.jsonl").write_text('{"text": "a", "labels": ["x"]}\n{"text": "b", "labels": ["y"]}\n', "utf-8")
    assert read("one.jsonl").train.label_sets == [("x",), ("y",)]  # a list is a list
    Path("cells.jsonl").write_text('{"text": "a", "labels": "x|y"}\n{"text": "b", "labels": 3}\n', "utf-8")
    assert read("cells.jsonl", label_separator="|").train.label_sets == [("x", "y"), ("3",)]
    assert len({id(labels) for labels in read("cells.jsonl").train.labels}) == 2


def test_fasttext_lines_are_like_those_of_train() -> None:
    Path("several.txt").write_text("__label__x __label__y a\n__label__y b\n", "utf-8")
    Path("one.txt").write_text("__label__x a\n__label__y b\n", "utf-8")
    data = read("several.txt", test="one.txt")
    assert data.test is not None
    assert data.test.label_sets == [("x",), ("y",)]
    assert read_examples("one.txt", ["x", "y"], task=Task(answer="labels")).label_sets == [("x",), ("y",)]
    assert read("one.txt").train.label_sets is None
    check(
        "several.txt: its rows have lists of labels, but the rows of the training data (one.txt) have one label each. Write one label in each row.",
        "one.txt",
        test="several.txt",
    )


def test_skip_empty_drops_rows_without_a_second_text_or_with_an_empty_label() -> None:
    Path("a.csv").write_text(CSV + "e,,x\n,f,x\ng,h,\n", "utf-8")
    data = read("a.csv", skip_empty=True)
    assert (data.train.texts, data.train.pairs, data.report.skipped) == (["a", "c"], ["b", "d"], 3)
    Path("l.jsonl").write_text(L + '{"text": "c", "labels": ["x", ""]}\n{"text": "d", "labels": []}\n', "utf-8")
    data = read("l.jsonl", skip_empty=True)
    assert (data.train.texts, data.report.skipped) == (["a", "b", "d"], 1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.csv", CSV + "e,,x\n", "r.csv, line 4: 'hypothesis' is empty. Give it a text, or drop such rows with --skip-empty."),
        ("r.csv", CSV + ",e,x\n", "r.csv, line 4: 'premise' is empty. Give it a text, or drop such rows with --skip-empty."),
        ("r.jsonl", P + '{"text": "e", "label": "x"}', "r.jsonl, line 3: the row has no key 'text_b'. Add it, or drop such rows with --skip-empty."),
        ("r.jsonl", P + '{"text": "e", "text_b": 5, "label": "x"}', "r.jsonl, line 3: 'text_b' is a number, not a string. Write it as a string, or correct --text-b."),
        ("r.jsonl", P + '{"text": 5, "text_b": "e", "label": "x"}', "r.jsonl, line 3: 'text' is a number, not a string. Write it as a string, or correct --text."),
        ("r.jsonl", P + '{"text": "e", "text_b": "\\ud800", "label": "x"}', "r.jsonl, line 3: 'text_b' holds half a character (the lone surrogate U+D800). Remove or complete it."),
        ("r.jsonl", P + '{"text": "e", "text_b": "\\u0000", "label": "x"}', "r.jsonl, line 3: 'text_b' holds a NUL character. Remove it."),
        ("r.jsonl", L + '{"text": "c", "labels": "x"}', "r.jsonl, line 3: the row has one label, but those before it have lists of labels. Write a list in each row, or in none."),
        ("r.jsonl", '{"text": "c", "labels": "x"}\n' + L, "r.jsonl, line 2: the row has a list of labels, but those before it have one label each. Write a list in each row, or in none."),
        ("r.jsonl", L + '{"text": "c", "labels": null}', "r.jsonl, line 3: label is empty. Give it a label, or drop such rows with --skip-empty."),
        ("r.jsonl", L + '{"text": "c", "labels": [" "]}', "r.jsonl, line 3: label is empty. Give it a label, or drop such rows with --skip-empty."),
        ("r.jsonl", L + '{"text": "c", "labels": [["x"]]}', "r.jsonl, line 3: label is a list. Write it as a string or a whole number, or correct --label."),
        ("r.jsonl", L + '{"text": "c", "labels": ["\\u0000"]}', "r.jsonl, line 3: label holds a NUL character. Remove it."),
        ("r.jsonl", '{"text": "c", "labels": []}', "r.jsonl: no row has a label, and a classifier needs two. Add texts with another label, or correct --label."),
        ("r.jsonl", '{"text": "a", "text_b": "b", "labels": ["x", "y"]}', "r.jsonl: pairs of texts with several labels are not supported. Give each pair one label, or name the column of one text with --text."),
    ],
)  # fmt: skip
def test_a_bad_row(name: str, content: str, message: str) -> None:
    Path(name).write_text(content, "utf-8")
    check(message, name)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("p.jsonl", {"dev": "s.csv"}, "s.csv: its rows have one text, but the rows of the training data (p.jsonl) have two. Name the column of the second text with --text-b."),
        ("s.csv", {"dev": "p.jsonl"}, "p.jsonl: its rows have two texts, but the rows of the training data (s.csv) have one. To read one text alone, name its column with --text."),
        ("l.jsonl", {"dev": "s.csv"}, "s.csv: its rows have one label each, but the rows of the training data (l.jsonl) have lists of labels. Write a list in each row, or give --label-separator."),
        ("s.csv", {"test": "l.jsonl"}, "l.jsonl: its rows have lists of labels, but the rows of the training data (s.csv) have one label each. Write one label in each row."),
        ("l.jsonl", {"dev": "m.jsonl"}, "m.jsonl, line 1: the label 'z' never occurs in the training data (l.jsonl). Correct it, or add texts with it there."),
        ("p.jsonl", {"dev": "s.csv", "text_b": "text_b"}, "s.csv, line 1: there is no column 'text_b' among the columns 'text', 'label'. Correct --text-b. The first line of a CSV file is its header."),
        ("f.txt", {"text_b": "b"}, "f.txt: this source has no columns. Leave --text-b out."),
        ("f.txt", {"label_separator": ";"}, "f.txt: this source has no column of labels. Leave --label-separator out."),
        ("s.csv", {"label_separator": ""}, "--label-separator is empty. Give the separator of the labels in a cell, such as ;."),
        ("c.csv", {"label_separator": ";"}, "c.csv: the rows have no label but 'x', and a classifier needs two. Add texts with another label, or correct --label."),
    ],
)  # fmt: skip
def test_a_bad_source(source: str, options: dict[str, Any], message: str) -> None:
    files = {
        "p.jsonl": P,
        "l.jsonl": L,
        "m.jsonl": '{"text": "c", "labels": ["x", "z"]}\n',
        "s.csv": "text,label\na,x\nb,y\n",
        "c.csv": "text,label\na,x;\n",
        "f.txt": "__label__x a\n__label__y b\n",
    }
    for name, content in files.items():
        Path(name).write_text(content, "utf-8")
    check(message, source, **options)


@pytest.mark.parametrize(
    ("content", "task", "message"),
    [
        (
            P,
            "classification",
            "its rows have two texts, but the rows for this model have one. To read one text",
        ),
        (
            L,
            "classification",
            "its rows have lists of labels, but the rows for this model have one label each.",
        ),
        (P, "labels", "its rows have two texts, but the rows for this model have one. To read one text alone,"),
        (L, "pairs", "its rows have one text, but the rows for this model have two. Name the column"),
    ],
)
def test_a_model_of_another_task(content: str, task: str, message: str) -> None:
    Path("r.jsonl").write_text(content, "utf-8")
    with pytest.raises(DataError) as caught:
        read_examples("r.jsonl", ["x", "y"], task=Task.named(task))
    assert str(caught.value).startswith(f"r.jsonl: {message}")


@pytest.mark.parametrize(("name", "column"), [("mrpc", "text_b"), ("goemotions", "labels")])
def test_shared_corpora(shared: Path, here: Path, name: str, column: str) -> None:
    for split in ("train", "dev"):
        with (shared / "data" / name / f"{split}.jsonl").open(encoding="utf-8") as stream:
            lines = [line for _, line in zip(range(2000), stream, strict=False)]
        (here / f"{split}.jsonl").write_text("".join(lines), "utf-8")
    data = read(here)
    for split, examples in data.splits():
        rows = list(map(json.loads, (here / f"{split}.jsonl").read_text("utf-8").splitlines()))
        values = examples.pairs if column == "text_b" else examples.label_sets
        expected = [row[column] if column == "text_b" else tuple(sorted(row[column])) for row in rows]
        assert (examples.texts, values) == ([row["text"] for row in rows], expected)
