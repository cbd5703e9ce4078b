"""Files that are whole at every moment."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from pathlib import Path

from prunetext.errors import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700  # of what holds texts or their words: nobody else may read them
USUAL_FILE = 0o666  # less what the umask takes away


def partial_of(path: Path, writer: str = "") -> Path:
    """The name of a file while it is being written.

    >>> partial_of(Path("runs/model.safetensors")).name, partial_of(Path("model.onnx"), "42").name
    ('.model.safetensors.partial', '.model.onnx.42.partial')
    """
    return path.with_name(f".{path.name}.{writer}.partial" if writer else f".{path.name}.partial")


def write_whole(
    path: str | os.PathLike[str],
    data: bytes,
    check: Callable[[Path], None] | None = None,
    *,
    shared: bool = False,
    private: bool = False,
) -> None:
    """Write a file beside its place, sync it, and then rename it: at every moment the old or the new one is whole.

        write_whole("runs/reviews/history.jsonl", b"...")

    check: is given the new file before it is in place, and refuses it by raising. shared: other processes may write
    the same file at the same time. private: nobody else may read it. The remains of a killed process are replaced by
    the next one; a link in their place is not followed.
    """
    with whole_file(path, check, shared=shared, private=private) as file:
        file.write(data)


@contextmanager
def whole_file(
    path: str | os.PathLike[str],
    check: Callable[[Path], None] | None = None,
    *,
    shared: bool = False,
    private: bool = False,
) -> Iterator[BinaryIO]:
    r"""A file to write to, in place as `write_whole` says once the block ends; nothing is left of it if that raises.

    with whole_file("answers.csv") as file:
        file.write(b"label\n")
    """
    target = Path(path)
    beside = partial_of(target, str(os.getpid()) if shared else "")
    try:
        with new_file(beside, private=private) as file:
            yield file
        if check is not None:
            check(beside)
        into_place(beside, target)
    except OSError as error:
        # Writing and syncing name no file, and the user knows only its own.
        if error.filename is None or str(error.filename) == str(beside):
            error.filename, error.filename2 = str(target), None
        raise
    finally:
        with suppress(OSError):  # the error that is on its way says more
            beside.unlink(missing_ok=True)


def new_file(path: Path, *, private: bool = False) -> BinaryIO:
    """Open a file that is made now, in place of whatever has its name.

    with new_file(Path("runs/.model.safetensors.partial")) as file: ...
    """
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE if private else USUAL_FILE)
    return os.fdopen(descriptor, "wb")


def into_place(beside: Path, target: Path) -> None:
    """Rename a file once its content is on the disk.

    into_place(Path("runs/.model.safetensors.partial"), Path("runs/model.safetensors"))
    """
    sync(beside)
    if target.is_dir() and not target.is_symlink():
        raise InputError(f"{target}: a folder stands where a file is to be written. Remove it.")
    _rename(beside, target)


def folder_into_place(beside: Path, target: Path, former: Path) -> None:
    """Rename a folder once its content is on the disk; what has its name gets the name `former`.

    folder_into_place(Path("runs/.both.partial"), Path("runs/both"), Path("runs/.both.former"))
    """
    sync(beside)
    if target.is_dir() and any(target.iterdir()):
        _rename(target, former)
    _rename(beside, target)
    sync(target.parent)


def _rename(beside: Path, target: Path) -> None:
    beside.replace(target)


def private_folder(path: Path) -> None:
    """Make a folder that nobody else may read, and those above it that are missing.

    private_folder(Path("cache/answers"))
    """
    for folder in (*reversed(path.parents), path):
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", str(folder))
        if not folder.is_dir():
            folder.mkdir(PRIVATE_FOLDER, exist_ok=True)


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
