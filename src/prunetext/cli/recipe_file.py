"""A TOML file of options, as `fit --config` takes it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from prunetext.errors import InputError, brief
from prunetext.options import TYPE_NAMES

LARGEST_RECIPE = 1_000_000  # bytes


def read_recipe(path: Path, known: dict[str, type]) -> dict[str, Any]:
    """The options in a TOML file; an unknown key or a value of another type raises `InputError`.

        read_recipe(Path("small.toml"), option_types(FitOptions)) # {'groups': 'filters,bits', 'max_drop': 0.5}

    A list is taken where text is expected: widths = [2, 3] is widths = "2,3".
    """
    with path.open("rb") as file:
        raw = file.read(LARGEST_RECIPE + 1)
    if len(raw) > LARGEST_RECIPE:
        raise InputError(f"{path}: the file has more than {LARGEST_RECIPE:,} bytes. Give a TOML file of options.")
    try:
        values = tomllib.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)[:200]
        raise InputError(
            f"{path}: the file is not valid TOML ({reason}). Write lines such as max_drop = 0.5."
        ) from None
    for key, value in values.items():
        if type(value) is list and known.get(key) is str and all(type(each) in (int, float, str) for each in value):
            values[key] = value = ",".join(map(str, value))
        if key not in known:
            raise InputError(f"{path}: {key} is not an option. The options are {', '.join(known)}.")
        if type(value) is int and known[key] is float:
            values[key] = float(value)
        elif type(value) is not known[key]:  # true is not a number here, although bool is an int
            raise InputError(f"{path}: {key} is {brief(value)}: it must be {TYPE_NAMES[known[key]]}.")
    return values
