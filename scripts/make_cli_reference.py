"""Write docs/cli.md, the reference of the commands, from the commands themselves.

python scripts/make_cli_reference.py           # write it
python scripts/make_cli_reference.py --check   # exit 1 if it is not up to date
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer

from prunetext.cli.app import app

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
HEAD = """\
# The commands

<!-- Made by scripts/make_cli_reference.py; edit the sentences in src/prunetext/cli and options.py instead. -->

A keyword of the API, a flag and a key of a `--config` file have one name: `max_drop`, `--max-drop`, `max_drop = 0.5`.
Results go to standard output, progress and errors to standard error.

| exit code | meaning |
|---|---|
| 0 | done; also when Ctrl-C ended pruning early and the best model so far was packed |
| 1 | a fault of prunetext, with a traceback to report |
| 2 | the input is wrong: one sentence says where, what and how to put it right |
| 3 | done and written, but a budget was not met, or the verdict against the dense or another model is `lost`; \
`--lenient` ends with 0 instead |
| 4 | `gate` could not tell from so few texts; `--undecided pass` ends with 0 instead, `--undecided fail` with 3 |
| 130 | Ctrl-C before there was anything to keep, or while the result was written: the same command goes on |
"""


def main() -> None:
    """Write the page, or check it."""
    page = reference()
    if "--check" not in sys.argv[1:]:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page, "utf-8")
    elif not PAGE.exists() or PAGE.read_text("utf-8") != page:
        sys.exit(f"{PAGE.name} is not up to date: run python scripts/make_cli_reference.py")


def reference() -> str:
    """Return the whole page."""
    group: Any = typer.main.get_command(app)
    return "\n".join([HEAD, *(section(name, command) for name, command in group.commands.items())])


def section(name: str, command: Any) -> str:
    """Describe one command: what it does, how it is called, its arguments and flags."""
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    flags = [each for each in command.params if each.param_type_name == "option" and each.name != "help"]
    called = " ".join(["prunetext", name, *(each.metavar for each in arguments), "[FLAGS]"])
    paragraphs = [" ".join(part.split()) for part in command.help.split("\n\n")]
    rows = [(f"`{each.metavar}`", each.help) for each in arguments]
    rows += [(f"`{flag(each)}`", each.help) for each in flags]
    table = ["| | |", "|---|---|", *(f"| {left} | {escape(right)} |" for left, right in rows)]
    return "\n".join([f"## {name}", "", "\n\n".join(paragraphs), "", f"    {called}", "", *table, ""])


def flag(option: Any) -> str:
    """Write a flag as it is typed."""
    spelt = " / ".join([*option.opts, *option.secondary_opts])
    return spelt if option.is_flag else f"{spelt} {option.name.upper()}"


def escape(text: str) -> str:
    """Keep a cell of a table in one piece."""
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    main()
