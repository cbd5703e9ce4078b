"""The progress of a run, on standard error."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from prunetext.cli.output import shown, tell

if TYPE_CHECKING:
    from types import TracebackType

    from prunetext.training.loop import Progress as Done


class Bars:
    """A bar for each stage of a run, with its remaining time; without a terminal, a line when a stage ends.

    with Bars() as bars:
        prunetext.fit(data, out="runs/reviews", progress=bars)
    """

    def __init__(self) -> None:
        console = Console(stderr=True, highlight=False)
        self.console, self.shown = console, console.is_terminal
        self.bars = Progress(
            TextColumn("{task.description:<8}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[accuracy]}", markup=False),
            console=console,
            disable=not self.shown,
        )
        self.name, self.began = "", 0.0
        self.task: TaskID | None = None
        self.last: Done | None = None

    def __enter__(self) -> Bars:
        """Show nothing yet."""
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the finished bars in place."""
        self._end()
        self.bars.stop()

    def __call__(self, name: str, now: Done) -> None:
        """Take a report of progress from `prunetext.fit`."""
        if name != self.name:
            self._end()
            self.name, self.began = name, time.monotonic()
            self.task = self.bars.add_task(shown(name), total=now.total, accuracy="")
        self.last = now
        assert self.task is not None
        self.bars.update(self.task, completed=now.done, total=now.total, accuracy=_on_dev(now))

    def say(self, sentence: str) -> None:
        """Take a notice from `prunetext.fit`: a line of its own, above the bars."""
        if self.shown:
            self.console.print(shown(sentence), markup=False, emoji=False, soft_wrap=True)
        else:
            tell(sentence)

    def _end(self) -> None:
        if self.last is None or self.task is None:
            return
        self.bars.update(self.task, completed=self.last.done, total=self.last.done)  # it may have stopped early
        if not self.shown:
            seconds = time.monotonic() - self.began
            tell(f"{self.name:<8} {seconds:6.1f} s   {_on_dev(self.last)}")
        self.last = None


def _on_dev(now: Done) -> str:
    return "" if now.accuracy is None else f"dev {now.metric} {100 * now.accuracy:.1f} %"
