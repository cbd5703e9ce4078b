"""The command that writes a page to look at."""

from __future__ import annotations

import webbrowser
from typing import Annotated, Any

import typer

from prunetext.cli.command import command, require_training
from prunetext.cli.output import Output
from prunetext.options import ReadOptions


@command(ReadOptions)
def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Folder of a finished run.", show_default=False)],
    data: Annotated[
        str | None,
        typer.Option(help="Labelled texts to judge both models on. If not given: the run's own test, read again."),
    ] = None,
    split: Annotated[str | None, typer.Option(help="With --data: train, dev or test, as for evaluate.")] = None,
    slices: Annotated[
        str | None,
        typer.Option(help="Further columns by which damage is told apart, with commas, such as source,language."),
    ] = None,
    out: Annotated[str | None, typer.Option(help="File to write. If not given: report.html in RUN.")] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    **options: Any,
) -> None:
    """Write one HTML page about a run, with the model inside.

    The page needs no network: it labels what is typed into it, and shows the verdict, the frontier of the search, the
    damage with every changed label, calibration, and how the run is repeated. All changed labels lie beside it.
    """
    require_training()
    from prunetext.reporting.api import report as write

    given = {name: value for name, value in options.items() if value is not None}
    given |= {name: value for name, value in (("data", data), ("split", split), ("out", out)) if value is not None}
    page = write(run, slices=slices or (), **given)
    for note in page.notes:
        Output().print(note)
    Output().print(f"{page.path}: {page.size:,} bytes")
    if show:
        webbrowser.open(page.path.resolve().as_uri())
