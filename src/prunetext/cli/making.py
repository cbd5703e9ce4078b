"""The commands that make models: each calls the API function of its name and prints what that returns.

Nothing else prints. The flags of options come from the dataclasses in `options`: a keyword of the API, its flag and its
key in a TOML file share one name, one default and one sentence.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prunetext.cli.command import Json, Lenient, command, require_training, told_missed
from prunetext.cli.output import print_json
from prunetext.cli.recipe_file import read_recipe
from prunetext.errors import InputError
from prunetext.options import (
    DenseOptions,
    FitOptions,
    PruneOptions,
    ReadOptions,
    TeachOptions,
    VectorOptions,
    option_types,
)

if TYPE_CHECKING:
    from prunetext.fitting.cascading.making import Cascade
    from prunetext.fitting.finishing import Result


@command(FitOptions, TeachOptions, ReadOptions, DenseOptions, VectorOptions)
def fit(
    context: typer.Context,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="File, also compressed; pattern such as 'shards/*.jsonl'; folder of train, dev and test, with one "
            "sub-folder per label, or of shards; or sample:NAME. docs/guide/data.md tells more.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[str | None, typer.Option(help="Folder to make for the run; required.")] = None,
    dev: Annotated[str | None, typer.Option(help="File of dev texts, instead of a part of DATA.")] = None,
    test: Annotated[str | None, typer.Option(help="File of test texts, instead of a part of DATA.")] = None,
    vectors: Annotated[
        str | None,
        typer.Option(
            help="File of word vectors to start from: GloVe, word2vec, fastText, gensim, .npy, or sample:NAME."
        ),
    ] = None,
    cascade: Annotated[
        str | None,
        typer.Option(help="Make a TextCNN, a transformer from this place, and a cascade of both, in folders of --out."),
    ] = None,
    overwrite: Annotated[
        bool | None, typer.Option("--overwrite", help="Replace a finished run in --out when this one ends.")
    ] = None,
    lenient: Lenient = None,
    as_json: Json = None,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file with values for these flags, named with _ instead of -; flags take precedence."),
    ] = None,
    **options: Any,
) -> int:
    """Train, prune and pack a classifier.

    DATA without dev or test texts is split by the seed. To resume a stopped run, repeat the command. Ctrl-C ends
    pruning with the best model so far. A budget that was not met, and the verdict lost, end with exit code 3.
    """
    began = time.monotonic()
    given = {"data": data, "out": out, "dev": dev, "test": test, "vectors": vectors, "cascade": cascade, **options}
    given |= {"overwrite": overwrite, "lenient": lenient, "json": as_json}
    values = values_of_fit(config, given)
    wants_json, lenient = values.pop("json", False), values.pop("lenient", False)
    encoder = values.pop("cascade", None)
    require_training()
    from prunetext.cli.progress import Bars
    from prunetext.fitting import api

    with Bars() as bars:
        values |= {"progress": bars, "notice": bars.say, **(context.obj or {})}
        if encoder is None:
            result = api.fit(values.pop("data"), began=began, **values)
        else:
            both = api.fit_cascade(values.pop("data"), encoder=encoder, **values)
    if encoder is None:
        return print_run(result, wants_json, lenient)
    return print_made_cascade(both, wants_json, lenient)


def values_of_fit(config: Path | None, given: dict[str, Any]) -> dict[str, Any]:
    """What flags and the file say together; `InputError` if data or out are missing."""
    known = option_types(FitOptions, TeachOptions, ReadOptions, DenseOptions, VectorOptions)
    known |= dict.fromkeys(("data", "out", "dev", "test", "vectors", "cascade"), str)
    known |= dict.fromkeys(("overwrite", "lenient", "json"), bool)
    values = {} if config is None else read_recipe(config, known)
    values |= {name: value for name, value in given.items() if value is not None}
    for name, remedy in (("data", "Give a file, a folder or sample:NAME."), ("out", "Give a folder with --out.")):
        if name not in values:
            raise InputError(f"{name} is missing. {remedy}")
    return values


def print_run(result: Result, as_json: bool | None, lenient: bool | None) -> int:
    """Print the result of a run; return the exit code."""
    if as_json:
        stored = json.loads(result.path.with_name("result.json").read_text("utf-8"))
        print_json({**stored, "path": str(result.path)})
    else:
        from prunetext.cli import tables

        tables.print_result(result)
    lost = [f"The verdict is lost: {result.judged.title} was not kept."] * (result.verdict.name == "lost")
    return told_missed([*result.missed, *lost], lenient)


@command(PruneOptions)
def prune(
    context: typer.Context,
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="Folder of a finished run, the --out of a fit.", show_default=False),
    ] = None,
    out: Annotated[str | None, typer.Option(help="Folder to make for the new run; required.")] = None,
    data: Annotated[
        str | None, typer.Option(help="Where the data of RUN are now, if they have moved.", show_default=False)
    ] = None,
    pick: Annotated[
        int | None,
        typer.Option(help="Take this candidate of RUN's search, as its fit numbered them.", show_default=False),
    ] = None,
    overwrite: Annotated[
        bool | None, typer.Option("--overwrite", help="Replace a finished run in --out when this one ends.")
    ] = None,
    lenient: Lenient = None,
    as_json: Json = None,
    **options: Any,
) -> int:
    """Prune an earlier run's dense model again.

    The method or the budget can differ; steps of RUN's own search are reused where they fit. A budget that was not met,
    and the verdict lost, end with exit code 3.
    """
    began = time.monotonic()
    if run is None:
        raise InputError("run is missing. Give the --out of a fit.")
    if out is None:
        raise InputError("out is missing. Give a folder with --out.")
    require_training()
    from prunetext.cli.progress import Bars
    from prunetext.fitting.api import prune as work

    values = {name: value for name, value in options.items() if value is not None}
    with Bars() as bars:
        values |= {"data": data, "overwrite": bool(overwrite), "progress": bars, "notice": bars.say, "began": began}
        result = work(run, out=out, pick=pick, **values, **(context.obj or {}))
    return print_run(result, as_json, lenient)


@command(apart=("max_drop",))
def cascade(
    context: typer.Context,
    cnn_run: Annotated[
        str | None,
        typer.Argument(metavar="CNN_RUN", help="Folder of a finished run of a TextCNN.", show_default=False),
    ] = None,
    encoder_run: Annotated[
        str | None,
        typer.Argument(
            metavar="ENCODER_RUN",
            help="Folder of a finished run of a transformer, a fit with --model on the same data.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[str | None, typer.Option(help="Folder to make for the cascade; required.")] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            help="Points of accuracy, or of the run's metric, that may be lost on dev against the transformer alone; "
            "0.5 if no limit is given.",
            show_default=False,
        ),
    ] = None,
    max_micros: Annotated[
        float | None,
        typer.Option(help="Longest mean time of a text in microseconds, on one thread of this machine, such as 50."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Where the data of both runs are now, if they have moved.", show_default=False)
    ] = None,
    overwrite: Annotated[bool | None, typer.Option("--overwrite", help="Replace a cascade in --out.")] = None,
    lenient: Lenient = None,
    as_json: Json = None,
) -> int:
    """Join a TextCNN and a transformer into one model.

    The TextCNN answers all texts; those that it is unsure of go on to the transformer. The threshold is chosen on dev,
    and passes on as few texts as --max-drop allows. A limit that was not kept, and the verdict lost, end with exit code
    3.
    """
    if cnn_run is None or encoder_run is None:
        raise InputError("A run is missing. Give the --out of a fit of a TextCNN, and that of a fit with --model.")
    if out is None:
        raise InputError("out is missing. Give a folder with --out.")
    require_training()
    from prunetext.cli.progress import Bars
    from prunetext.fitting.api import cascade as work

    values: dict[str, Any] = {"data": data, "max_drop": max_drop, "max_micros": max_micros}
    with Bars() as bars:
        values |= {"overwrite": bool(overwrite), "progress": bars, **(context.obj or {})}
        found = work(cnn_run, encoder_run, out=out, **values)
    return print_made_cascade(found, as_json, lenient)


def print_made_cascade(found: Cascade, as_json: bool | None, lenient: bool | None) -> int:
    """Print a cascade that was made; return the exit code."""
    if as_json:
        print_json(found.fields())
    else:
        from prunetext.cli.cascade_tables import print_cascade

        print_cascade(found)
    lost = [f"The verdict is lost: {found.title} is not that of the transformer."] * (found.verdict.name == "lost")
    return told_missed([*found.missed, *lost], lenient)


@command(PruneOptions, only=("criterion", "groups"))
def sensitivity(
    context: typer.Context,
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="Folder of a finished run, the --out of a fit.", show_default=False),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Where the data of RUN are now, if they have moved.", show_default=False)
    ] = None,
    as_json: Json = None,
    **options: Any,
) -> None:
    """Measure how much of each group of units can be removed.

    Measures each group of an earlier run's dense model alone, on dev, without recovery, and writes
    RUN/sensitivity.jsonl. Without --groups, all kinds are measured.
    """
    if run is None:
        raise InputError("run is missing. Give the --out of a fit.")
    require_training()
    from prunetext.cli import tables
    from prunetext.fitting.api import sensitivity as measure

    given = {name: value for name, value in options.items() if value is not None}
    rows = measure(run, data=data, **given, **(context.obj or {}))
    if as_json:
        print_json([row._asdict() for row in rows])
    else:
        tables.print_sensitivity(rows)
