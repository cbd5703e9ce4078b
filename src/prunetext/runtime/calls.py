"""How a public function refuses a call that it cannot take: in one sentence, with the argument, the rule and the value.

    @takes(model=A_PATH, words=A_COUNT)
    def inspect(model, *, words=0): ...

    inspect(None)             # InputError: model is None: it must be a path, as a str or a pathlib.Path.
    inspect("m", wordss=3)    # InputError: inspect() got an unexpected keyword argument 'wordss'; help(…

An argument that is left out, or equal to its default, is not looked at. Nothing is imported: `load` is to be quick.
"""

from __future__ import annotations

import os
from operator import index

from prunetext.errors import InputError, brief

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    Function = TypeVar("Function", bound=Callable[..., Any])

_ABSENT = object()


class Kind:
    """A kind of argument: whether a value is one, and how to say what it must be."""

    def __init__(self, says: str, holds: Callable[[Any], bool]) -> None:
        self.says, self.holds = says, holds


def _is_whole(value: Any) -> bool:
    """Whether a value counts something: an int, also of numpy, but neither True nor False."""
    try:
        index(value)
    except TypeError:
        return False
    return not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) or (hasattr(value, "__float__") and not hasattr(value, "__len__"))


def _may_be_data(value: Any) -> bool:
    """Whether a value may hold labelled texts, or say where they are; reading it says the rest."""
    refused = (bytes, bytearray, memoryview, bool, int, float, complex, type)
    return not (value is None or isinstance(value, refused) or callable(value))


A_PATH = Kind("a path, as a str or a pathlib.Path", lambda value: isinstance(value, (str, os.PathLike)))
A_STR = Kind("a str", lambda value: isinstance(value, str))
STRS = Kind("a str, or a list of str", lambda value: isinstance(value, (str, list, tuple)))
A_COUNT = Kind("a whole number", _is_whole)
A_POSITIVE = Kind("a whole number of at least 1", lambda value: _is_whole(value) and index(value) >= 1)
A_TIME = Kind("seconds, or a time such as 5m", lambda value: isinstance(value, str) or _is_whole(value))
A_NUMBER = Kind("a number", lambda value: _is_number(value) and not isinstance(value, bool))
SOME_NUMBERS = Kind(
    "numbers, such as 1.5,2,3 or [1.5, 2, 3]",
    lambda value: isinstance(value, str) or (isinstance(value, (list, tuple)) and all(map(_is_number, value))),
)
A_FLAG = Kind("True or False", lambda value: isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"))
SOME_DATA = Kind(
    "a path, a data frame, prunetext.Examples(texts, labels), or what prunetext.read returns", _may_be_data
)
A_MODEL = Kind(
    "a model, such as the path of a file", lambda value: value is not None and not isinstance(value, (bool, int, float))
)
READING_KINDS = {  # the options of every function that reads labelled texts
    **dict.fromkeys(("text", "text_b", "label", "score", "label_separator", "encoding", "format", "quoting"), A_STR),
    "skip_empty": A_FLAG,
}
A_FUNCTION = Kind("a function", callable)


def takes(**kinds: Kind) -> Callable[[Function], Function]:
    """Let a function raise `InputError` if it is called with arguments that it has not, or of another kind."""

    def decorate(function: Function) -> Function:
        code, given_defaults = function.__code__, function.__defaults__ or ()
        places = code.co_varnames[: code.co_argcount]
        defaults = dict(zip(places[len(places) - len(given_defaults) :], given_defaults, strict=True))
        defaults |= function.__kwdefaults__ or {}

        def run(*given: Any, **named: Any) -> Any:
            for name, value in (*zip(places, given), *named.items()):  # noqa: B905  too many are refused below
                if name in kinds and value is not defaults.get(name, _ABSENT) and not kinds[name].holds(value):
                    raise InputError(f"{name} is {brief(value)}: it must be {kinds[name].says}.")
            try:
                return function(*given, **named)
            except TypeError as error:
                if error.__traceback__ is None or error.__traceback__.tb_next is not None:  # raised inside
                    raise
                name = function.__name__
                raise InputError(f"{error}; help(prunetext.{name}) lists what it takes.") from None

        for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
            setattr(run, name, getattr(function, name))
        run.__wrapped__, run.kinds = function, kinds  # type: ignore[attr-defined]
        return run  # type: ignore[return-value]

    return decorate
