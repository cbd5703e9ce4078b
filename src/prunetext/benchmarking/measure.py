"""Passes over the same texts by all in turn: a busy moment of the machine then affects both of a pair."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import quantiles
from typing import TYPE_CHECKING, TypeVar

from prunetext.benchmarking.floors import FLOOR_BYTES, WordCount
from prunetext.benchmarking.processes import EndedError, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from prunetext.peers.registry import Peer

WC = "wc -w"
Samples = dict[str, list[float]]  # measure → a value for each pass
Each = TypeVar("Each")


@dataclass(frozen=True)
class Amounts:
    """The amounts of work in a benchmark, besides the passes and starts.

    pass_bytes: per pass; few texts are repeated. calls: with a single text, per pass. first: texts labelled before
    memory is read. memory_starts: new processes whose memory is read. floor_bytes: for `wc` to read.
    """

    pass_bytes: int = 1 << 20
    calls: int = 500
    first: int = 100
    memory_starts: int = 3
    floor_bytes: int = FLOOR_BYTES


USUAL_AMOUNTS = Amounts()


class Passes:
    """The texts of a benchmark, in the form that all participants get.

    course = Passes(texts, folder, passes=9, threads=2)
    able, samples, failed = course.qualify(peers)
    answers = course.run(able, floors, samples)
    samples["prunetext"]["texts_per_second"]    # nine numbers
    answers["prunetext"]                        # a label for each text
    """

    def __init__(
        self, texts: list[str], folder: Path, *, passes: int, threads: int, amounts: Amounts = USUAL_AMOUNTS
    ) -> None:
        size = sum(len(text.encode()) for text in texts)
        self.texts = texts
        self.passed = texts * max(1, -(-amounts.pass_bytes // max(size, len(texts))))
        self.megabytes = sum(len(text.encode()) for text in self.passed) / 1e6
        self.folder, self.file = folder, folder / "texts.json"
        self.file.write_text(json.dumps(self.passed), "utf-8")
        self.passes, self.threads, self.amounts = passes, threads, amounts

    def qualify(self, peers: Sequence[Peer]) -> tuple[list[Peer], dict[str, Samples], dict[str, str]]:
        """The peers that load and label, the memory that they take, and the reasons why others fail."""
        samples: dict[str, Samples] = defaultdict(lambda: defaultdict(list))
        failed: dict[str, str] = {}
        for _, peer in in_turn(peers, self.amounts.memory_starts):
            try:
                with self.worker(peer, 1) as worker:
                    if worker.memory is not None:
                        samples[peer.name]["memory"].append(worker.memory)
            except EndedError as error:
                failed[peer.name] = str(error).removeprefix(f"{peer.name}: ")
        return [peer for peer in peers if peer.name not in failed], samples, failed

    def run(self, peers: Sequence[Peer], floors: Sequence[Peer], samples: dict[str, Samples]) -> dict[str, list[str]]:
        """Measure batches and single texts into `samples`; return each peer's labels."""
        with ExitStack() as stack:
            alone = {each.name: stack.enter_context(self.worker(each, 1)) for each in (*peers, *floors)}
            together = {
                each.name: stack.enter_context(self.worker(each, self.threads))
                for each in (*peers, *floors)
                if each.threaded
            }
            answers = {}
            for peer in peers:
                labels = alone[peer.name].ask(f"labels {len(self.texts)}")
                answers[peer.name] = [peer.names.get(label, label) for label in labels]
            self._batches(alone, together, samples)
            for _, peer in in_turn(peers, self.passes):
                seconds = alone[peer.name].ask(f"single {self.amounts.calls}")
                cuts = quantiles(seconds, n=100, method="inclusive")
                samples[peer.name]["p50"].append(1e6 * cuts[49])
                samples[peer.name]["p99"].append(1e6 * cuts[98])
        return answers

    def worker(self, peer: Peer, threads: int) -> Worker:
        """A peer that is loaded."""
        return Worker(peer, threads, self.file, self.texts[: self.amounts.first])

    def _batches(self, alone: dict[str, Worker], together: dict[str, Worker], samples: dict[str, Samples]) -> None:
        def timed(worker: Worker) -> Callable[[], float]:
            return lambda: float(worker.ask("batch"))

        runs = [
            (name, suffix, timed(of[name]))
            for name in alone
            for suffix, of in (("", alone), ("_all", together))
            if name in of
        ]
        if WordCount.installed():
            runs.append((WC, "", WordCount(self.passed, self.folder, self.amounts.floor_bytes).seconds))
        for number, (name, suffix, seconds_of) in in_turn(runs, self.passes + 1):
            seconds = seconds_of()
            if number:  # the first pass warms up
                samples[name][f"texts_per_second{suffix}"].append(len(self.passed) / seconds)
                samples[name][f"megabytes_per_second{suffix}"].append(self.megabytes / seconds)


def in_turn(these: Sequence[Each], passes: int) -> Iterator[tuple[int, Each]]:
    """Each of these once a pass, with the number of the pass: forwards in even ones, backwards in odd ones.

    >>> list(in_turn("ab", 2))
    [(0, 'a'), (0, 'b'), (1, 'b'), (1, 'a')]
    """
    for number in range(passes):
        for each in these if number % 2 == 0 else reversed(these):
            yield number, each
