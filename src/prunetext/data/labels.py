"""What is taken for a label, whichever library it comes from: its name, and the type that all labels share."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

from prunetext.data.label_forms import clean_label
from prunetext.errors import InputError

SEVERAL = (list, tuple, set, frozenset)  # of labels
LABEL_TYPES = (str, bool, int, float, date, time, timedelta, Decimal, Enum, UUID)


class Named(NamedTuple):
    """Labels by their names; `type` is that of the values which they were: str, int, float, bool, or mixed.

    `trimmed` counts the values whose outer blanks and invisible characters were left out.
    """

    names: list[str]
    type: str
    trimmed: int = 0


def listed_values(values: Iterable[Any]) -> list[Any]:
    """A column of any library as a list, in the order of its rows: an index such as that of pandas does not count.

    >>> listed_values(("a", "b"))
    ['a', 'b']

    Takes lists, NumPy arrays, and the columns of pandas, Polars and Arrow.
    """
    if isinstance(values, list):
        return values
    to_pylist = getattr(values, "to_pylist", None)
    return list(values if to_pylist is None else to_pylist())


def is_missing(value: object) -> bool:
    """Whether a value stands for none: None, NaN, and what pandas, NumPy and Arrow have in its place.

    >>> is_missing(None), is_missing(float("nan")), is_missing(0)
    (True, True, False)
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType", "MaskedConstant"):
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError, ArithmeticError):  # an array, which is equal in places, and a signalling NaN
        return isinstance(value, Decimal)


def named(values: Sequence[Any], at: str = "The label at") -> Named:
    """The names of the labels of a column.

    >>> named([1.0, 2.0]), named([True, False]).names
    (Named(names=['1', '2'], type='int', trimmed=0), ['True', 'False'])

    Floats are whole numbers where the column holds nothing but whole numbers. Members of an enum have their own names,
    dates are written as in ISO 8601. InputError for bytes, objects and missing values, with the place in the column.
    """
    column = LabelColumn(())
    names = []
    for number, given in enumerate(values):
        value = python_value(given)
        if is_missing(value):
            raise InputError(f"{at} {number:,} is missing. Give it one, or leave its text out.")
        if (kind := _refused(value)) is not None:
            raise InputError(f"{at} {number:,} is {kind}. Give a string, a whole number, or true or false.")
        names.append(column.name(value))
    refuse_blank(names, at)
    return Named(column.finals(names), column.type, column.trimmed)


def refuse_blank(labels: Sequence[str], at: str = "The label at") -> None:
    """Refuse labels of nothing but blanks, as those of files are."""
    if blank := {label for label in set(labels) if not label or label.isspace()}:
        number = next(number for number, label in enumerate(labels) if label in blank)
        raise InputError(f"{at} {number:,} is blank. Give it one, or leave its text out.")


def label_name(value: object) -> str:
    """The name of one label that is not missing.

    >>> label_name(3.0), label_name(date(2024, 1, 31))
    ('3.0', '2024-01-31')
    """
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, (date, time)):
        return value.isoformat()
    try:
        return str(value)
    except ValueError:  # a number of thousands of digits
        raise InputError("A label is a number of thousands of digits. Give a shorter one.") from None


def named_sets(values: Sequence[Any]) -> tuple[list[tuple[str, ...]], Named]:
    """The labels of texts that have several: sorted, each once; and a string for each set, with the type of all.

    >>> named_sets([[2, 1], []])
    ([('1', '2'), ()], Named(names=['["1", "2"]', '[]'], type='int', trimmed=0))
    """
    lists = [python_value(each) for each in values]
    for number, labels in enumerate(lists):
        if not isinstance(labels, SEVERAL):
            raise InputError(f"The labels at {number:,} are no list, but others are. Give a list of labels each.")
    every = named([label for labels in lists for label in labels], "Of all labels, the one at")
    names, sets, known = iter(every.names), [], dict[tuple[str, ...], str]()
    for labels in lists:
        each = tuple(sorted({next(names) for _ in labels}))
        known.setdefault(each, json.dumps(each, ensure_ascii=False))
        sets.append(each)
    return sets, Named([known[each] for each in sets], every.type, every.trimmed)


class LabelColumn:
    """Names labels one after the other; which floats are whole numbers is known at the end.

    column = LabelColumn(known={})
    column.name(1.0), column.name(2.0)      # ('1.0', '2.0'), or names that are known
    column.finals(["1.0", "2.0"])           # ['1', '2'], since all are whole numbers
    """

    def __init__(self, known: Collection[str]) -> None:
        self.known = known
        self.trimmed = 0  # values that were not written as their label
        self.cleaned = {clean_label(label): label for label in known}  # as written → the label
        self.kinds: set[str] = set()
        self.whole: dict[str, str] = {}  # the name of a float without a fraction → that of the whole number

    def name(self, value: object) -> str:
        """The label's name, as far as is known by now; the value is one of Python's own."""
        if type(value) is str:
            self.kinds.add("str")
            return value if value in self.known else self._cleaned(value)
        whole = isinstance(value, float) and value.is_integer()
        self.kinds.add("int" if whole else _kind_of(value))
        name = label_name(value)
        if isinstance(value, float) and whole and name not in self.known:
            number = str(int(value))
            if number in self.known:
                return number
            self.whole[name] = number
        return name

    def _cleaned(self, value: str) -> str:
        label = self.cleaned.get(value)
        if label is None:
            clean = clean_label(value)
            label = self.cleaned[value] = self.cleaned.get(clean, clean)
        self.trimmed += label != value
        return label

    @property
    def type(self) -> str:
        """What all labels were: str, int, float or bool; or mixed."""
        kinds = {"float"} if self.kinds == {"int", "float"} else self.kinds or {"str"}
        return next(iter(kinds)) if len(kinds) == 1 else "mixed"

    @property
    def renamed(self) -> dict[str, str]:
        """The floats that are whole numbers after all: name → final name."""
        return self.whole if self.kinds == {"int"} else {}

    def finals(self, names: list[Any]) -> list[Any]:
        """The names, or tuples of them, when all labels have been named."""
        if not (new := self.renamed):
            return names
        return [
            new.get(each, each) if isinstance(each, str) else tuple(new.get(name, name) for name in each)
            for each in names
        ]


def holds_several(values: Sequence[Any]) -> bool:
    """Whether any value is a list of labels."""
    return any(isinstance(python_value(value), SEVERAL) for value in values)


def python_value(value: Any) -> Any:
    """A scalar of NumPy or Arrow, and an array in the place of a list, as Python has it."""
    if isinstance(value, (str, bytes, int, float, Enum, *SEVERAL)) and type(value).__module__ != "numpy":
        return value
    if type(value).__module__ == "numpy" and getattr(getattr(value, "dtype", None), "kind", "") == "M":
        import numpy as np

        return None if np.isnat(value) else np.datetime_as_string(value, unit="auto").item()
    for way in ("as_py", "tolist", "to_list"):
        if (made := getattr(value, way, None)) is not None:
            return made()
    return value


def _refused(value: object) -> str | None:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "bytes"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, SEVERAL):
        return "a list"
    return None if isinstance(value, LABEL_TYPES) or type(value).__module__.startswith("pandas.") else _of_type(value)


def _of_type(value: object) -> str:
    return f"of the type {type(value).__name__}"


def _kind_of(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, Enum) or not isinstance(value, (int, float)):
        return "str"
    return "int" if isinstance(value, int) else "float"
