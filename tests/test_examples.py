"""Each configuration file in examples/ is read, and run on a small slice of its data, or on made data of its kind."""

import importlib.util
import itertools
import json
import random
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import prunetext
from helpers.tables import write_csv
from prunetext.cli import app as cli

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
TASKS = ["answers", "intent", "matching", "news", "quality", "sentiment", "summary", "tags"]
# What makes a run short; everything else is the example's.
SMALL = ["--teacher", "none", "--epochs", "1", "--dimensions", "4", "--filters", "2", "--max-size", "1MB"]
THINGS = ("film", "song", "train", "lamp", "door", "garden", "market", "river", "window", "letter")


def of_sample(config: dict[str, object], path: Path) -> Path:
    """A slice of the sample that the example names."""
    data = prunetext.read(str(config["data"])).train
    rows = [(text[:100], label) for text, label in zip(data.texts, data.labels, strict=True)]
    random.Random(0).shuffle(rows)
    return write_csv(path, rows[:300], ("text", "label"))


def intents(config: dict[str, object], path: Path) -> Path:
    orders = {"light": "switch on the {}", "music": "play the {}", "alarm": "wake me with the {}"}
    rows = [
        (order.format(thing) + more, label)
        for (label, order), thing, more in itertools.product(orders.items(), THINGS, ("", " now", " please"))
    ]
    return write_csv(path, rows, ("text", "label"))


def questions(config: dict[str, object], path: Path, names: tuple[str, str] = ("sentence1", "sentence2")) -> Path:
    rows = []
    for at, thing in enumerate(THINGS * 4):
        first = f"where is the {thing} {at}"
        rows += [(first, f"the {thing} is here", "1"), (first, f"a {THINGS[at % 9]} or {at}", "0")]
    return write_csv(path, rows, (*names, "label"))


def answers(config: dict[str, object], path: Path) -> Path:
    return questions(config, path, ("question", "answer"))


def tags(config: dict[str, object], path: Path) -> Path:
    words = {"joy": "glad", "anger": "furious", "thanks": "grateful"}
    draw = random.Random(0)
    rows = []
    for number in range(90):
        chosen = draw.sample(sorted(words), draw.randint(1, 2))
        rows.append((f"{' '.join(words[each] for each in chosen)} {draw.choice(THINGS)} {number}", "; ".join(chosen)))
    return write_csv(path, rows, ("text", "labels"))


def quality(config: dict[str, object], path: Path) -> Path:
    draw = random.Random(0)
    rows = [(f"{'clear ' * (at % 6)}{'vague ' * (5 - at % 6)}{draw.choice(THINGS)} {at}", at % 6) for at in range(300)]
    return write_csv(path, rows, ("text", "quality"))


def summaries(config: dict[str, object], path: Path) -> Path:
    """What the example's own script makes of some documents."""
    pytest.importorskip("rouge_score")
    found = importlib.util.spec_from_file_location("summary_data", ROOT / "examples" / "summary_data.py")
    assert found is not None
    assert found.loader is not None
    script = importlib.util.module_from_spec(found)
    found.loader.exec_module(script)
    script.write(path.with_suffix(""), 30)
    return path.with_suffix("")


MADE: dict[str, Callable[[dict[str, object], Path], Path]] = {
    "answers": answers,
    "intent": intents,
    "matching": questions,
    "quality": quality,
    "summary": summaries,
    "tags": tags,
}


def test_there_is_an_example_for_every_task() -> None:
    assert [path.stem for path in EXAMPLES] == TASKS


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_on_a_slice_of_its_data(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = path.read_text("utf-8")
    config = tomllib.loads(text)
    assert f"prunetext fit --config examples/{path.name}" in text
    data = MADE.get(path.stem, of_sample)(config, tmp_path / "slice.csv")
    arguments = ["fit", str(data), "--config", str(path), "--out", str(tmp_path / "run"), *SMALL]
    with pytest.raises(SystemExit) as exit_:
        cli.main([*arguments, "--json"])
    said = capsys.readouterr()
    assert exit_.value.code == 0, said.err
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text("utf-8"))
    given = {"data", "out", "overwrite", "max_size", "epochs", "label_separator", "ranking", "score"}
    assert {name: recipe[name] for name in config.keys() - given} == {
        name: config[name] for name in config.keys() - given
    }
    clf = prunetext.load(json.loads(said.out)["path"])
    expected = {"answers": "pairs", "matching": "pairs", "summary": "pairs", "tags": "labels", "quality": "score"}
    assert clf.task == expected.get(path.stem, "classification")
