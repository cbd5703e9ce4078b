"""Peers in separate processes: none loads, warms or ends another, and threads are limited from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunetext.benchmarking import worker

if TYPE_CHECKING:
    from types import TracebackType

    from prunetext.peers.registry import Peer

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")


class EndedError(Exception):
    """A peer's process has ended early; the message is its last line."""


class Worker:
    """A peer that is loaded and answers.

    with Worker(peer, 1, Path("texts.json"), ["great film"]) as worker:
        worker.ask("batch")    # seconds for all texts of the file

    `memory`: the bytes that loading and labelling `first` have added, or None if the system does not tell. If the
    process ends, `EndedError` is raised; its message begins with the peer's name.
    """

    def __init__(self, peer: Peer, threads: int, texts: Path, first: list[str]) -> None:
        self.name = peer.name
        self.said = tempfile.TemporaryFile()  # noqa: SIM115  closed with the worker
        self.process = subprocess.Popen(
            [sys.executable, "-I", worker.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            encoding="utf-8",
            env=environment(threads),
        )
        task = {"code": peer.code, "path": peer.path, "folder": peer.folder, "threads": threads, "texts": str(texts)}
        try:
            self.memory: int | None = self.ask(json.dumps({**task, "first": first}))
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def ask(self, question: str) -> Any:
        """The answer to a question: `batch`, `single CALLS` or `labels COUNT`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):  # its last line tells why
            self.process.stdin.write(question + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise EndedError(f"{self.name}: {self._last_words()}")
        return json.loads(line)

    def _last_words(self) -> str:
        self.said.seek(0)
        lines = self.said.read().decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), f"exit code {self.process.returncode}")

    def __enter__(self) -> Worker:
        """Return the worker, which is ready."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.said):
            if pipe is not None:
                with suppress(BrokenPipeError):  # the rest of an unread question
                    pipe.close()


def environment(threads: int) -> dict[str, str]:
    """A peer's environment, with the thread limits that numeric libraries and tokenizers respect."""
    parallel = "true" if threads > 1 else "false"
    return {**os.environ, **dict.fromkeys(THREAD_LIMITS, str(threads)), "TOKENIZERS_PARALLELISM": parallel}
