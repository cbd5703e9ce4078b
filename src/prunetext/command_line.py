"""How a function becomes a command: flags made of dataclasses, exit codes, one sentence for a user's mistake."""

from __future__ import annotations

import functools
import inspect as python_inspect
import io
import os
import sys
from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any, cast

import typer

from prunetext.config import option_types
from prunetext.errors import InputError

app = typer.Typer(
    help="Train, prune and pack the smallest, fastest text classifier that keeps its accuracy.",
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# Click's base of all usage errors, wherever this version of typer keeps it.
USAGE_ERROR = cast(type[Exception], typer.BadParameter.__mro__[2])

# What several commands take.
Model = Annotated[str, typer.Argument(metavar="MODEL", help="Packed file that fit has written.", show_default=False)]
Json = Annotated[bool | None, typer.Option("--json", help="Print one JSON object instead of a table.")]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line: exit code 0 done, 2 the input is wrong, 1 a fault of ours, 130 interrupted."""
    given = sys.argv[1:] if arguments is None else arguments
    _open_outputs()
    try:
        code = typer.main.get_command(app).main(given, prog_name="prunetext", standalone_mode=False)
    except USAGE_ERROR as error:
        sys.exit(_refuse(_usage(error, given)))
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    if code == 130:
        resumed = given[:1] in (["fit"], ["prune"], ["compare"])
        print(f"Interrupted.{' Repeat the command to go on where it was.' * resumed}", file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)


def _open_outputs() -> None:
    """Make standard output UTF-8 whatever the terminal's encoding is, so that any label can be printed.

    Half a character, as in a label or the name of a file, is written as its escape, which is also that of JSON.
    """
    for name, encoding in (("stdout", "utf-8"), ("stderr", None)):
        stream = getattr(sys, name)
        if stream is None:  # closed by the caller, who wants no output
            stream = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", closefd=False)
            setattr(sys, name, stream)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def command(*groups: type, only: tuple[str, ...] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of a function: a flag for each option of `groups` (or of those in `only`), and exit codes."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(**arguments: Any) -> None:
            raise typer.Exit(_guarded(functools.partial(function, **arguments)))

        signature = python_inspect.signature(function, eval_str=True)
        own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
        flags = [flag for group in groups for flag in _flags(group) if not only or flag.name in only]
        run.__signature__ = signature.replace(parameters=[*own, *flags])  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in (*own, *flags)}
        del run.__wrapped__
        app.command()(run)
        return run

    return register


def _flags(group: type) -> list[python_inspect.Parameter]:
    """A keyword parameter for each field; None means that the flag was not given."""
    types = option_types(group)
    flags = []
    for each in fields(group):
        default = "" if each.default is None or each.default is False else f" [default: {each.default}]"
        option = typer.Option(help=each.metadata["help"] + default, show_default=False)
        kind: Any = Annotated[types[each.name] | None, option]
        flags.append(
            python_inspect.Parameter(each.name, python_inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        )
    return flags


def _guarded(function: Callable[[], None]) -> int:
    """Call it; what a user can cause becomes one sentence and an exit code."""
    try:
        function()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as head, has enough. Python would complain again when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except InputError as error:
        return _refuse(str(error))
    except OSError as error:
        if error.errno is None:
            raise
        where = f"{error.filename or 'an empty name'}: " if error.filename is not None else ""
        return _refuse(
            f"{where}{(error.strerror or 'this failed').lower()}. Check the name, its permissions and the disk."
        )
    return 0


def _refuse(sentence: str) -> int:
    print(" ".join(sentence.splitlines()), file=sys.stderr)
    return 2


def _usage(error: Any, given: list[str]) -> str:
    context = getattr(error, "ctx", None)
    message = error.format_message()
    # The error of an option without its argument does not say of which command it is.
    known = given[:1] if given and given[0] in typer.main.get_command(app).commands else []  # type: ignore[attr-defined]
    command_path = context.command_path if context else " ".join(["prunetext", *known])
    return f"{message}{'' if message[-1:] in '.?' else '.'} See {command_path} --help."
