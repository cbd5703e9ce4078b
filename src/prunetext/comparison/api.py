"""`prunetext.compare`: methods side by side at equal bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from prunetext.comparison.agenda import SIZES, Agenda, default_methods, full_name, share_or_bytes
from prunetext.comparison.rows import ComparedRow
from prunetext.comparison.studies import studies
from prunetext.comparison.summary import Line, summarise
from prunetext.data.dataset import Data, Examples
from prunetext.errors import InputError, brief
from prunetext.fitting.carrying import TURN
from prunetext.fitting.effort import Effort, usual
from prunetext.pruning.budget import seconds_of
from prunetext.runtime.calls import A_COUNT, A_FLAG, A_PATH, A_TIME, SOME_DATA, STRS, takes
from prunetext.training.loop import Progress


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison: a row for each model, a line for each method and size."""

    rows: list[ComparedRow]
    lines: list[Line]  # sizes from the largest down, the most accurate method first


@takes(data=SOME_DATA, out=A_PATH, methods=STRS, sizes=STRS, seeds=A_COUNT, baselines=A_FLAG, autotune=A_TIME)
def compare(
    data: Data | Examples | str | Path,
    *,
    out: str | Path,
    methods: str | Sequence[str] = (),
    sizes: str | Sequence[str] = SIZES,
    seeds: int = 3,
    baselines: bool = True,
    autotune: int | str = 0,
    progress: Callable[[str, Progress], None] | None = None,
    row: Callable[[ComparedRow], None] | None = None,
    effort: Effort | None = None,
    **options: Any,
) -> Comparison:
    """Compare pruning methods at equal bytes, with the baselines that each must beat.

        found = prunetext.compare("reviews.csv", methods="magnitude,random", out="comparisons/reviews")
        found.lines[0].method, found.lines[0].test, found.lines[0].margin

    methods: criterion/schedule, or criterion/schedule/groups with + between groups; by default, every criterion on
    `local` and the default criterion on every schedule. sizes: shares of the unpruned packed file, or sizes in bytes.
    seeds: how many; each has its own dense model, which all methods share. autotune: seconds for fastText, or a time
    such as 5m, to search its best model of each size, if it is installed. Baselines: the unpruned model in int8; an
    architecture as small as that of the default method, trained from scratch, with and without the dense model as its
    teacher; tf-idf with logistic regression if scikit-learn is installed, and fastText if fasttext is. progress and row
    are called with news. Each model is judged on test once. A stopped comparison is resumed, and further methods, sizes
    or seeds are added. options: as for `prunetext.fit`.
    """
    if not str(out):
        raise InputError("out is an empty name. Give a new folder.")
    names = names_in(methods) if isinstance(methods, str) else tuple(methods)
    wanted = tuple(part.strip() for part in sizes.split(",")) if isinstance(sizes, str) else tuple(sizes)
    ordered = sorted(wanted, key=lambda size: -(share_or_bytes(size)[0] or share_or_bytes(size)[1] or 0))
    if len({share_or_bytes(size)[0] is None for size in wanted}) > 1:
        raise InputError("sizes mixes shares and bytes. Give all of them as 1/4, or all of them as 64kB.")
    agenda = Agenda(
        tuple(map(full_name, filter(None, names))) or default_methods(),
        tuple(ordered),
        baselines,
        seconds_of_search(autotune),
    )
    rows = []
    with TURN, torch.random.fork_rng(devices=[]):
        for each in studies(data, Path(out).expanduser(), agenda, seeds, options, progress, usual(effort)):
            rows.append(each)
            if row is not None:
                row(each)
    return Comparison(rows, summarise(rows))


def seconds_of_search(autotune: int | str) -> int:
    """Whole seconds, for fastText takes no others.

    >>> seconds_of_search("5m"), seconds_of_search(0)
    (300, 0)
    """
    if str(autotune).strip() == "0":
        return 0
    seconds = seconds_of("autotune", autotune)
    if seconds != int(seconds):
        raise InputError(f"autotune is {brief(autotune)}: it must be whole seconds, or a time such as 5m.")
    return int(seconds)


def names_in(text: str) -> tuple[str, ...]:
    """Methods separated by commas, which also separate the parameters of a method.

    >>> names_in("lasso:strength=1,penalty=l1/local, random")
    ('lasso:strength=1,penalty=l1/local', 'random')
    """
    return tuple(part.strip() for part in re.split(r",(?![^,:/]*=)", text))
