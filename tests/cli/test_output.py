"""What is written is whole, however narrow the terminal, and nothing in it can control the terminal."""

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import prunetext
from helpers.packing import pack
from helpers.tables import write_csv
from prunetext.cli import tables
from prunetext.cli.output import CONTROLS, as_json, shown
from prunetext.comparison.summary import Line
from prunetext.pruning.sensitivity import Sensitivity

WORDS = list("abcdefg")
LONG = [f"{'a label that is as long as a sentence and goes on ' * 3}{end}" for end in ("one", "two")]
HOSTILE = ["a\x1b[2J\x1b]0;owned\x07", "b\x7f\x9b31m\u202e\u2066", "c"]
SHOWN = [r"a\x1b[2J\x1b]0;owned\x07", r"b\x7f\x9b31m\u202e\u2066", "c"]
RAW = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]|\xe2\x81[\xa6-\xa9]")
TEXTS = ["a b c", "d e", "f g a", "", "c c c b", "e f", "g", "b d f a", "a", "e e g"]


def narrow(*arguments: object, given: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a pipe, as from a terminal of 40 columns."""
    line = [sys.executable, "-m", "prunetext", *map(str, arguments)]
    return subprocess.run(
        line, input=given, capture_output=True, check=False, env={**os.environ, "COLUMNS": "40", **environment}
    )


@pytest.fixture
def make_judged(random_model: Callable[..., Any], tmp_path: Path) -> Callable[[list[str]], tuple[Path, Path]]:
    """A packed model with these labels, and texts on which it is always right."""

    def make(labels: list[str]) -> tuple[Path, Path]:
        path = tmp_path / "model.safetensors"
        pack(random_model(classes=len(labels)), WORDS, labels, path)
        rows = list(zip(TEXTS, prunetext.load(path).predict(TEXTS), strict=True))
        data = tmp_path / "data.jsonl"
        data.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows if text))
        return path, data

    return make


@pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "1"}, {"TERM": "dumb"}])
def test_labels_are_whole_in_a_pipe_of_40_columns(
    make_judged: Callable[[list[str]], tuple[Path, Path]], environment: dict[str, str]
) -> None:
    model, data = make_judged(LONG)
    for arguments in (("evaluate", model, data), ("inspect", model)):
        done = narrow(*arguments, **environment)
        assert (done.returncode, done.stderr) == (0, b"")
        lines = done.stdout.decode().splitlines()
        assert "…" not in done.stdout.decode()
        for label in LONG:
            assert sum(label in line for line in lines) == 1, "whole, and in one line"
    answers = narrow("predict", model, "-", given="\n".join(TEXTS).encode()).stdout.decode()
    assert all(label in answers for label in LONG)


def test_tables_of_numbers_are_whole_at_40_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    name = "fisher:damping=0.001/incremental/vocabulary+dimensions+filters+taps"
    tables.print_comparison([Line("1/2", name, 3, 91.25, math.inf, 0.5, 123456, 98765, 12.5, "2 kept, 1 undecided")])
    tables.print_sensitivity([Sensitivity(name, 12, 0.25, 12345, 0.5, 0.125, 0.0625)])
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if name in line]
    assert lines == [
        [name, "91.25", "%", "–", "0.50", "123,456", "98,765", "12.5", "2", "kept,", "1", "undecided"],
        [name, "12", "25", "%", "12,345", "0.50", "0.12", "+0.0625"],
    ]


@pytest.mark.parametrize("name", ["fit", "prune", "compare", "evaluate", "bench", "predict", "inspect", "export"])
def test_help_is_whole_at_40_columns(name: str) -> None:
    wide, slim = narrow(name, "--help", COLUMNS="400"), narrow(name, "--help")
    assert (slim.returncode, slim.stderr) == (0, b"")
    assert "".join(slim.stdout.decode().split()) == "".join(wide.stdout.decode().split()), "folded, not cut"


def test_labels_of_a_hostile_model_are_escaped_in_every_output(
    make_judged: Callable[[list[str]], tuple[Path, Path]], tmp_path: Path
) -> None:
    model, data = make_judged(HOSTILE)
    strange = write_csv(tmp_path / "strange\x1b[2J.csv", [("a", "none\x1b[31m\x9b")])
    seen = set()
    for arguments, code in (
        (("predict", model, "-"), 0),
        (("evaluate", model, data), 0),
        (("evaluate", model, data, "--json"), 0),
        (("inspect", model), 0),
        (("inspect", model, "--json"), 0),
        (("evaluate", model, strange), 2),
        (("inspect", tmp_path / "none\x1b[2J"), 2),
        (("predict", model, "-", "--text\x1b[2J"), 2),
        (("forget\x1b[2J",), 2),
        (("fit", strange, "--out", tmp_path / "run", "--groups", "\x1b[2J\x9b"), 2),
    ):
        done = narrow(*arguments, given="\n".join(TEXTS).encode())
        assert done.returncode == code, done.stderr
        assert not RAW.search(done.stdout + done.stderr), arguments
        if "--json" in arguments:
            found = json.loads(done.stdout)
            assert {*HOSTILE} >= set(found.get("labels") or [each["label"] for each in found["per_class"]])
        seen |= {each for each in SHOWN if each in done.stdout.decode()}
    assert seen == set(SHOWN)


@given(st.text())
def test_json_is_the_same_value_without_controls(text: str) -> None:
    text += "".join(map(chr, CONTROLS))
    written = as_json({text: [text]})
    assert json.loads(written) == {text: [text]}
    assert not {chr(code) for code in CONTROLS} & set(written) - {"\n"}


@given(st.text())
def test_what_is_shown_has_no_controls_and_all_else(text: str) -> None:
    assert not {chr(code) for code in CONTROLS} & set(shown(text))
    harmless = text.translate(dict.fromkeys(CONTROLS))
    assert shown(harmless) == harmless


def test_the_traceback_of_a_fault_is_escaped_and_whole() -> None:
    code = """
import sys
from prunetext.__main__ import main
sys.argv[1:] = ["--version"]
try:
    main()
except SystemExit:
    pass
raise RuntimeError("a label \\x1b[2J, and\\n\\x9b more")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 1
    assert not RAW.search(done.stderr)
    lines = done.stderr.decode().splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-2:] == [r"RuntimeError: a label \x1b[2J, and", r"\x9b more"]
