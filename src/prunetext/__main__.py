"""The `prunetext` command, also as `python -m prunetext`: names a missing extra, or calls `prunetext.cli.app`."""

from __future__ import annotations

import gc
import sys

from prunetext.errors import MissingExtraError, require


def main() -> None:
    """Run the command line; without the packages of the `cli` extra, name the pip command and exit with code 2.

    A bare install has the command too: pip writes it whatever the extras are.
    """
    try:
        require("typer", extra="cli")
        require("rich", extra="cli")
    except MissingExtraError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)

    from prunetext.cli.app import main as run
    from prunetext.cli.output import tell_fault

    sys.excepthook = tell_fault
    gc.set_threshold(100_000, 20, 50)  # data and packages make many objects that stay, and are looked at in vain
    run()


if __name__ == "__main__":
    main()
