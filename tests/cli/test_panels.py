"""The help of a command has its options in panels, whole in a terminal of any width and in a pipe."""

import os
import re
import subprocess
import sys
from typing import Any

import pytest
import typer

from helpers.commands import command
from prunetext.cli.app import app
from prunetext.cli.panels import ARGUMENTS, COMMAND, PANELS, boxed

TITLE = re.compile(r"^(\w+):$", re.MULTILINE)


def sections(name: str) -> dict[str, list[str]]:
    """The flags of a command's help by their panel."""
    parts = TITLE.split(command(name, "--help").stdout.decode())[1:]
    flags = (re.findall(r"^  --([\w-]+)", text, re.MULTILINE) for text in parts[1::2])
    return dict(zip(parts[::2], flags, strict=True))


def test_fit_has_a_panel_for_each_thing_that_one_asks_about() -> None:
    found = sections("fit")
    assert list(found) == [ARGUMENTS, COMMAND, *PANELS]
    assert {"Data", "Budget", "Training", "Teacher", "Shape"} <= set(found)
    for title, names in PANELS.items():
        assert found[title] == [name.replace("_", "-") for name in names], "in the order of the panel"
    assert {"out", "overwrite", "json", "config", "help"} <= set(found[COMMAND])


@pytest.mark.parametrize("name", ["prune", "compare", "evaluate", "bench", "predict", "inspect", "export"])
def test_every_flag_stands_in_one_panel(name: str) -> None:
    found = [flag for panel in sections(name).values() for flag in panel]
    group: Any = typer.main.get_command(app)
    flags = [each for each in group.commands[name].params if each.param_type_name == "option"]
    assert sorted(found) == sorted([*(each.opts[0].removeprefix("--") for each in flags), "help"])


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_terminal_shows_boxes_that_cut_nothing(width: int) -> None:
    code = f"""
import fcntl, os, pty, struct, sys, termios
child, ours = pty.fork()
if not child:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, {width}, 0, 0))
    os.execv(sys.executable, [sys.executable, "-m", "prunetext", "fit", "--help"])
try:
    while part := os.read(ours, 1 << 16):
        os.write(1, part)
except OSError:  # the end of a terminal
    pass
"""
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment)
    text = done.stdout.decode().replace("\r", "")
    lines = [line for line in text.splitlines() if line.startswith(("╭", "│", "╰"))]
    assert {len(line) for line in lines} == {min(width, 120)}
    assert "…" not in text
    assert [line.split()[1] for line in lines if line.startswith("╭")] == [ARGUMENTS, COMMAND, *PANELS]
    assert letters("".join(lines)) == letters(command("fit", "--help").stdout.decode().partition("Arguments:")[2])


def letters(text: str) -> list[str]:
    """What is written, without the layout and the titles."""
    titles = "|".join([ARGUMENTS, COMMAND, *PANELS])
    return sorted(re.sub(r"[\s╭│╰─╮╯]", "", re.sub(rf"╭─ ({titles}) |^({titles}):$", "", text, flags=re.MULTILINE)))


def test_a_box_folds_a_word_that_is_longer_than_it() -> None:
    text = boxed("Data", [("--text", "b" * 100)], 40)
    assert text.count("b") == 100
    assert {len(line) for line in text.splitlines()} == {40}
