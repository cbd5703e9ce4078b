"""The file of rows: whole after any kill, and refused where somebody else wrote in it."""

import json
from pathlib import Path

import pytest

from prunetext.comparison.rows import ComparedRow, ComparedRows
from prunetext.errors import RunError

ROW = ComparedRow(
    data="Wörter\u2028\x85",  # which separate lines for Python, but not in JSON Lines
    fingerprint="0" * 32,
    method="taylor/local",
    size="1/4",
    seed=0,
    budget=4_000,
    bytes=3_900,
    dev=91.5,
    test=90.0,
    dense=90.5,
    drop=0.5,
    low=-0.5,
    high=1.5,
    verdict="undecided",
    seconds=1.5,
    texts_per_second=300_000,
    machine={"cpu": "Prozessor", "threads": 1},
)
SECOND, THIRD = ROW._replace(seed=1), ROW._replace(seed=2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of two rows."""
    rows = ComparedRows(tmp_path / "rows.jsonl")
    assert list(rows) == []
    for row in (ROW, SECOND):
        rows.add(row)
    return tmp_path / "rows.jsonl"


def test_rows_are_kept_and_known_by_what_they_answer(path: Path) -> None:
    rows = ComparedRows(path)
    assert list(rows) == [ROW, SECOND]
    assert ROW.key in rows
    assert ROW._replace(test=1.0, bytes=1, data="other").key in rows
    for other in ({"fingerprint": "1" * 32}, {"method": "taylor"}, {"size": "1/2"}, {"seed": 2}):
        assert ROW._replace(**other).key not in rows


def test_a_last_line_that_was_cut_off_anywhere_is_made_again(path: Path) -> None:
    whole = path.read_bytes()
    end = whole.index(b"\n") + 1
    umlaut = whole.index("ö".encode(), end) + 1  # within a character
    for cut in (end + 1, umlaut, len(whole) - 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        rows = ComparedRows(path)
        assert list(rows) == [ROW]
        assert path.read_bytes() == whole[:end], "what was cut off is gone"
        rows.add(THIRD)
        assert list(ComparedRows(path)) == [ROW, THIRD]
        assert [each.name for each in path.parent.iterdir()] == ["rows.jsonl"]


@pytest.mark.parametrize(
    "line",
    ["", "{", "3", "[]", "{}", "null", '{"method": "taylor"}', json.dumps({**ROW._asdict(), "more": 1}), "\udcff"],
)
def test_another_line_that_is_no_row_is_one_sentence(path: Path, line: str) -> None:
    first, second = path.read_bytes().splitlines(keepends=True)
    wrong = line.encode("utf-8", "surrogateescape") + b"\n"
    for number, lines in ((1, (wrong, first)), (2, (first, wrong, second)), (3, (first, second, wrong))):
        path.write_bytes(b"".join(lines))
        with pytest.raises(RunError) as error:
            ComparedRows(path)
        assert str(error.value) == f"{path}, line {number}: this is not a row of a comparison. Remove it."
        assert path.read_bytes() == b"".join(lines)
