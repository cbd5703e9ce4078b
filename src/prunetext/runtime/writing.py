"""Files that are whole at every moment."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO


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
) -> None:
    """Write a file beside its place, sync it, and then rename it: at every moment the old or the new one is whole.

        write_whole("runs/reviews/history.jsonl", b"...")

    check: is given the new file before it is in place, and refuses it by raising. shared: other processes may write
    the same file at the same time. The remains of a killed process are overwritten by the next one.
    """
    with whole_file(path, check, shared=shared) as file:
        file.write(data)


@contextmanager
def whole_file(
    path: str | os.PathLike[str], check: Callable[[Path], None] | None = None, *, shared: bool = False
) -> Iterator[BinaryIO]:
    r"""A file to write to, in place as `write_whole` says once the block ends; nothing is left of it if that raises.

    with whole_file("answers.csv") as file:
        file.write(b"label\n")
    """
    target = Path(path)
    beside = partial_of(target, str(os.getpid()) if shared else "")
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if check is not None:
            check(beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
