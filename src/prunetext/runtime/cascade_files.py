"""The folder of a cascade: a description, a packed TextCNN, and a packed transformer for the texts it is unsure of.

The names of the three files are fixed: nothing in the description is a path. It says how large both models are and what
their checksums are, so that a folder never holds parts of two cascades.
"""

from __future__ import annotations

import math
import os
import re
from typing import Any, NamedTuple

from prunetext.errors import DamagedError
from prunetext.runtime import _native
from prunetext.runtime.states import open_regular, read_state

FIRST_FILE, SECOND_FILE = "first.safetensors", "second.onnx"
CASCADE_FORMAT = "prunetext-cascade/1"
CONFIDENCE_RULES = {"classification": "top", "pairs": "top", "labels": "margin"}  # by task
LARGEST_CASCADE = 1 << 20  # bytes of a description
EVERY_TEXT = 2.0  # a threshold that no confidence reaches
_KINDS = {
    "format": (str,),
    "task": (str,),
    "labels": (list,),
    "confidence": (str,),
    "threshold": (int, float),
    "first": (dict,),
    "second": (dict,),
    "provenance": (dict,),
}
_CHECKSUM = re.compile("[0-9a-f]{16}")
_AGAIN = "repeat prunetext cascade"


class CascadeFiles(NamedTuple):
    """The description of a cascade, and the bytes of both models."""

    values: dict[str, Any]
    first: bytes
    second: bytes


def read_cascade(folder: str, name: str) -> CascadeFiles:
    """Read the folder of a cascade, whose description has this name; ValueError with the reason if it is not whole.

    read_cascade("runs/cascade", "cascade.json").values["threshold"]    # 0.83
    """
    values = cascade_values(os.path.join(folder, name), name)  # noqa: PTH118  as in the classifier
    first = bytes_of_part(folder, FIRST_FILE, values["first"])
    return CascadeFiles(values, first, bytes_of_part(folder, SECOND_FILE, values["second"]))


def cascade_values(path: str, name: str) -> dict[str, Any]:
    """The values of a description; ValueError if they are not those of a cascade."""
    try:
        if os.stat(path).st_size > LARGEST_CASCADE:  # noqa: PTH116
            raise ValueError(f"its {name} is larger than {LARGEST_CASCADE:,} bytes; {_AGAIN}")
        values = read_state(path)
    except DamagedError as error:
        raise ValueError(f"its {name} is damaged ({error.reason}); {_AGAIN}") from None
    reason = flaw_of(values)
    if reason is not None:
        raise ValueError(f"its {name} is not that of a cascade ({reason}); {_AGAIN}")
    return values


def flaw_of(values: dict[str, Any]) -> str | None:
    """What is wrong with a description; None if nothing is.

    >>> flaw_of({"format": "prunetext-cascade/1"})
    'task is missing'
    """
    for key, kinds in _KINDS.items():
        if key not in values:
            return f"{key} is missing"
        if type(values[key]) not in kinds:
            return f"{key} is of another type"
    if unknown := sorted(values.keys() - _KINDS.keys()):
        return f"{unknown[0][:40]!r} is unknown"
    if values["format"] != CASCADE_FORMAT:
        return f"this version reads {CASCADE_FORMAT}"
    if CONFIDENCE_RULES.get(values["task"]) != values["confidence"]:
        return "its task or its rule of confidence is unknown"
    if not all_finite(values) or not 0 <= values["threshold"] <= EVERY_TEXT:
        return f"a number is not finite, or its threshold is not one from 0 to {EVERY_TEXT:g}"
    if not values["labels"] or not all(isinstance(each, str) for each in values["labels"]):
        return "its labels are not a list of strings"
    for each in (values["first"], values["second"]):
        sound = each.keys() == {"bytes", "checksum"} and type(each["bytes"]) is int and each["bytes"] >= 0
        if not sound or not isinstance(each["checksum"], str) or not _CHECKSUM.fullmatch(each["checksum"]):
            return "it does not say what the bytes and the checksum of a model are"
    return None


def all_finite(value: object) -> bool:
    """Whether all numbers within a value of JSON are finite.

    >>> all_finite({"curve": [1, 0.5]}), all_finite([{"drop": float("nan")}])
    (True, False)
    """
    if isinstance(value, float):
        return math.isfinite(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(all_finite, inner))


def bytes_of_part(folder: str, file: str, said: dict[str, Any]) -> bytes:
    """The bytes of one model, if they are those that the description means."""
    try:
        with open_regular(os.path.join(folder, file)) as opened:  # noqa: PTH118
            data = opened.read(min(said["bytes"] + 1, os.fstat(opened.fileno()).st_size))
    except FileNotFoundError:
        raise ValueError(f"its {file} is missing; {_AGAIN}") from None
    except DamagedError as error:
        raise ValueError(f"its {file} cannot be read ({error.reason}); {_AGAIN}") from None
    if len(data) != said["bytes"] or _native.checksum(data) != said["checksum"]:
        raise ValueError(f"its {file} is damaged, or belongs to another cascade; {_AGAIN}")
    return data
