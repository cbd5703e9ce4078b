"""Lines keep their text and know their numbers."""

import doctest
import importlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.data.files import Lines, SourceFile


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n\ufeff"), max_size=5)))
def test_lines_are_the_file(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.txt"
    content = "".join(f"{text}\r\n" for text in ["first", *texts])
    path.write_bytes(content.encode())
    lines = Lines(SourceFile(path))
    numbered = [(lines.number, line) for line in lines]
    assert "".join(line for _, line in numbered) == content
    assert [number for number, _ in numbered] == list(range(1, len(texts) + 2))


def test_a_lone_cr_is_part_of_its_line_where_lines_end_in_lf(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\ntwo\rstill two\nthree")
    lines = Lines(SourceFile(path))
    assert [(lines.number, line) for line in lines] == [(1, "one\n"), (2, "two\rstill two\n"), (3, "three\n")]


MODULES = (
    "columns",
    "dataset",
    "files",
    "formats.registry",
    "gathering",
    "label_forms",
    "labels",
    "report",
    "splitting",
)


@pytest.mark.parametrize("module", MODULES)
def test_docstrings_run(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"prunetext.data.{module}"))
    assert result.attempted > 0
    assert result.failed == 0
