"""A fit of both parts of a cascade: which options belong to which of them, and what is there already."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import torch

from prunetext.errors import InputError, RunError
from prunetext.fitting.carrying import TURN, Notice, carried_out, told_of
from prunetext.fitting.cascading.folder import former_of
from prunetext.fitting.cascading.making import Cascade, made_cascade
from prunetext.fitting.effort import Effort
from prunetext.fitting.folder import Run
from prunetext.fitting.parts import RESULT, is_made, read_json, refuse_link
from prunetext.fitting.plan import plan_fit
from prunetext.options import DenseOptions, ModelOptions, TeachOptions, VectorOptions
from prunetext.pruning.problem import Told
from prunetext.runtime.writing import partial_of, private_folder

PARTS_OF_FIT = ("first", "second")
TOGETHER_IN = "cascade"  # the folder of the cascade
OF_TRANSFORMER = frozenset(
    {each.name for each in fields(DenseOptions)} - {each.name for each in fields(ModelOptions)} | {"hidden_states"}
)
OF_TEXTCNN = frozenset(
    {each.name for kind in (ModelOptions, VectorOptions, TeachOptions) for each in fields(kind)} - {"labels_per_class"}
) | {"vectors", "epochs", "groups", "max_size", "min_speed"}


class SourceOfBoth(NamedTuple):
    """The data of both runs, and the folder of all; dev and test are files, if data is a path."""

    data: Any
    dev: str | Path | None
    test: str | Path | None
    out: Path
    overwrite: bool


def both_fitted(
    source: SourceOfBoth, encoder: str, options: Mapping[str, Any], effort: Effort, told: Told, notice: Notice = None
) -> Cascade:
    """Fit both parts, but for those that are there, and join them; the arguments are those of `fit_cascade`."""
    out, overwrite = source.out, source.overwrite
    parts = options_of_parts(options, encoder)
    vectors = parts["first"].pop("vectors", None)
    open_parts(out, overwrite=overwrite)
    plans = {}
    for name, start in (("second", None), ("first", vectors)):  # what is wrong for one is said before the other trains
        with TURN, torch.random.fork_rng(devices=[]):
            plans[name] = plan_fit(source.data, source.dev, source.test, out / name, start, parts[name], effort)
    for name in parts:
        if not is_made(out / name, plans[name].recipe):
            with (
                TURN,
                torch.random.fork_rng(devices=[]),
                Run(out / name, plans[name].recipe, overwrite=overwrite) as run,
            ):
                carried_out(plans[name], run, told_of(told, name), notice)
    data = None if isinstance(source.data, (str, Path)) else source.data
    first, second = (out / name for name in parts)
    max_drop = options.get("max_drop")
    found = made_cascade(first, second, out / TOGETHER_IN, data, max_drop, None, told, effort, overwrite=overwrite)
    return dataclasses.replace(found, missed=[*missed_by_parts(out), *found.missed])


def options_of_parts(options: Mapping[str, Any], encoder: str) -> dict[str, dict[str, Any]]:
    """The options of each part; `InputError` for those that suit none.

    >>> options_of_parts({"seed": 3, "filters": 8, "max_tokens": 64}, "sample:minilm")["second"]
    {'refit': False, 'seed': 3, 'max_tokens': 64, 'model': 'sample:minilm'}

    Dev chooses the threshold of the cascade, so neither learns it if nothing else is asked for.
    """
    for name in ("model", "max_time"):
        if options.get(name) is not None:
            raise InputError(f"{name} is given, but cascade makes two runs. Leave it out, or make them by themselves.")
    given = {"refit": False, **options}
    first = {name: value for name, value in given.items() if name not in OF_TRANSFORMER}
    second = {name: value for name, value in given.items() if name not in OF_TEXTCNN}
    return {"first": first, "second": {**second, "model": encoder}}


def open_parts(out: Path, *, overwrite: bool) -> None:
    """Make the folder of both parts, or refuse one that holds anything else, or a cascade that is finished."""
    refuse_link(out)
    if out.exists() and not out.is_dir():
        raise RunError(f"{out} is a file. Give a folder as --out.")
    whole = out / TOGETHER_IN
    if whole.exists() and not overwrite:
        raise RunError(f"{out} holds a finished cascade. Give another --out, or --overwrite to replace it.")
    own = {*PARTS_OF_FIT, TOGETHER_IN, partial_of(whole).name, former_of(whole).name}
    if out.is_dir() and (unknown := sorted(each.name for each in out.iterdir() if each.name not in own)):
        raise RunError(
            f"{out} holds {unknown[0]}, which is no part of a cascade. Give an empty or a new folder as --out."
        )
    private_folder(out)


def missed_by_parts(out: Path) -> list[str]:
    """The limits that the parts have not kept, in sentences."""
    found = []
    for name in PARTS_OF_FIT:
        missed = read_json(out / name, RESULT).get("missed")
        found += [f"{name}: {each}" for each in missed if isinstance(each, str)] if isinstance(missed, list) else []
    return found
