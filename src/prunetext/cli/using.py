"""The commands that use a model file: label texts, look inside, write it for other runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from prunetext.cli.command import Json, ModelArgument, command
from prunetext.cli.output import Output, answer_lines, is_terminal, print_json, shown, tell
from prunetext.errors import InputError
from prunetext.options import ReadOptions

FILTER_NGRAMS = 5  # of each filter, if their number is not given


@command(ReadOptions, only=("text", "text_b", "encoding", "format", "quoting"))
def predict(
    model: ModelArgument,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="File with one text a line (for a model of pairs: two, with a tab between them), or a table (.csv, "
            ".tsv, .jsonl, .parquet, .xlsx), also compressed; a folder or a pattern of such files; - is standard "
            "input, with one text a line unless --format says otherwise.",
        ),
    ],
    threads: Annotated[int | None, typer.Option(help="Threads. If not given: all cores for much text.")] = None,
    reject: Annotated[
        bool, typer.Option("--reject", help="Give no label to texts below the threshold stored by fit --precision.")
    ] = False,
    columns: Annotated[
        str | None, typer.Option(help="Columns of a table to write before each label, with commas, such as id,source.")
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(help="File to write instead of standard output: .csv, .tsv, .jsonl or .parquet, with a header."),
    ] = None,
    **options: Any,
) -> None:
    """Label texts, one a line.

    Prints a line for each text, or pair of texts: its most probable label, a tab, the probability. A rejected text has
    an empty label, which no model has. If texts can have several labels, the line has each label and its probability,
    all with tabs between them; it is empty if the text has none. A model of scores prints each text's score.
    """
    from prunetext.data.task import Task
    from prunetext.modelfiles.labelled import as_field, check_answers_file, refuse_source, write_answers
    from prunetext.modelfiles.prediction import load_packed, predict_chunks

    given = {name: value for name, value in options.items() if value is not None}
    kept = [] if columns is None else [name.strip() for name in columns.split(",")]
    if out is not None:
        check_answers_file(Path(out).expanduser())
        refuse_source(Path(out).expanduser(), file)
    classifier = load_packed(model)
    chunks = predict_chunks(classifier, file, threads=threads, reject=reject, columns=kept, **given)
    if out is not None:
        rows = write_answers(out, kept, chunks, Task.named(classifier.task).answer)
        tell(f"{out}: {rows:,} rows")
        return
    for chunk in chunks:
        beside = chunk.kept if kept else [()] * len(chunk.answers)
        answer_lines(
            "\t".join(
                [*(shown(as_field(value)) for value in own), *map(told, each if isinstance(each, list) else [each])]
            )
            for own, each in zip(beside, chunk.answers, strict=True)
        )


def told(answer: tuple[str | None, float] | float) -> str:
    """A label and its probability, with a tab between them; or a score."""
    if isinstance(answer, float):
        return f"{answer:.4f}"
    label, probability = answer
    return f"{shown(label or '')}\t{probability:.4f}"


@command(ReadOptions, only=("text", "text_b", "encoding", "format", "quoting"), apart=("label", "filters"))
def explain(
    model: ModelArgument,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="Texts, or pairs of texts, in any form that predict reads.", show_default=False
        ),
    ],
    label: Annotated[
        str | None, typer.Option(help="Label to explain. If not given: the most probable one of each text.")
    ] = None,
    top: Annotated[
        int | None, typer.Option(help="Give so many parts of each text, those that add or take most.")
    ] = None,
    counterfactual: Annotated[
        bool, typer.Option("--counterfactual", help="Also look for the words that, once masked, change the label.")
    ] = False,
    filters: Annotated[
        bool,
        typer.Option(
            "--filters", help="Instead, say of each filter of the model which n-grams of the texts fire it most."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in a terminal, too: one object a line.")] = False,
    **options: Any,
) -> None:
    """Say why texts get their labels.

    In a terminal, prints each text with the characters that speak for its label in green, and those that speak against
    it in red; elsewhere, a JSON object for each text, one a line, with all parts of the label's logit and their places
    in the text.
    """
    from prunetext.cli import explaining
    from prunetext.data.task import Task
    from prunetext.data.texts import read_chunks
    from prunetext.modelfiles.prediction import load_packed

    if top is not None and top < 1:
        raise InputError(f"--top is {top}: it must be at least 1.")
    if filters and (label is not None or counterfactual):
        raise InputError("--filters is about no single text: leave --label and --counterfactual out, or --filters.")
    given = {name: value for name, value in options.items() if value is not None}
    classifier = load_packed(model)
    classifier.check_label(label)
    inputs = (each for chunk in read_chunks(Task.named(classifier.task), file, **given) for each in chunk.inputs)
    lines, out = as_json or not is_terminal(), Output()
    if filters:
        found = classifier.fired(inputs, top or FILTER_NGRAMS)
        explaining.write_filters(found) if lines else explaining.tell_filters(out, found)
        return
    for item in inputs:
        if lines:
            explaining.write_explanation(classifier, item, label, top, flip=counterfactual)
        else:
            explaining.tell_explanation(out, classifier, item, label, top, flip=counterfactual)


@command()
def inspect(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="Packed file, float file of a run, or folder of a cascade.", show_default=False
        ),
    ],
    words: Annotated[
        int, typer.Option(help="List so many words, those with the longest vectors.", show_default=False)
    ] = 0,
    as_json: Json = None,
) -> None:
    """Say what is in a model file.

    Prints the bytes of each part, sizes, labels, and where the model comes from.
    """
    from prunetext.modelfiles.api import inspect as run
    from prunetext.modelfiles.cascades import CascadeInspection

    found = run(model, words=words)
    if as_json:
        print_json(found.fields())
    elif isinstance(found, CascadeInspection):
        from prunetext.cli.cascade_tables import print_cascade_inspection

        print_cascade_inspection(found)
    else:
        from prunetext.cli.tables import print_inspection

        print_inspection(found)


@command()
def export(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="Packed file, float file of a run, or folder of a run.", show_default=False
        ),
    ],
    onnx: Annotated[str | None, typer.Option(help="ONNX file to write.")] = None,
    openvino: Annotated[
        str | None, typer.Option(help="OpenVINO graph to write, such as model.xml; its weights go into a .bin beside.")
    ] = None,
) -> None:
    """Write a model as a standard ONNX file, or as OpenVINO's files.

    The files also hold the vocabulary and the labels, and are checked to give the model's answers. docs/guide/export.md
    says how to feed them.
    """
    if onnx is None and openvino is None:
        raise InputError("onnx is missing. Give a file with --onnx or --openvino.")
    from prunetext.modelfiles.api import export as run

    for format_, out in (("onnx", onnx), ("openvino", openvino)):
        if out is not None:
            done = run(model, out, format=format_)
            apart = f"probabilities differ by {done.apart:.0e} at most"
            Output().print(f"{done.path}: {done.size:,} bytes; on {done.texts} texts, {apart}")
