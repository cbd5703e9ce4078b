"""The `prunetext` command: all commands together, its exit codes, and what a usage error says."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated, Any, cast

import typer

from prunetext.cli import making, measuring, using  # in the order in which --help lists their commands
from prunetext.cli.command import app, refuse
from prunetext.cli.output import Output, open_outputs, print_help, tell
from prunetext.errors import DONE, INTERRUPTED

__all__ = ["app", "main", "making", "measuring", "using"]
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
    against the dense or another model is lost. 130: interrupted.

    beyond: further keywords for the API's function, for which there is no flag, such as an effort.
    """
    given = sys.argv[1:] if arguments is None else arguments
    open_outputs()
    try:
        code = typer.main.get_command(app).main(given, prog_name="prunetext", standalone_mode=False, obj=beyond)
    except USAGE_ERROR as error:
        sys.exit(refuse(_usage(error, given)))
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:
        resumed = given[:1] in (["fit"], ["prune"], ["compare"])
        tell(f"Interrupted.{' Repeat the command to resume.' * resumed}")
    sys.exit(code if isinstance(code, int) else DONE)


def _usage(error: Any, given: list[str]) -> str:
    context = getattr(error, "ctx", None)
    message = error.format_message()
    # The error of an option without its argument does not name the command.
    known = given[:1] if given and given[0] in typer.main.get_command(app).commands else []  # type: ignore[attr-defined]
    command_path = context.command_path if context else " ".join(["prunetext", *known])
    return f"{message}{'' if message[-1:] in '.?' else '.'} See {command_path} --help."
