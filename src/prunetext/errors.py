"""The error tree: what a user can see, and the exit codes.

Everything a user can cause is an `InputError` (exit code 2); anything else is a fault of ours (exit code 1).
"""

from __future__ import annotations

DONE, FAULT, WRONG_INPUT, MISSED, CANNOT_TELL, INTERRUPTED = (
    0,
    1,
    2,
    3,
    4,
    130,
)  # exit codes; 5 is kept for later commands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


_FEW = 12  # items that a sentence can hold


class PrunetextError(Exception):
    """Base of every error that prunetext raises on purpose."""


class InputError(PrunetextError, ValueError):
    """The user's input is wrong; the message is one sentence with the file, the line, the rule and the remedy."""


class DataError(InputError):
    """A data file breaks a rule.

    >>> str(DataError("reviews.csv", "label is empty. Give it a label, or drop such rows with --skip-empty.", line=812))
    'reviews.csv, line 812: label is empty. Give it a label, or drop such rows with --skip-empty.'
    """

    def __init__(self, source: object, message: str, line: int | None = None) -> None:
        # A place that is not counted in lines says so by its unit.
        place = f"{source}, {getattr(line, 'unit', 'line')} {line:d}" if line is not None else str(source)
        super().__init__(f"{place}: {message}")


class ModelFileError(InputError):
    """A model file is damaged, hostile, or not a prunetext file."""


class RunError(InputError):
    """A run folder cannot be used as asked: it is finished, incomplete, or belongs to another recipe."""


class DamagedError(InputError):
    """A file that prunetext keeps for itself is not as it was written; `reason` says why.

    >>> str(DamagedError("runs/a/dense.checkpoint", "its checksum does not match"))
    'runs/a/dense.checkpoint: this file is damaged (its checksum does not match). Delete it, and it is made again.'
    """

    def __init__(self, source: object, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{source}: this file is damaged ({reason}). Delete it, and it is made again.")


class MissingExtraError(InputError, ImportError):
    """A package from an extra is missing; the message names the pip command."""


def brief(value: object, longest: int = 80) -> str:
    """A value as it is written in Python, cut to what a sentence can hold; of bytes, only how many there are.

    >>> brief("64kB"), brief(b"x" * 5000), len(brief("x" * 5000))
    ("'64kB'", '5,000 bytes', 80)
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{len(value):,} bytes"
    if isinstance(value, str):
        return repr(value if len(value) <= longest else f"{value[: longest - 3]}…")
    if isinstance(value, (list, tuple, set, frozenset, dict)) and len(value) > _FEW:
        return f"a {type(value).__name__} of {len(value):,}"
    if type(value).__module__ not in ("builtins", "numpy") or type(value) is object or callable(value):
        return type(value).__name__
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # an int of thousands of digits
        return type(value).__name__
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def require(module: str, extra: str) -> ModuleType:
    """Import `module`, or say which extra brings it.

    >>> require("json", extra="train").__name__
    'json'
    """
    from importlib import import_module

    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise MissingExtraError(
            f"This needs the package {module.partition('.')[0]}, which is not installed: "
            f"run pip install 'prunetext[{extra}]'."
        ) from None
