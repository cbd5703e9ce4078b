"""How a function becomes a command: flags from dataclasses, exit codes, one sentence for a user's mistake."""

from __future__ import annotations

import errno
import functools
import inspect as python_inspect
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Annotated, Any

import typer

from prunetext.cli.output import STDOUT, flush, forget_output, tell
from prunetext.cli.panels import PanelCommand
from prunetext.errors import DONE, MISSED, WRONG_INPUT, InputError, require
from prunetext.options import option_types

app = typer.Typer(
    help="Train, prune and pack the smallest, fastest text classifier that keeps its accuracy.",
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# What several commands take.
ModelArgument = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="Packed file, written by fit, or folder of a cascade.", show_default=False),
]
AnyModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="Packed file, written by fit, or another model: a run folder, the folder of a cascade, a float file of a "
        "run, an .onnx file of export, a fastText model, or a file of probabilities.",
        show_default=False,
    ),
]
Json = Annotated[bool | None, typer.Option("--json", help="Print one JSON object instead of a table.")]

Lenient = Annotated[
    bool | None, typer.Option("--lenient", help="End with exit code 0, not 3, if a budget is missed or a verdict lost.")
]


def command(
    *groups: type, only: tuple[str, ...] = (), apart: tuple[str, ...] = ()
) -> Callable[[Callable[..., int | None]], Callable[..., None]]:
    """Turn a function into a command: a flag for each option of `groups` (or those in `only`), and exit codes.

    The function may return an exit code; without one, it is done. apart: its own options, which mean something else
    than those of the same name elsewhere.
    """

    def register(function: Callable[..., int | None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(**arguments: Any) -> None:
            raise typer.Exit(_guarded(functools.partial(function, **arguments)))

        signature = python_inspect.signature(function, eval_str=True)
        own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
        flags = [flag for group in groups for flag in _flags(group) if not only or flag.name in only]
        run.__signature__ = signature.replace(parameters=[*own, *flags])  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in (*own, *flags)}
        del run.__wrapped__
        app.command(cls=type("OwnPanels", (PanelCommand,), {"own": frozenset(apart)}))(run)
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


def _guarded(function: Callable[[], int | None]) -> int:
    """Call it; what a user can cause becomes one sentence and an exit code."""
    code = DONE
    try:
        code = function() or DONE
        flush()
    except InputError as error:
        return refuse(str(error))
    except OSError as error:
        return refused_by_system(error)
    except MemoryError:
        return refuse("there is not enough memory. End other programs, or give less at a time.")
    return code


def told_missed(sentences: Sequence[str], lenient: bool | None) -> int:
    """Say on standard error what was missed; return the exit code of a command that is done."""
    for sentence in sentences:
        tell(sentence)
    return MISSED if sentences and not lenient else DONE


REMEDIES = {
    errno.ENOSPC: "Make room, and repeat the command.",
    errno.EDQUOT: "Make room, and repeat the command.",
    errno.EMFILE: "Allow more open files, as with ulimit -n, and repeat the command.",
    errno.ENFILE: "Close files of other programs, and repeat the command.",
    errno.EROFS: "Give another place, which can be written.",
}


def refused_by_system(error: OSError) -> int:
    """Say what the system has refused, and return the exit code; an error that is not the system's is raised again."""
    if isinstance(error, BrokenPipeError):  # the reader, such as head, has closed the pipe
        forget_output()
        return 0
    if error.errno is None:
        raise error
    where = f"{error.filename or 'an empty name'}: " if error.filename is not None else ""
    if where == f"{STDOUT}: ":
        forget_output()
    remedy = REMEDIES.get(error.errno, "Check the name, its permissions and the disk.")
    return refuse(f"{where}{(error.strerror or 'this failed').lower()}. {remedy}")


def refuse(sentence: str) -> int:
    """Say what is wrong on standard error; return the exit code."""
    tell(" ".join(sentence.splitlines()))
    return WRONG_INPUT


def require_training() -> None:
    """Name the extra that training needs, before anything is imported."""
    for package in ("torch", "scipy", "safetensors"):
        require(package, extra="train")
