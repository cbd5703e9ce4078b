"""All that the commands write: standard output, never cut, and standard error. Nothing in it can control a terminal.

Labels, words, file names and messages come from files of other people. Every text goes through `shown` before it is
written, and no other module of this folder writes anything.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from rich.table import Table

# C0, DEL, C1, the separators that break lines, and orders of direction, which let a line read otherwise than it is.
CONTROLS = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
ESCAPES = {code: chr(code).encode("unicode_escape").decode() for code in CONTROLS}
_CONTROL = re.compile(f"[{''.join(map(re.escape, map(chr, CONTROLS)))}]")
STDOUT = "standard output"
ALL_COLUMNS = 1 << 24  # as wide as any table: a terminal wraps what is too long for it, and a file has no width


def shown(value: object) -> str:
    r"""A text with escapes for all that would control the terminal or break the line.

    >>> print(shown("a\n\x1b[2J"))
    a\n\x1b[2J
    """
    return str(value).translate(ESCAPES)


def as_json(value: Any) -> str:
    r"""JSON of a value that also has escapes for what JSON itself leaves as it is.

    >>> print(as_json({"label": "a\x1b\x9b", "n": 1}))
    {
     "label": "a\u001b\u009b",
     "n": 1
    }
    """
    text = json.dumps(value, ensure_ascii=False, indent=1)
    # The ends of lines are JSON's own; any other such character is inside a string.
    return _CONTROL.sub(lambda match: match[0] if match[0] == "\n" else f"\\u{ord(match[0]):04x}", text)


def as_json_line(value: Any) -> str:
    r"""The same as one line.

    >>> print(as_json_line({"text": "a\n\x9b"}))
    {"text": "a\n\u009b"}
    """
    text = json.dumps(value, ensure_ascii=False)
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class Output:
    """Standard output, for lines and tables.

        out = Output()
        out.print("2 labels")
        cells = Cells("label", "texts")
        cells.add_row("pos", "12")
        out.print(cells)

    Lines and rows are as long as they need to be, in a terminal of 40 columns too: a label that is cut off looks like
    another one.
    """

    def __init__(self) -> None:
        from rich.console import Console

        # Labels and paths may look like markup or emoji codes.
        self.console = Console(markup=False, emoji=False, highlight=False, soft_wrap=True, width=ALL_COLUMNS)
        self.console.on_broken_pipe = _again  # type: ignore[method-assign]

    def print(self, said: str | Cells = "") -> None:
        """Write a line, or a table; an end of a line at its beginning leaves an empty line before it."""
        with _named():
            if isinstance(said, Cells):
                self.console.print(said.table)
                return
            text = said.lstrip("\n")
            self.console.print("\n" * (len(said) - len(text)) + shown(text))

    @property
    def has_styles(self) -> bool:
        """Whether styles, such as bold, are shown."""
        return self.console.color_system is not None

    def print_styled(self, pieces: Iterable[tuple[str, str]]) -> None:
        """Write a line of texts, each in its own style, such as "bold green"; without colours if NO_COLOR is set."""
        from rich.text import Text

        line = Text()
        for text, style in pieces:
            line.append(shown(text), style=style)
        with _named():
            self.console.print(line)


class Cells:
    """A table for `Output.print`: the first column on the left, the others, of numbers, on the right."""

    def __init__(self, *columns: str) -> None:
        from rich.table import Table

        self.table: Table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
        for number, column in enumerate(columns):
            self.table.add_column(shown(column), justify="right" if number else "left", no_wrap=True)

    def add_row(self, *cells: str) -> None:
        """Add a row with a cell for each column."""
        self.table.add_row(*map(shown, cells))


@contextmanager
def _named() -> Iterator[None]:
    """In this context, an error of the system gets the name of standard output."""
    try:
        yield
    except OSError as error:
        error.filename = STDOUT
        raise


def _again() -> None:
    """Raise the error of a closed pipe, which is being handled, again; rich would end with exit code 1."""
    raise


def print_json(value: Any) -> None:
    """Write one JSON object, or a list of them."""
    with _named():
        print(as_json(value))


def print_help(text: str) -> None:
    """Write the help of a command, laid out already."""
    print(text)


def answer_lines(lines: Iterable[str]) -> None:
    """Write lines whose parts were `shown`, at once, so that a reader of the pipe has them."""
    with _named():
        sys.stdout.buffer.write("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()


def tell(line: object) -> None:
    """Write a line to standard error, such as what begins, or what is wrong."""
    sys.stderr.write(f"{shown(line)}\n")
    sys.stderr.flush()


def tell_fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Write the traceback of a fault of ours to standard error; its message may hold labels and texts, too."""
    for part in traceback.format_exception(kind, error, trace):
        for line in part.split("\n")[: -1 if part.endswith("\n") else None]:
            tell(line)


def open_outputs() -> None:
    """Make standard output UTF-8 whatever the terminal's encoding is: any label can then be printed.

    Half a character, as in a label or a file name, is written as its JSON escape.
    """
    for name, encoding in (("stdout", "utf-8"), ("stderr", None)):
        stream = getattr(sys, name)
        if stream is None:  # closed by the caller
            stream = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", closefd=False)
            setattr(sys, name, stream)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def is_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def terminal_numbers() -> list[int]:
    """Which of the three standard streams are terminals, by their numbers."""
    return [number for number in range(3) if os.isatty(number)]


def leave(numbers: Iterable[int]) -> None:
    """Let nothing more be read from or written to these streams: a closed terminal would refuse it."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in numbers:
        os.dup2(nothing, number)
    os.close(nothing)


def flush() -> None:
    """Write out what is left; a closed pipe raises here, and not when Python ends."""
    with _named():
        sys.stdout.flush()


def forget_output() -> None:
    """Let nothing more be written to a closed pipe: Python would complain again when it flushes at its end."""
    leave([sys.stdout.fileno()])
