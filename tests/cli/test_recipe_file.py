"""Options come from TOML files as people write them, and from no others."""

from pathlib import Path

import pytest

from prunetext.cli.recipe_file import read_recipe
from prunetext.errors import InputError
from prunetext.options import FitOptions, ModelOptions, PruneOptions, option_types

KNOWN = option_types(FitOptions, ModelOptions, PruneOptions)


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (b"\xef\xbb\xbfseed = 3\n", {"seed": 3}),
        (b"widths = [2, 3]\n", {"widths": "2,3"}),
        (b'groups = ["vocabulary", "filters"]\nmax_drop = 1\n', {"groups": "vocabulary,filters", "max_drop": 1.0}),
        (b"", {}),
    ],
)
def test_options_are_read_as_people_write_them(content: bytes, values: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_bytes(content)
    assert read_recipe(tmp_path / "r.toml", KNOWN) == values


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"a = " + b"[" * 100_000, "the file is not valid TOML ("),
        (b"seed = " + b"1" * 5_000, "the file is not valid TOML ("),
        (b"seed = \xff", "the file is not valid TOML ("),
        (b"seed = 1\nseed = 2", "the file is not valid TOML ("),
        (b"#" * 1_000_001, "the file is not valid TOML (it is larger than"),
        (b"droop = 1", "droop is not an option. The options are "),
        (b"widths = [[2]]", "widths must be text in quotes"),
        (b"seed = [2]", "seed must be a whole number."),
        (b"seed = true", "seed is True: it must be a whole number."),
    ],
)
def test_what_is_no_file_of_options_is_named(content: bytes, rule: str, tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_recipe(tmp_path / "r.toml", KNOWN)
    assert str(caught.value).startswith(f"{tmp_path / 'r.toml'}: {rule}")
    assert len(str(caught.value)) < 1_200
