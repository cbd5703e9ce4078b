"""Two floors that no text classifier is likely to beat: `wc -w`, and a pass that splits and hashes."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from prunetext.peers.registry import Peer

FLOOR_BYTES = 1 << 22  # for wc to read; its start then takes a small part of its time
SPLIT_AND_HASH = """
from prunetext.runtime._native import split_and_hash
def predict(texts):
    return [split_and_hash(texts, THREADS)]
"""


def split_and_hash(version: str) -> Peer:
    """One pass over the texts that splits at white space, with one multiplication for each 8 bytes of a word."""
    return Peer("split and hash", version, SPLIT_AND_HASH, "", None, threaded=True)


class WordCount:
    """`wc -w` on the texts, a line each, in the UTF-8 locale.

    count = WordCount(texts, folder)
    count.words(), count.seconds()

    Short texts are repeated up to `least` bytes; `seconds` is the time for one repetition.
    """

    def __init__(self, texts: list[str], folder: Path, least: int = FLOOR_BYTES) -> None:
        raw = "".join(f"{text}\n" for text in texts).encode()
        self.times = max(1, -(-least // max(1, len(raw))))
        self.file = folder / "words.txt"
        self.file.write_bytes(raw * self.times)

    @staticmethod
    def installed() -> bool:
        """Whether this system has the command."""
        return shutil.which("wc") is not None

    def words(self) -> int:
        """How many words all texts have."""
        done = subprocess.run(
            ["wc", "-w", self.file], env={**os.environ, "LC_ALL": "C.UTF-8"}, capture_output=True, check=True
        )
        return int(done.stdout.split()[0]) // self.times

    def seconds(self) -> float:
        """How long it takes, the start of the process counted."""
        began = time.perf_counter()
        self.words()
        return (time.perf_counter() - began) / self.times
