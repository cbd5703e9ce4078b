"""Cold start: the time of a new process to its first label, minus that of bare Python to its first line."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from prunetext.benchmarking.processes import EndedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prunetext.peers.registry import Peer

BARE_PYTHON = "print(flush=True)"
LONGEST_SHOWN = 1000  # characters of the text, which is part of the command


def cold_starts(
    peers: Sequence[Peer], text: str, starts: int, seconds_of: Callable[[str], float] | None = None
) -> list[list[float]]:
    """Milliseconds of each peer, peers × starts: each start is paired with one of bare Python, in alternating order.

    A first round does not count: it writes bytecode and warms the system's file cache. The clock stops when the label
    has arrived; a peer's exit does not count. Packages beside prunetext do not slow it: it imports none of them.
    seconds_of: gives a program's time to its first line; by default, it is measured.
    """
    programs = [program(peer, text) for peer in peers]
    found: list[list[float]] = [[] for _ in peers]
    for number in range(starts + 1):
        order = range(len(programs)) if number % 2 else range(len(programs) - 1, -1, -1)
        for at in order:
            pair = (BARE_PYTHON, programs[at]) if number % 2 else (programs[at], BARE_PYTHON)
            seconds = dict(zip(pair, map(seconds_of or first_line, pair), strict=True))
            if number:
                found[at].append(1000 * (seconds[programs[at]] - seconds[BARE_PYTHON]))
    return found


def program(peer: Peer, text: str) -> str:
    """Load the peer, label one text, print the label."""
    folder = "" if peer.folder is None else f"import sys; sys.path.insert(0, {peer.folder!r})\n"
    return (
        f"{folder}PATH, THREADS = {peer.path!r}, 1\n{peer.code}\n"
        f"print(predict([{text[:LONGEST_SHOWN]!r}])[0], flush=True)\n"
    )


def first_line(code: str) -> float:
    """Seconds from starting Python to its first line of output."""
    line = [sys.executable, "-I", "-X", "utf8", "-c", code]
    began = time.perf_counter()
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        seconds = time.perf_counter() - began
    if not said:
        raise EndedError(f"a new process ended without a label, with exit code {process.returncode}")
    return seconds
