"""Callers' arguments in the form that the native module takes: texts, numbers of threads, model files in memory."""

from __future__ import annotations

from operator import index

from prunetext.errors import InputError, brief

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Protocol

    import numpy as np
    from numpy.typing import NDArray

    class ArrowArray(Protocol):
        """An array of the Arrow C data interface."""

        def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

    class ArrowStream(Protocol):
        """A stream of such arrays."""

        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

    class Buffer(Protocol):
        """Bytes, or any other object with a buffer."""

        def __buffer__(self, flags: int, /) -> memoryview: ...

    Texts = Iterable[str] | Iterable[bytes] | ArrowArray | ArrowStream
    Pairs = Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]] | Iterable[list[str]] | Iterable[list[bytes]]
    Explained = str | bytes | tuple[str, str] | list[str]  # what a model explains: a text, or a pair of texts
    Items = Texts | Pairs | Iterable[str | tuple[str, str]]  # what a model labels

ARROW = ("__arrow_c_array__", "__arrow_c_stream__")  # of the Arrow C data interface
MOST_THREADS = 1 << 16  # the native module starts far fewer, but takes no larger number


def is_arrow(texts: object) -> bool:
    """Whether an object follows the Arrow C data interface.

    >>> is_arrow(["a film"])
    False
    """
    return any(hasattr(texts, name) for name in ARROW)


def prepare(texts: Items, threads: int | None) -> tuple[object, int]:
    """Texts as the native module takes them, and its number of threads; 0 lets it choose.

    >>> prepare((text for text in ["a", "b"]), None)
    (['a', 'b'], 0)
    """
    if isinstance(texts, (str, bytes)):
        raise InputError(f"texts is a single {type(texts).__name__}; wrap it in a list: [text].")
    count = min(0 if threads is None else check_threads(threads), MOST_THREADS)
    if isinstance(texts, (list, tuple)) or is_arrow(texts):
        return texts, count
    try:
        each = iter(texts)  # type: ignore[arg-type]
    except TypeError:
        raise InputError(f"texts is {type(texts).__name__}; give a list of strings.") from None
    return list(each), count  # an error in the caller's own generator passes through


def check_threads(threads: int) -> int:
    """Refuse an impossible number of threads.

    >>> check_threads(2)
    2
    """
    return at_least_one("threads", threads)


def at_least_one(name: str, value: int) -> int:
    """A whole number of at least 1; InputError for any other value.

    >>> at_least_one("top", 10)
    10
    """
    try:
        count = index(value)
    except TypeError:
        count = 0
    if count < 1:
        raise InputError(f"{name} is {brief(value)}: it must be a whole number of at least 1, or left out.")
    return count


def file_bytes(source: object) -> bytes:
    """The bytes of any object with a buffer, copied unless they cannot change.

    >>> file_bytes(bytearray(b"a file"))
    b'a file'
    """
    if type(source) is bytes:
        return source
    try:
        return memoryview(source).tobytes()  # type: ignore[arg-type]
    except (TypeError, ValueError, BufferError):
        raise InputError(
            f"a model is loaded from a path or from the bytes of its file, not from {type(source).__name__}; give a "
            "str, a pathlib.Path or bytes."
        ) from None


def as_rows(data: bytearray, columns: int) -> NDArray[np.float32]:
    """Native numbers as an array: float32, (rows, columns).

    >>> as_rows(bytearray(8), 2)
    array([[0., 0.]], dtype=float32)
    """
    from prunetext.errors import require

    require("numpy", extra="train")
    import numpy as np

    return np.frombuffer(data, np.float32).reshape(-1, columns)


def as_numbers(data: bytearray, columns: int) -> NDArray[np.float64]:
    """Native numbers as an array: float64, (rows, columns).

    >>> as_numbers(bytearray(16), 2)
    array([[0., 0.]])
    """
    from prunetext.errors import require

    require("numpy", extra="train")
    import numpy as np

    return np.frombuffer(data, np.float64).reshape(-1, columns)


def as_floats(data: bytearray) -> list[Any]:
    """Native numbers as Python's own.

    >>> as_floats(bytearray(16))
    [0.0, 0.0]
    """
    return [*memoryview(data).cast("d")]


def as_flags(data: bytearray, columns: int) -> NDArray[np.bool_]:
    """Native bytes, 0 or 1, as an array: bool, (rows, columns).

    >>> as_flags(bytearray([0, 1]), 2)
    array([[False,  True]])
    """
    import numpy as np

    return np.frombuffer(data, np.bool_).reshape(-1, columns)
