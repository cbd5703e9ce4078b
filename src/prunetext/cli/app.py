"""The `prunetext` command: all commands together, its exit codes, and what a usage error says."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Annotated, Any, cast

import typer

# In the order in which --help lists their commands.
from prunetext.cli import making, making_ladders, measuring, showing, using
from prunetext.cli.command import app, refuse, refused_by_system
from prunetext.cli.output import Output, flush, leave, open_outputs, print_help, tell, terminal_numbers
from prunetext.errors import DONE, INTERRUPTED

__all__ = ["app", "main", "making", "making_ladders", "measuring", "showing", "using"]
# Click's base of all usage errors, wherever this version of typer keeps it.
USAGE_ERROR = cast(type[Exception], typer.BadParameter.__mro__[2])


@app.callback()
def common(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Train, prune and pack the smallest, fastest text classifier that keeps its accuracy."""
    if show_version:
        Output().print(f"prunetext {version('prunetext')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print_help(context.get_help())
        raise typer.Exit


def main(arguments: list[str] | None = None, **beyond: Any) -> None:
    """Run the command line and end with an exit code.

    0: done. 1: a fault of ours. 2: the input is wrong. 3: done and written, but a budget was not met, or the verdict
    against the dense or another model is lost. 4: gate had too few texts to tell. 130: interrupted.

    beyond: further keywords for the API's function, for which there is no flag, such as an effort.
    """
    given = sys.argv[1:] if arguments is None else arguments
    open_outputs()
    try:
        with _ended_as_by_ctrl_c():
            code = typer.main.get_command(app).main(given, prog_name="prunetext", standalone_mode=False, obj=beyond)
            flush()
    except USAGE_ERROR as error:
        sys.exit(refuse(_usage(error, given)))
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except SystemExit as error:
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        code = refused_by_system(error.__context__)  # typer ends so if the reader of its help has enough
    except OSError as error:  # from the help or the version; commands catch their own
        code = refused_by_system(error)
    if code == INTERRUPTED:
        resumed = given[:1] in (["fit"], ["prune"], ["ladder"], ["compare"])
        tell(f"Interrupted.{' Repeat the command to resume.' * resumed}")
    sys.exit(code if isinstance(code, int) else DONE)


@contextmanager
def _ended_as_by_ctrl_c() -> Iterator[None]:
    """In this context, a process that is told to end, or whose terminal closes, ends as by Ctrl-C.

    A signal that the caller has had ignored, as nohup does, stays ignored.
    """
    terminals = terminal_numbers()

    def hung_up(number: int, frame: Any) -> None:
        leave(terminals)
        raise KeyboardInterrupt

    before = {}
    for name, handler in (("SIGTERM", signal.default_int_handler), ("SIGHUP", hung_up)):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def _usage(error: Any, given: list[str]) -> str:
    context = getattr(error, "ctx", None)
    message = error.format_message()
    # The error of an option without its argument does not name the command.
    known = given[:1] if given and given[0] in typer.main.get_command(app).commands else []  # type: ignore[attr-defined]
    command_path = context.command_path if context else " ".join(["prunetext", *known])
    return f"{message}{'' if message[-1:] in '.?' else '.'} See {command_path} --help."
