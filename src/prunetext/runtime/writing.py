"""Files that are whole at every moment."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


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
    target = Path(path)
    beside = partial_of(target, str(os.getpid()) if shared else "")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if check is not None:
            check(beside)
        beside.replace(target)
    except OSError as error:
        if error.filename is None or str(error.filename) == str(
            beside
        ):  # writing and syncing name no file, and the user knows only its own
            error.filename, error.filename2 = str(target), None
        raise
    finally:
        with suppress(OSError):  # the error that is on its way says more
            beside.unlink(missing_ok=True)
