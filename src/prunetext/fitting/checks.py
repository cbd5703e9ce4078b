"""Check the data, options and sizes that `fit` is given, before anything is trained or written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prunetext.data.api import read
from prunetext.data.dataset import Data, Examples
from prunetext.data.formats.tables import as_frame
from prunetext.data.sources import holds_splits
from prunetext.errors import InputError, brief
from prunetext.fitting.effort import Effort
from prunetext.models.protocol import Family
from prunetext.options import DenseOptions, FitOptions, PruneOptions, ReadOptions, TeachOptions, VectorOptions, take
from prunetext.pruning.criteria.criterion import load_criterion
from prunetext.pruning.methods import Method, load_method, parse_kinds
from prunetext.pruning.schedules import load_schedule
from prunetext.statistics.metrics import check_metric, measure_of

ALL_GROUPS = "all"


def read_data(
    data: Data | Examples | str | Path,
    dev: str | Path | None,
    test: str | Path | None,
    out: Path,
    reading: ReadOptions,
    columns: Sequence[str] = (),
) -> Data:
    """The given data, read if they are paths; columns: further ones to read."""
    if isinstance(data, Examples):
        data = Data(data)
    if isinstance(data, Data):
        if dev is not None or test is not None:
            raise InputError(
                "dev and test need data as a path. Give data as a path, or give dev and test to prunetext.read."
            )
        return data
    if (frame := as_frame(data)) is not None:
        return read(frame, dev=dev, test=test, columns=columns, **dataclasses.asdict(reading))
    if not isinstance(data, (str, Path)):
        raise InputError(
            f"data is {type(data).__name__}. Give a path, a data frame, prunetext.Examples(texts, labels), or Data."
        )
    if Path(data).is_dir() and not holds_splits(data) and out.resolve().is_relative_to(Path(data).resolve()):
        raise InputError(f"{out}: the run folder is inside {data}, where it would be read as a label. Move it.")
    return read(data, dev=dev, test=test, columns=columns, **dataclasses.asdict(reading))


def take_options(command: str, options: dict[str, Any], *kinds: type) -> tuple[Any, ...]:
    """Sort keywords into dataclasses; an unknown keyword or a wrong type raises `InputError`."""
    taken = []
    rest = dict(options)
    for kind in kinds:
        names = [each.name for each in dataclasses.fields(kind)]
        taken.append(take(kind, {name: rest.pop(name) for name in names if name in rest}))
    if rest:
        raise InputError(f"{command} has no option {sorted(rest)[0]!r}. prunetext {command} --help lists the options.")
    return tuple(taken)


def unusual_options(said: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a run that are not as usual, in the order of their kinds; said: its recipe and its places.

    >>> unusual_options({"seed": 3, "max_drop": None, "pooling": "max+mean"})
    {'seed': 3}
    """
    return _unusual(said, FitOptions, TeachOptions, DenseOptions, VectorOptions)


def whole_reading(command: str, options: dict[str, Any]) -> dict[str, Any]:
    """All options of reading, as usual where these do not say otherwise; `InputError` as for `take_options`.

    >>> whole_reading("report", {"text": "body"})["encoding"]
    'utf-8'
    """
    return dataclasses.asdict(take_options(command, options, ReadOptions)[0])


def unusual_reading(reading: Mapping[str, Any]) -> dict[str, Any]:
    """The options of reading that are not as usual.

    >>> unusual_reading({"text": "body", "label": None, "encoding": "utf-8"})
    {'text': 'body'}
    """
    return _unusual(reading, ReadOptions)


def _unusual(said: Mapping[str, Any], *kinds: type) -> dict[str, Any]:
    """What is said of the fields of these kinds, in their order, where it is not as usual."""
    usual = {each.name: each.default for kind in kinds for each in dataclasses.fields(kind)}
    return {name: said[name] for name, value in usual.items() if said.get(name) not in (None, value)}


