"""One text of ten megabytes among the usual ones hinders no stage of a run, and takes no gigabytes of memory."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import prunetext
from helpers.tables import write_jsonl
from prunetext.data.dataset import Data

LENGTH = 10_000_000  # bytes
MOST = 900_000  # kB, of two texts of 1.2 million tokens each: some hundred bytes a token, and copies of the texts
SMALL = ["--teacher", "none", "--dimensions", "8", "--filters", "4", "--widths", "1,2", "--epochs", "1"]
SMALL += ["--schedule", "oneshot:keep=0.5", "--tokenizer", "bert/1"]

CODE = """
import sys
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
from prunetext.cli import app as cli
for short in (True, False):
    before = peak()
    try:
        cli.main([*sys.argv[1:], *(["--out", "of-short", "short"] if short else ["--out", "of-long", "long"])])
    except SystemExit as exit:
        assert exit.code == 0, exit.code
print(peak() - before)
"""


@pytest.fixture(scope="module")
def folder(toy_data: Callable[..., Data], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy data without and with long texts: of train and of test the first, a word of its class again and again."""
    place = tmp_path_factory.mktemp("long")
    data = toy_data(train=64, dev=40, test=40)
    for name in ("short", "long"):
        (place / name).mkdir()
        for part, examples in data.splits():
            texts = list(examples.texts)
            if name == "long" and part != "dev":
                texts[0] = f"{texts[0]} sign0a common1 " * (LENGTH // len(f"{texts[0]} sign0a common1 "))
            rows = zip(texts, examples.labels, strict=True)
            write_jsonl(place / name / f"{part}.jsonl", ({"text": text, "label": label} for text, label in rows))
    return place


@pytest.fixture(scope="module")
def taken(folder: Path) -> int:
    """Kilobytes that a fit with long texts takes, more than one without."""
    if not Path("/proc/self/status").exists():
        pytest.skip("the system does not say how much memory a process took")
    command: list[Any] = [sys.executable, "-c", CODE, "fit", *SMALL]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


def test_fit_takes_a_long_text_in_train_and_in_test(folder: Path, taken: int) -> None:
    assert taken < MOST
    assert (folder / "of-long" / "model.safetensors").exists()


def test_evaluate_and_explain_take_it_too(folder: Path, taken: int, call: Callable[..., Any]) -> None:
    model = folder / "of-long" / "model.safetensors"
    test = prunetext.read(folder / "long").test
    assert test is not None
    assert call("evaluate", model, folder / "long").code == 0
    classifier = prunetext.load(model)
    assert len(test.texts[0]) > 0.9 * LENGTH
    [label] = classifier.predict(test.texts[:1])
    assert label == test.labels[0]
    assert classifier.explain(test.texts[0])
