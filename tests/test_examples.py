"""Each configuration file in examples/ is read, and run on a small slice of its data."""

import csv
import json
import random
import tomllib
from pathlib import Path

import pytest

import prunetext
from prunetext import cli

EXAMPLES = sorted((Path(__file__).resolve().parent.parent / "examples").glob("*.toml"))
# What makes a run short; everything else is the example's.
SMALL = ["--epochs", "1", "--dimensions", "4", "--filters", "2", "--max-size", "1MB"]


def test_there_are_examples() -> None:
    assert [path.stem for path in EXAMPLES] == ["news", "sentiment"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_on_a_slice_of_its_data(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tomllib.loads(path.read_text("utf-8"))
    data = prunetext.read(config["data"]).train
    rows = [(text[:100], label) for text, label in zip(data.texts, data.labels, strict=True)]
    random.Random(0).shuffle(rows)
    with (tmp_path / "slice.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows[:300]])
    arguments = ["fit", str(tmp_path / "slice.csv"), "--config", str(path), "--out", str(tmp_path / "run"), *SMALL]
    with pytest.raises(SystemExit) as exit_:
        cli.main([*arguments, "--json"])
    said = capsys.readouterr()
    assert exit_.value.code == 0, said.err
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text("utf-8"))
    given = {"data", "out", "overwrite", "max_size"}
    assert {name: recipe[name] for name in config.keys() - given} == {
        name: config[name] for name in config.keys() - given
    }
    assert len(prunetext.load(json.loads(said.out)["path"]).labels) == len(set(data.labels))
