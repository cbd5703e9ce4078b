"""Without a terminal, each stage of a run is told in one line when it ends."""

import re

import pytest

from prunetext.cli.progress import Bars
from prunetext.training.loop import Progress


def test_each_stage_is_one_line_with_what_was_reached(capsys: pytest.CaptureFixture[str]) -> None:
    with Bars() as bars:
        for done in range(1, 4):
            bars("train", Progress(done, 3, 0.5 + done / 10, "accuracy"))
            assert capsys.readouterr().err == ""
        bars("step 1", Progress(1, 9, None, "accuracy"))
        first = capsys.readouterr()
    last = capsys.readouterr()
    assert re.fullmatch(r"train +\d+\.\d s   dev accuracy 80\.0 %\n", first.err)
    assert re.fullmatch(r"step 1 +\d+\.\d s   \n", last.err)
    assert first.out == last.out == "", "standard output is for answers"


def test_the_name_of_a_stage_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Bars() as bars:
        bars("teacher\x1b[2J\n", Progress(1, 1, None, "accuracy"))
    assert capsys.readouterr().err.startswith(r"teacher\x1b[2J\n ")
