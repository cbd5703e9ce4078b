"""A file is the old or the new one at every moment, whatever happens to its writer."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from prunetext.runtime.writing import write_whole

LIMIT = 1000


@contextmanager
def small_files() -> Iterator[None]:
    """Let no file of this process grow beyond some bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_whole(tmp_path / "file", b"old")
    return tmp_path / "file"


def test_the_new_file_is_in_place(path: Path) -> None:
    write_whole(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old_file_alone(path: Path) -> None:
    with pytest.raises(OSError, match="File too large"), small_files():
        write_whole(path, bytes(LIMIT + 1))
    assert path.read_bytes() == b"old"
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_a_check_that_fails_leaves_the_old_file_alone(path: Path) -> None:
    def check(beside: Path) -> None:
        assert beside.read_bytes() == b"new"
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        write_whole(path, b"new", check)
    assert path.read_bytes() == b"old"
    assert [each.name for each in path.parent.iterdir()] == ["file"]
