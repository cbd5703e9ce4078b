"""The command that makes several models of a run, each faster than the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from prunetext.cli.command import Json, Lenient, command, require_training, told_missed
from prunetext.cli.output import Cells, Output, print_json
from prunetext.errors import InputError
from prunetext.options import PruneOptions

if TYPE_CHECKING:
    from prunetext.fitting.laddering.rungs import Ladder

RunArgument = Annotated[
    str | None,
    typer.Argument(metavar="RUN", help="Folder of a finished run, the --out of a fit.", show_default=False),
]


@command(PruneOptions, only=("criterion", "groups", "hidden_states"), apart=("max_drop",))
def ladder(
    context: typer.Context,
    run: RunArgument = None,
    out: Annotated[str | None, typer.Option(help="Folder to make for all models; required.")] = None,
    speeds: Annotated[
        str | None,
        typer.Option(
            help="How many times as fast as the unpruned model each is to be, with commas. [default: 1.5,2,3,5,10]",
            show_default=False,
        ),
    ] = None,
    recovery: Annotated[
        float | None,
        typer.Option(
            help="Recovery of each model, as a multiple of the usual one; 0 trains nothing. [default: 1]",
            show_default=False,
        ),
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            help="Points of accuracy, or of the run's metric, that the verdicts are about; 0.5 if not given.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Where the data of RUN are now, if they have moved.", show_default=False)
    ] = None,
    overwrite: Annotated[bool | None, typer.Option("--overwrite", help="Replace a finished ladder in --out.")] = None,
    lenient: Lenient = None,
    as_json: Json = None,
    **options: Any,
) -> int:
    """Make several models of an earlier run, each faster than the one before.

    Each lies in a folder of its own in --out, such as 2x, that every command takes as a run. Speeds are measured on one
    thread of this machine, beside the unpruned model; of a transformer, that is the float32 model in ONNX Runtime. To
    resume a stopped ladder, repeat the command. A speed that was not reached, and the verdict lost, end with exit code
    3.
    """
    if run is None:
        raise InputError("run is missing. Give the --out of a fit.")
    if out is None:
        raise InputError("out is missing. Give a folder with --out.")
    require_training()
    from prunetext.cli.progress import Bars
    from prunetext.fitting.api import ladder as work

    given = {"speeds": speeds, "recovery": recovery, "max_drop": max_drop, "data": data, **options}
    values = {name: value for name, value in given.items() if value is not None}
    with Bars() as bars:
        values |= {"overwrite": bool(overwrite), "progress": bars, "notice": bars.say}
        found = work(run, out=out, **values, **(context.obj or {}))
    if as_json:
        print_json(found.fields())
    else:
        print_ladder(found)
    lost = [f"{each.folder}: the verdict is lost." for each in found.rungs if each.verdict.name == "lost"]
    return told_missed([*found.missed, *lost], lenient)


def print_ladder(found: Ladder) -> None:
    """Print the models of a ladder, a row for each, with the unpruned one above them."""
    out = Output()
    for note in found.notes:
        out.print(note)
    title = found.title
    table = Cells(
        "model", "times as fast", "texts/s", "file bytes", f"{title}, dev", f"{title}, test", "drop", "low to high", ""
    )
    dense = [_share(found.dev), _share(found.test)] if found.rungs else ["", ""]
    table.add_row("unpruned", "1.00", f"{found.base:,.0f}", "", *dense, "", "", "")
    for rung in found.rungs:
        verdict = rung.verdict
        numbers = f"{rung.measured:.2f}", f"{rung.speed:,.0f}", f"{rung.bytes:,}", _share(rung.dev), _share(rung.test)
        bounds = f"{verdict.low:.2f} to {verdict.high:.2f}"
        table.add_row(rung.folder, *numbers, f"{verdict.drop:.2f}", bounds, verdict.name)
    out.print()
    out.print(table)
    out.print("\nOn one thread; drops on test, in points, each bound with 95 % confidence.")
    out.print(str(found.path))


def _share(value: float) -> str:
    return f"{100 * value:.2f} %"
