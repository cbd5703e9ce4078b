"""Write docs/guide/methods.md, the page of criteria, schedules and groups, from the registries themselves.

python scripts/make_methods_page.py           # write it
python scripts/make_methods_page.py --check   # exit 1 if it is not up to date
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from itertools import groupby
from pathlib import Path

from prunetext.models.textcnn.grouping import TEXTCNN_KINDS
from prunetext.models.transformer.grouping import TRANSFORMER_KINDS
from prunetext.pruning.criteria.criterion import CRITERIA
from prunetext.pruning.methods import combinations
from prunetext.pruning.schedules import SCHEDULES

PAGE = Path(__file__).resolve().parent.parent / "docs" / "guide" / "methods.md"
HEAD = """\
# Methods

<!-- Made by scripts/make_methods_page.py from the registries and docstrings of src/prunetext/pruning. -->

Pruning makes three choices that do not depend on each other: the criterion says which units matter least, the schedule
how many go at a time and how training proceeds, the groups what may go at all. `--criterion`, `--schedule` and
`--groups` name them; parameters ride on the name, as in `random:draws=8` or `oneshot:keep=0.1`.

Whatever the criterion, units of different groups compete on one scale: its scores order the units of each group, the
loss of the model without the lowest part of a group is measured at six shares on a sample of train, and the units
go that cost the least loss for the bytes that they save; for `--min-speed`, for the additions or, of a transformer, the
measured time.
"""
RENAMED = """\
`bits` was called `precision` before; the old name is refused with the new one.
"""
OF_TRANSFORMERS = """\
A [transformer](encoders.md) has others:
"""
RANKS = """\
Ranks are the directions in which the vectors of train's tokens differ most, by a singular value decomposition in which
each token counts as often as it occurs. The table becomes words × ranks times ranks × dimensions when ranks are among
the groups; where the product would take more bytes than the table, it is put together again.
"""
TOGETHER = """\
## What goes together

Kinds of groups can be mixed. The table has the kinds that each criterion prunes on each schedule:
"""
REFUSED = """
The rest is refused with the reason:
"""


KINDS = {**TEXTCNN_KINDS, **TRANSFORMER_KINDS}


def main() -> None:
    """Write the page, or check it."""
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, "utf-8")
    elif not PAGE.exists() or PAGE.read_text("utf-8") != text:
        sys.exit(f"{PAGE.name} is not up to date: run python scripts/make_methods_page.py")


def page() -> str:
    """Return the whole page."""
    parts = [
        HEAD,
        "## Criteria\n",
        *entries(CRITERIA),
        "## Schedules\n",
        *entries(SCHEDULES),
        "## Groups\n\n" + table(TEXTCNN_KINDS),
        RENAMED,
        OF_TRANSFORMERS,
        table(TRANSFORMER_KINDS),
        RANKS,
        TOGETHER,
        together(),
        REFUSED,
        refused(),
    ]
    return "\n".join(parts) + "\n"


def entries(registry: Mapping[str, str]) -> list[str]:
    """One paragraph for each method: its name, its parameters, its docstring."""
    found = []
    for name, place in registry.items():
        module, _, attribute = place.partition(":")
        factory: Callable[..., object] = getattr(import_module(module), attribute)
        parameters = [f"`{each.name}={each.default}`" for each in inspect.signature(factory).parameters.values()]
        taken = f" Parameters: {', '.join(parameters)}." if parameters else ""
        text = " ".join((inspect.getdoc(factory) or "").split())
        found.append(f"**`{name}`** {text}{taken}\n")
    return found


def table(kinds: Mapping[str, str]) -> str:
    """What the units of each kind of group are."""
    rows = (f"| `{kind}` | {sentence} |" for kind, sentence in kinds.items())
    return "\n".join(["| | |", "|---|---|", *rows]) + "\n"


def together() -> str:
    """Make the table of what goes together: criteria down, schedules across."""
    allowed: dict[tuple[str, str], list[str]] = {}
    for criterion, schedule, kind, reason in combinations(KINDS):
        allowed.setdefault((criterion, schedule), []).extend([] if reason else [kind])
    lines = [f"| | {' | '.join(f'`{name}`' for name in SCHEDULES)} |", "|---" * (len(SCHEDULES) + 1) + "|"]
    for criterion in CRITERIA:
        cells = []
        for schedule in SCHEDULES:
            missing = [f"`{kind}`" for kind in KINDS if kind not in allowed[criterion, schedule]]
            cells.append(f"all but {', '.join(missing)}" if missing else "all")
        lines.append(f"| `{criterion}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def refused() -> str:
    """Make the table of what does not go together: a line for each reason."""
    every_one = combinations(KINDS)
    rows = [(reason, criterion, schedule, kind) for criterion, schedule, kind, reason in every_one if reason]
    lines = ["| criteria | schedules | groups | why not |", "|---|---|---|---|"]
    for reason, group in groupby(sorted(rows), key=lambda row: row[0]):
        columns = [sorted(set(column)) for column in list(zip(*group, strict=True))[1:]]
        cells = [
            "all" if set(names) == set(every) else ", ".join(f"`{name}`" for name in names)
            for names, every in zip(columns, (CRITERIA, SCHEDULES, KINDS), strict=True)
        ]
        lines.append(f"| {' | '.join(cells)} | {reason} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
