"""A TOML file of options, as `fit --config` takes it."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

from prunetext.errors import InputError, brief
from prunetext.options import TYPE_NAMES
from prunetext.runtime.states import LARGEST_TOML, parsed_toml

LARGEST_WHOLE = 2**63 - 1


def read_recipe(path: Path, known: dict[str, type]) -> dict[str, Any]:
    """The options in a TOML file; an unknown key or a value of another type raises `InputError`.

        read_recipe(Path("small.toml"), option_types(FitOptions)) # {'groups': 'filters,bits', 'max_drop': 0.5}

    A list is taken where text is expected: widths = [2, 3] is widths = "2,3".
    """
    try:
        with path.open("rb") as file:
            values = parsed_toml(file.read(LARGEST_TOML + 1).removeprefix(codecs.BOM_UTF8))
    except ValueError as error:
        raise InputError(f"{path}: the file is not valid TOML ({error}). Write lines such as max_drop = 0.5.") from None
    for key, value in values.items():
        if type(value) is list and known.get(key) is str and all(type(each) in (int, float, str) for each in value):
            values[key] = value = ",".join(map(str, value))
        if key not in known:
            raise InputError(f"{path}: {key} is not an option. The options are {', '.join(known)}.")
        if isinstance(value, (list, dict)) or (type(value) is int and abs(value) > LARGEST_WHOLE):
            raise InputError(f"{path}: {key} must be {TYPE_NAMES[known[key]]}.")
        if type(value) is int and known[key] is float:
            values[key] = float(value)
        elif type(value) is not known[key]:  # true is not a number here, although bool is an int
            raise InputError(f"{path}: {key} is {brief(value)}: it must be {TYPE_NAMES[known[key]]}.")
    return values