def check_pick(pick: int | None, options: dict[str, Any]) -> None:
    """Refuse options of a search where a candidate of an earlier one is taken."""
    if pick is None:
        return
    if type(pick) is not int:
        raise InputError(f"pick is {brief(pick)}: it must be a whole number, as the frontier of the run has it.")
    vain = [name for name, value in options.items() if value is not None and name not in ("max_drop", "refit")]
    if vain:
        raise InputError(
            f"pick takes a model as it is, and {vain[0]} would ask for another one. Leave one of them out."
        )


def check_method(options: PruneOptions, family: Family, effort: Effort) -> Method:
    """The requested method; an impossible combination or an unknown metric raises `InputError`."""
    if options.metric is not None:
        check_metric(options.metric)
    if options.hidden_states is not None and "states" not in family.recovery:
        raise InputError("hidden_states is given, but only a transformer has any. Leave it out.")
    groups = options.groups or ",".join(family.default_kinds)
    kinds = parse_kinds(groups, family.kinds)
    method = load_method(options.criterion or family.criterion, effort.schedule(options.schedule), kinds)
    if options.min_speed is not None and not set(family.faster_kinds) & set(kinds):
        raise InputError(
            f"groups is {groups}, which makes nothing faster, but a speed is asked for. "
            f"Add {' or '.join(family.faster_kinds)}."
        )
    return method


def check_measures(data: Data, labels: list[str], options: PruneOptions) -> None:
    """Refuse a metric that cannot judge dev and test, and options that several labels do not allow."""
    if data.train.task.answer == "labels":
        refuse_several(data, options)
    if data.train.task.has_steps:
        refuse_scored(data, options)
    for name, examples in data.splits():
        if name != "train":
            measure = measure_of(options.metric, examples, labels, options.positive)
            if not measure.gold.judges(measure.metric):
                raise InputError(
                    f"{data.name}: {measure.title} cannot be measured on {name}: no row has a label, or none has the "
                    "positive one. Give other texts, or choose another metric."
                )


def refuse_several(data: Data, options: PruneOptions) -> None:
    """Refuse options that need one label for each text."""
    if data.train.task.texts > 1:
        raise InputError(f"{data.name}: pairs of texts cannot have several labels. Give each pair one label.")
    if options.precision is not None:
        raise InputError(
            f"precision is {options.precision}, but these texts have several labels, and each label has a threshold. "
            "Leave precision out."
        )
    if isinstance(options, FitOptions) and options.class_weights != FitOptions.class_weights:
        raise InputError(
            f"class_weights is {options.class_weights}, but these texts have several labels, each learnt by itself. "
            "Leave it out, or choose macro-f1 as metric."
        )


def refuse_scored(data: Data, options: PruneOptions) -> None:
    """Refuse options that need labels."""
    weights = options.class_weights if isinstance(options, FitOptions) else FitOptions.class_weights
    for name, value, usual in (
        ("precision", options.precision, None),
        ("class_weights", weights, FitOptions.class_weights),
        ("positive", options.positive, None),
    ):
        if value != usual:
            raise InputError(f"{data.name}: {name} is {value}, but these texts have scores, not labels. Leave it out.")


def method_alone(options: PruneOptions, family: Family, effort: Effort) -> Method:
    """A criterion for single groups, without those that it cannot score; `InputError` if it can score none."""
    groups = ",".join(family.kinds) if options.groups == ALL_GROUPS else options.groups or ""
    name = options.criterion or family.criterion
    kinds, criterion = parse_kinds(groups, family.kinds), load_criterion(name)
    able = tuple(kind for kind in kinds if kind not in criterion.refuses)
    if not able:  # this raises with the reason
        return load_method(name, "oneshot", kinds)
    return Method(name, criterion, load_schedule("oneshot"), able)


def describe(*groups: type) -> str:
    """One line for each option, for a docstring."""
    lines = []
    for group in groups:
        for each in dataclasses.fields(group):
            default = "" if each.default is None or each.default is False else f" Default: {each.default}."
            lines.append(f"        {each.name}: {each.metadata['help']}{default}\n")
    return "".join(lines)
