"""The commands, in a process of their own or in this one, and how they refuse."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple


class Done(NamedTuple):
    """What a command ended with."""

    code: int
    out: str
    err: str


Call = Callable[..., Done]  # what the fixture `call` gives


def command(*arguments: object, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a command in a process of its own."""
    line = [sys.executable, "-m", "prunetext", *map(str, arguments)]
    return subprocess.run(line, input=given, capture_output=True, check=False)


def flags(name: str) -> list[str]:
    """All words of a command's help, among them its flags."""
    done = command(name, "--help")
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode().split()


def assert_refused(done: Done, beginning: str) -> None:
    """The command has said one sentence that begins so, and nothing else."""
    assert done.code == 2
    assert done.err.startswith(beginning)
    assert done.err.count("\n") == 1
    assert done.err.endswith((".\n", "?\n"))
    assert done.out == ""
