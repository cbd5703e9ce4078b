"""The commands that measure: compare makes its models, evaluate and bench take one, gate takes two."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prunetext.cli.command import AnyModelArgument, Json, Lenient, command, require_training, told_missed
from prunetext.cli.output import Output, print_json, tell
from prunetext.errors import InputError, MissingExtraError
from prunetext.options import ModelOptions, ReadOptions
from prunetext.runtime.writing import write_whole

if TYPE_CHECKING:
    from prunetext.comparison.api import Comparison


@command(ReadOptions, ModelOptions)
def compare(
    context: typer.Context,
    data: Annotated[str, typer.Argument(metavar="DATA", help="Labelled texts, as for fit.", show_default=False)],
    out: Annotated[str | None, typer.Option(help="Folder of the comparison, to make or to continue; required.")] = None,
    methods: Annotated[
        str,
        typer.Option(
            help="Methods, such as taylor/local,random/oneshot/filters+taps; all if not given.", show_default=False
        ),
    ] = "",
    sizes: Annotated[
        str | None,
        typer.Option(
            help="Sizes, as shares of the unpruned file or bytes. [default: 1/2,1/4,1/10,1/30]", show_default=False
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="Number of seeds, each with a dense model of its own. [default: 3]", show_default=False)
    ] = 3,
    baselines: Annotated[
        bool, typer.Option("--baselines/--no-baselines", help="Whether to make the baselines.", show_default=False)
    ] = True,
    autotune: Annotated[
        str, typer.Option(help="Time of fastText's own search for each size, such as 5m.", show_default=False)
    ] = "0",
    max_drop: Annotated[
        float,
        typer.Option(
            help="Largest loss that verdicts accept, in points of accuracy. [default: 0.5]", show_default=False
        ),
    ] = 0.5,
    epochs: Annotated[
        float | None, typer.Option(help="Epochs of training the dense model, as for fit.", show_default=False)
    ] = None,
    as_json: Json = None,
    **options: Any,
) -> None:
    """Compare methods at equal bytes.

    Prints a table for each size, the most accurate method first, with baselines, intervals over seeds and verdicts.
    Every model is a row in OUT/rows.jsonl, and OUT/report.html shows them all. To resume a stopped comparison, repeat
    the command.
    """
    if out is None:
        raise InputError("out is missing. Give a folder with --out.")
    require_training()
    from prunetext.cli import tables
    from prunetext.comparison.api import compare as run

    given = {**options, "sizes": sizes, "epochs": epochs, "row": None if as_json else tables.print_row}
    values = {name: value for name, value in given.items() if value is not None}
    how: dict[str, Any] = {"methods": methods, "seeds": seeds, "baselines": baselines, "autotune": autotune}
    found = run(data, out=out, max_drop=max_drop, **how, **values, **(context.obj or {}))
    if as_json:
        print_json([row._asdict() for row in found.rows])
    else:
        tables.print_comparison(found.lines)
    page = _page_of(out, found)
    if page is not None and not as_json:
        Output().print(page)


def _page_of(folder: str, found: Comparison) -> str | None:
    """Write the page of a comparison where the extra for it is installed; its place."""
    from prunetext.reporting.api import write_comparison

    try:
        page = write_comparison(folder, [row._asdict() for row in found.rows], [line._asdict() for line in found.lines])
    except MissingExtraError:
        return None
    return None if page is None else str(page.path)


Slices = Annotated[
    str | None,
    typer.Option(help="Columns of DATA, with commas, by which the damage is told apart, such as source,language."),
]


@command(ReadOptions)
def evaluate(
    model: AnyModelArgument,
    data: Annotated[str, typer.Argument(metavar="DATA", help="Labelled texts, as for fit.", show_default=False)],
    split: Annotated[
        str | None,
        typer.Option(
            help="train, dev or test. If not given: test of a folder that has one, or of MODEL's sample; else all rows."
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(help="Model to compare with, of any kind that MODEL can be, such as dense.safetensors of a run."),
    ] = None,
    max_drop: Annotated[
        float,
        typer.Option(
            help="Points of accuracy, or of --metric, that MODEL may lose against the other. [default: 0.5]",
            show_default=False,
        ),
    ] = 0.5,
    metric: Annotated[
        str | None,
        typer.Option(
            help="Second metric, by which --against compares: macro-f1, micro-f1, f1, map or mrr; of scores as for fit."
        ),
    ] = None,
    positive: Annotated[
        str | None,
        typer.Option(help="Positive label of f1, map and mrr. Needed only if its name is unusual, not 1 or yes."),
    ] = None,
    slices: Slices = None,
    lenient: Lenient = None,
    as_json: Json = None,
    **options: Any,
) -> int:
    """Measure a model on labelled texts.

    Prints accuracy with its interval, macro-F1, --metric and the scores of each class; with --against also the verdict,
    and the damage: which parts of the texts lost most, and which texts. The verdict lost ends with exit code 3. Of a
    model of scores, it prints rank correlation, correlation and errors, and with --slices the same inside each part.
    """
    from prunetext.judging.api import evaluate as run

    given = {name: value for name, value in options.items() if value is not None}
    given |= {"metric": metric, "positive": positive, "slices": slices or ""}
    found = run(model, data, split=split, against=against, max_drop=max_drop, **given)
    if as_json:
        print_json(found.fields())
    else:
        from prunetext.cli import tables

        tables.print_evaluation(found, against, max_drop)
    lost = found.verdict is not None and found.verdict.name == "lost"
    return told_missed([f"The verdict is lost: {found.title} is not that of {against}."] * lost, lenient)


@command(ReadOptions)
def gate(
    a: Annotated[
        str, typer.Argument(metavar="A", help="Model in use, of any kind that evaluate takes.", show_default=False)
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="Model that may replace it.", show_default=False)],
    data: Annotated[str, typer.Argument(metavar="DATA", help="Labelled texts, as for fit.", show_default=False)],
    split: Annotated[str | None, typer.Option(help="train, dev or test, as for evaluate.")] = None,
    max_drop: Annotated[
        float,
        typer.Option(help="Points of accuracy, or of --metric, that B may lose. [default: 0.5]", show_default=False),
    ] = 0.5,
    max_churn: Annotated[
        float, typer.Option(help="Percent of the texts whose label B may change. [default: 2]", show_default=False)
    ] = 2.0,
    slices: Slices = None,
    metric: Annotated[str | None, typer.Option(help="Metric of the verdict, as for evaluate.")] = None,
    positive: Annotated[str | None, typer.Option(help="Positive label of f1, map and mrr, as for evaluate.")] = None,
    undecided: Annotated[
        str | None, typer.Option(help="What undecided ends with: pass (exit code 0) or fail (3). If not given: 4.")
    ] = None,
    junit: Annotated[str | None, typer.Option(help="JUnit file to write, with a test for each check.")] = None,
    markdown: Annotated[str | None, typer.Option(help="Markdown file to write, for the page of a change.")] = None,
    as_json: Json = None,
    **options: Any,
) -> int:
    """Say whether model B may replace model A.

    B may if the verdict against A is kept, few labels change, and no slice has lost more than it may. Ends with exit
    code 0 then, 3 if one of these does not hold, and 4 if there are too few texts to tell.
    """
    from prunetext.judging.api import gate as run

    files = {name: Path(each).expanduser() for name, each in (("junit", junit), ("markdown", markdown)) if each}
    for path in files.values():
        check_report_file(path)
    given = {name: value for name, value in options.items() if value is not None}
    given |= {"split": split, "metric": metric, "positive": positive, "slices": slices or "", "undecided": undecided}
    found = run(a, b, data, max_drop=max_drop, max_churn=max_churn, **given)
    for name, path in files.items():
        write_whole(path, (found.junit() if name == "junit" else found.markdown()).encode("utf-8", "replace"))
    if as_json:
        print_json(found.fields())
    else:
        from prunetext.cli.damage_tables import print_gate

        print_gate(found)
    return found.code


def check_report_file(path: Path) -> None:
    """Refuse a file that cannot be written, before any text is labelled."""
    if path.is_dir() or not path.parent.is_dir():
        what = "this is a folder" if path.is_dir() else "its folder does not exist"
        raise InputError(f"{path}: {what}. Give a new file in a folder that exists.")


@command(ReadOptions)
def bench(
    context: typer.Context,
    model: AnyModelArgument,
    data: Annotated[str, typer.Argument(metavar="DATA", help="Labelled texts, as for fit.", show_default=False)],
    peers: Annotated[
        str,
        typer.Option(
            help="Any of fasttext-numpy2, fasttext-predict, fasttext-new, scikit-learn, model2vec and onnxruntime, "
            "with commas; or none, or all (those that are installed). [default: all]",
            show_default=False,
        ),
    ] = "all",
    passes: Annotated[int, typer.Option(help="Passes over the texts. [default: 9]", show_default=False)] = 9,
    starts: Annotated[int, typer.Option(help="Starts of new processes. [default: 15]", show_default=False)] = 15,
    dimensions: Annotated[
        int, typer.Option(help="Dimensions of fastText's vectors. [default: 10]", show_default=False)
    ] = 10,
    beside: Annotated[
        str | None, typer.Option(help="Folder with further peers, made by pip install --target.", show_default=False)
    ] = None,
    as_json: Json = None,
    **options: Any,
) -> None:
    """Measure how small and fast a model is.

    Prints size, speed on one thread and on all, time for one text, cold start and memory. Beside it stand the installed
    peers, trained on DATA's train texts, and two floors: wc -w, and splitting and hashing.
    """
    from prunetext.benchmarking.api import bench as run
    from prunetext.cli import tables

    given = {name: value for name, value in options.items() if value is not None}
    found = run(
        model,
        data,
        peers=peers,
        passes=passes,
        starts=starts,
        dimensions=dimensions,
        beside=beside,
        told=tell,
        **given,
        **(context.obj or {}),
    )
    if as_json:
        print_json(found.fields())
    else:
        tables.print_bench(found)
