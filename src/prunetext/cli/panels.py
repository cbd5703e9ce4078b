"""The help of a command in panels: what belongs together stands together, in the order in which one asks."""

from __future__ import annotations

import shutil
from dataclasses import fields
from typing import Any

from typer.core import TyperCommand

from prunetext.cli.output import is_terminal
from prunetext.options import DenseOptions, FitOptions, PruneOptions, ReadOptions, TeachOptions, VectorOptions

ARGUMENTS, COMMAND = "Arguments", "Options"
BUDGET = ("max_drop", "max_size", "min_speed", "max_time", "metric", "positive", "precision")
PANELS = {  # title → names of options, in the order of the help
    "Data": ("dev", "test", *(each.name for each in fields(ReadOptions))),
    "Budget": BUDGET,
    "Pruning": tuple(each.name for each in fields(PruneOptions) if each.name not in BUDGET),
    "Training": tuple(each.name for each in fields(FitOptions) if each not in fields(PruneOptions)),
    "Teacher": tuple(each.name for each in fields(TeachOptions)),
    "Shape": ("vectors", *(each.name for kind in (VectorOptions, DenseOptions) for each in fields(kind))),
}
WIDEST = 120  # columns of a panel in a terminal


class PanelCommand(TyperCommand):
    """A command whose help has its options in panels; a command with few of them has one panel.

    `own`: options that are this command's alone, although another command has some of the same name.
    """

    own: frozenset[str] = frozenset()

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and the options: boxes in a terminal, titles elsewhere."""
        panels: dict[str, list[tuple[str, str]]] = {title: [] for title in (ARGUMENTS, COMMAND, *PANELS)}
        for each in sorted(self.get_params(ctx), key=rank_of):
            record = each.get_help_record(ctx)
            if record is not None:
                panels[COMMAND if each.name in self.own else panel_of(each)].append(record)
        for title, rows in panels.items():
            if rows and is_terminal():
                formatter.write(boxed(title, rows, min(shutil.get_terminal_size().columns, WIDEST)))
            elif rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def panel_of(parameter: Any) -> str:
    """The title of the panel that a parameter stands in."""
    if parameter.param_type_name == "argument":
        return ARGUMENTS
    return next((title for title, names in PANELS.items() if parameter.name in names), COMMAND)


def rank_of(parameter: Any) -> int:
    """Where a parameter stands in its panel; without a named place, behind the others, in the command's own order."""
    names = PANELS.get(panel_of(parameter), ())
    return names.index(parameter.name) if parameter.name in names else len(names)


def boxed(title: str, rows: list[tuple[str, str]], width: int) -> str:
    """A panel as text, its long sentences folded.

    >>> print(boxed("Budget", [("--max-time TEXT", "Longest time.")], 40), end="")
    ╭─ Budget ─────────────────────────────╮
    │ --max-time TEXT  Longest time.       │
    ╰──────────────────────────────────────╯
    """
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(overflow="fold")
    grid.add_column(overflow="fold")
    for left, right in rows:
        grid.add_row(left, right)
    console = Console(width=width, markup=False, highlight=False, emoji=False, color_system=None)
    with console.capture() as written:
        console.print(Panel(grid, title=title, title_align="left"))
    return written.get()
