"""The agenda of a comparison: methods and sizes, as people write them."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from prunetext.errors import InputError, brief
from prunetext.models.protocol import Family
from prunetext.models.textcnn.family import USUAL_CRITERION
from prunetext.pruning.budget import parse_size
from prunetext.pruning.criteria.criterion import CRITERIA
from prunetext.pruning.methods import Method, load_method, parse_kinds
from prunetext.pruning.schedules import SCHEDULES

SIZES = "1/2,1/4,1/10,1/30"


class Agenda(NamedTuple):
    """The questions of a comparison."""

    methods: tuple[str, ...]  # criterion/schedule or criterion/schedule/groups, groups joined by +
    sizes: tuple[str, ...]  # from the largest down
    baselines: bool
    autotune: int  # seconds of fastText's search for each size
    name: str = ""  # of the data,
    fingerprint: str = ""  # and their digest


def default_methods() -> tuple[str, ...]:
    """Every criterion on the schedule `local`, and the default criterion on every schedule.

    >>> "taylor/local" in default_methods()
    True
    """
    names = [f"{criterion}/local" for criterion in CRITERIA]
    names += [f"{USUAL_CRITERION}/{schedule}" for schedule in SCHEDULES if schedule != "local"]
    return tuple(names)


def full_name(name: str) -> str:
    """A method's name with its schedule; each method has one such name.

    >>> full_name("taylor")
    'taylor/local'
    """
    return name if "/" in name else f"{name}/local"


def method_of(name: str, family: Family) -> Method:
    """The method with a name from an agenda; an impossible combination raises `InputError`.

    method_of("taylor/oneshot/filters+vocabulary", family).kinds      # ('vocabulary', 'filters')
    """
    criterion, _, rest = name.partition("/")
    schedule, _, groups = rest.partition("/")
    kinds = parse_kinds(groups.replace("+", ","), family.kinds) if groups else family.default_kinds
    return load_method(criterion, schedule or "local", kinds)


def share_or_bytes(size: str) -> tuple[float | None, int | None]:
    """A size as people write it: a share of the unpruned packed file, or bytes.

    >>> share_or_bytes("1/4"), share_or_bytes("64kB")
    ((0.25, None), (None, 64000))
    """
    try:
        share = float(Fraction(size))
    except (ValueError, ZeroDivisionError, OverflowError):
        share = 0.0
    if 0 < share <= 1:
        return share, None
    try:
        return None, parse_size(size)
    except InputError:
        raise InputError(
            f"sizes has {brief(size)}. Give shares of the unpruned file, as 1/4, or bytes, as 64kB."
        ) from None
