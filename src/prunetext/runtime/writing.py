"""Files that are whole at every moment."""

from __future__ import annotations

import os
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def write_whole(path: str | os.PathLike[str], data: bytes, check: Callable[[Path], None] | None = None) -> None:
    """Write a file beside its place, sync it, and then rename it: at every moment the old or the new one is whole.

        write_whole("runs/reviews/history.jsonl", b"...")

    check: is given the new file before it is in place, and refuses it by raising.
    """
    target = Path(path)
    beside = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if check is not None:
            check(beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
