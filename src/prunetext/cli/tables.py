"""How results look in a terminal: tables on standard output."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

from prunetext.benchmarking.table import circumstances, tables
from prunetext.cli.damage_tables import print_damage
from prunetext.cli.output import Cells, Output, tell
from prunetext.cli.score_tables import SCORE_COLUMNS, closeness_cells, print_scored
from prunetext.modelfiles.encoders import EncoderInspection, described_numbers
from prunetext.modelfiles.inspection import Inspection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prunetext.benchmarking.api import Bench
    from prunetext.comparison.rows import ComparedRow
    from prunetext.comparison.summary import Line
    from prunetext.fitting.finishing import Result
    from prunetext.judging.evaluation import Evaluation
    from prunetext.pruning.sensitivity import Sensitivity
    from prunetext.statistics.closeness import Closeness
    from prunetext.statistics.evaluation import Damage, Score


WORST = 3  # labels that are named


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _interval(score: Score) -> str:
    return f"{100 * score.low:.2f} to {100 * score.high:.2f}"


def print_result(result: Result) -> None:
    """Print what was noticed in the data, the three models side by side, and the verdict."""
    out = Output()
    for note in result.notes:
        out.print(note)
    out.print()
    judged = result.judged
    title, other = judged.title, judged.metric != "accuracy"
    scored = judged.scored
    table = Cells("model", "accuracy", "95 % interval", *[title] * other, "file bytes", "texts/s")
    if scored:
        table = Cells("model", *SCORE_COLUMNS, "file bytes", "texts/s")
    for name, row in judged.shown().items():
        sizes = (f"{row.bytes:,}", f"{row.texts_per_second:,.0f}")
        if scored:
            table.add_row(name, *closeness_cells(cast("Closeness", row.score)), *sizes)
            continue
        numbers = (*[_percent(row.value)] * other, *sizes)
        score = cast("Score", row.score)
        table.add_row(name, _percent(score.accuracy), _interval(score), *numbers)
    out.print(table)
    out.print(
        f"\nOn {result.score.n:,} test texts, one thread; file bytes are those of dense, pruned and {result.path.name}."
    )
    if judged.baseline is not None:
        kind = "ridge" if scored else "logistic"
        out.print(f"{judged.baseline_name} is a {kind} regression on the words and pairs of words of the same texts.")
    removed = ", ".join(f"{kind} {100 * share:.1f} %" for kind, share in result.removed.items())
    bits = " of the bits" if "bits" in result.removed else ""
    out.print(f"Removed: {removed}{bits}.")
    out.print(result.verdict.sentence(title))
    if judged.against_baseline is not None:
        out.print(f"Against {judged.baseline_name}, {judged.against_baseline.sentence(title, 'it')}")
    if len(result.frontier) > 1:
        _print_frontier(out, result)
    out.print(f"Why the search ended: {result.reason}.")
    agreement = judged.agreement
    form = described_numbers(agreement.numbers) if agreement.numbers else f"{agreement.table} table"
    out.print(
        f"Float and packed model agree on {_percent(agreement.equal)} of dev; "
        f"rounding costs {agreement.drop:.2f} points{f' of {title}' * other} there ({form})."
    )
    if refused := agreement.refused():
        out.print(refused)
    if judged.damages:
        out.print(_worst(judged.damages))
    out.print(result.calibration.sentence())
    if result.calibration.rejection is not None:
        out.print(result.calibration.rejection.sentence())
    out.print(str(result.path))


def _print_frontier(out: Output, result: Result) -> None:
    """Every model that the search has made; the chosen one has a star."""
    judged = result.judged
    of = "" if judged.metric == "accuracy" else f" of {judged.title}"
    out.print(f"\nAll models of the search, by dev (points{of} lost):")
    out.print()
    table = Cells("candidate", "file bytes", "texts/s", "drop", "90 % interval")
    for each in result.frontier:
        speed = "–" if each.texts_per_second is None else f"{each.texts_per_second:,.0f}"
        name = f"{each.number}{' *' * each.chosen}"
        table.add_row(name, f"{each.bytes:,}", speed, f"{each.drop:.2f}", f"{each.low:.2f} to {each.high:.2f}")
    out.print(table)
    take = f"prunetext prune {result.path.parent} --pick N --out NEW"
    out.print(f"\n* chosen; it has recovered longer since. Take another one: {take}")
    out.print()


def _worst(damages: Sequence[Damage]) -> str:
    """Which labels have lost most, in a sentence."""
    lost = [each for each in damages if each.drop > 0]
    if not lost:
        return "No label has a lower F1 than with the dense model."
    worst = ", ".join(
        f"{each.label} {100 * each.dense:.1f} to {100 * each.packed:.1f} ({each.n:,} texts)" for each in lost[:WORST]
    )
    return f"{len(lost)} of {len(damages)} labels have a lower F1 than with the dense model; worst: {worst}."


def print_sensitivity(rows: list[Sensitivity]) -> None:
    """Print how much of each group can be removed."""
    out = Output()
    table = Cells("group", "removed", "share", "bytes", "drop", "± error", "loss")
    for row in rows:
        share = f"{100 * row.share:.0f} %"
        numbers = (f"{row.bytes:,}", f"{row.drop:.2f}", f"{row.error:.2f}", f"{row.loss:+.4f}")
        table.add_row(row.group, f"{row.removed:,}", share, *numbers)
    out.print(table)
    out.print("\nEach group alone, without recovery, on dev: points lost, and the rise of the loss in nats.")


def print_row(row: ComparedRow) -> None:
    """Report on standard error that a model of a comparison is done."""
    tell(f"seed {row.seed}  {row.size:<6} {row.method:<32} {row.bytes:>11,} bytes  dev {row.dev:.2f} %")


def print_comparison(lines: list[Line]) -> None:
    """Print what a comparison has found: a table for each size, the most accurate method first."""
    out = Output()
    for size in dict.fromkeys(line.size for line in lines):
        here = [line for line in lines if line.size == size]
        out.print("\nAt sizes of their own:" if size == "any" else f"\nAt {size}{' of the bytes' * ('/' in size)}:")
        table = Cells("method", "accuracy", "± 95 %", "drop", "bytes", "texts/s", "seconds", "verdicts")
        for line in here:
            margin = "–" if math.isinf(line.margin) else f"{line.margin:.2f}"
            numbers = (f"{line.drop:.2f}", f"{line.bytes:,.0f}", f"{line.texts_per_second:,.0f}", f"{line.seconds:.1f}")
            table.add_row(line.method + " *" * bool(line.over), f"{line.test:.2f} %", margin, *numbers, line.verdicts)
        out.print(table)
    if any(line.over for line in lines):
        out.print("\n* larger than the size: nothing more could be removed")
    out.print("\nMeans over seeds on test; the interval is over seeds, by Student's t; texts/s on one thread.")


def print_bench(found: Bench) -> None:
    """Print the results of a benchmark: sizes and speeds, then the times of a single text and of a new process."""
    out = Output()
    for note in found.notes:
        out.print(note)
    for columns, rows in tables(found):
        table = Cells(*columns)
        for row in rows:
            table.add_row(*row)
        out.print(table)
        out.print()
    for line in circumstances(found):
        out.print(line)


def print_evaluation(found: Evaluation, against: str | None, max_drop: float) -> None:
    """Print the score, the classes, and the comparison if there is one."""
    if found.scored:
        print_scored(found, against, max_drop)
        return
    out = Output()
    for note in found.notes:
        out.print(note)
    score = cast("Score", found.score)
    out.print(f"accuracy {_percent(score.accuracy)} (95 % interval {_interval(score)}) on {score.n:,} texts")
    out.print(f"macro-F1 {_percent(score.macro_f1)}")
    title = found.title
    if found.micro_f1 is not None:
        out.print(f"micro-F1 {_percent(found.micro_f1)}")
    if found.metric not in ("accuracy", "macro-f1", "micro-f1" if found.micro_f1 is not None else ""):
        out.print(f"{title} {_percent(found.value)}")
    if found.calibration_error is not None:
        out.print(f"expected calibration error {_percent(found.calibration_error)}")
    if found.rejection is not None:
        out.print(found.rejection.sentence())
    out.print()
    table = Cells("label", "precision", "recall", "F1", "texts")
    for each in found.per_class:
        table.add_row(each.label, *map(_percent, (each.precision, each.recall, each.f1)), f"{each.n:,}")
    out.print(table)
    if found.verdict is not None and found.reference is not None:
        more = "" if found.reference_value is None else f", {title} {_percent(found.reference_value)}"
        reference = cast("Score", found.reference)
        out.print(f"\n{against}: accuracy {_percent(reference.accuracy)}{more * (found.metric != 'accuracy')}")
        out.print(found.compared(max_drop))
    if found.damage is not None:
        print_damage(found.damage)


def print_inspection(found: Inspection | EncoderInspection) -> None:
    """Print sizes, parts and provenance of a model file."""
    out = Output()
    out.print(f"{found.path}: {found.format}, {found.size:,} bytes")
    out.print()
    facts = encoder_facts(found) if isinstance(found, EncoderInspection) else _sizes(out, found)
    if found.temperature is not None:
        facts["temperature"] = f"{found.temperature:g}"
    if found.reject is not None:
        facts["reject"] = f"below a probability of {found.reject:g}"
    if found.thresholds is not None:
        least, most = min(found.thresholds), max(found.thresholds)
        facts["thresholds"] = f"several labels a text, each from a probability of its own, {least:g} to {most:g}"
    if isinstance(found, Inspection) and found.longest:
        facts["longest"] = " ".join(found.longest)
    for name, fact in (*facts.items(), *_provenance(found.provenance)):
        out.print(f"{name:<12}{fact}")


def encoder_facts(found: EncoderInspection) -> dict[str, Any]:
    """What a transformer's file has."""
    return {
        "labels": ", ".join(found.labels),
        "tokens": f"{found.words:,}; {found.longest} of a text are read",
        "dimensions": found.hidden,
        **({} if found.ranks is None else {"ranks": found.ranks}),
        "layers": len(found.heads),
        "heads": " ".join(map(str, found.heads)),
        "neurons": " ".join(map(str, found.neurons)),
        **({} if found.numbers is None else {"numbers": described_numbers(found.numbers)}),
    }


def _sizes(out: Output, found: Inspection) -> dict[str, Any]:
    """Print the parts of a TextCNN's file; give its sizes."""
    parts = Cells("part", "bytes")
    for name, size in found.parts.items():
        parts.add_row(name, f"{size:,}")
    out.print(parts)
    out.print()
    filters = ", ".join(f"{count} of width {width}" for width, count in found.filters.items())
    facts: dict[str, Any] = {
        **_answers_of(found),
        "words": f"{found.words:,}",
        **({"bigrams": f"{found.bigrams:,}"} if found.bigrams else {}),
        "dimensions": found.dimensions,
        "filters": filters or "none",
        "pooling": found.pooling,
        "tokenizer": found.tokenizer,
    }
    if found.coding:
        facts["coded"] = ", ".join(f"{name} ({_coding(entry)})" for name, entry in found.coding.items())
    if found.table_bytes is not None:
        facts["table"] = f"{found.table}, {found.table_bytes:,} bytes of memory"
    return facts


def _answers_of(found: Inspection) -> dict[str, Any]:
    """The labels, or the levels of scores."""
    if found.levels is None:
        return {"labels": ", ".join(found.labels)}
    return {"scores": f"{found.levels[0]:g} to {found.levels[-1]:g}, in {len(found.labels)} steps between levels"}


def _coding(entry: Mapping[str, Any]) -> str:
    """How a tensor is coded, in words."""
    precision, zeros = entry.get("precision", "8"), entry.get("zeros")
    words = ["8, 4 or 2 bits a row" if precision == "mixed" else f"{precision} bits"]
    words += [f"zeros as {zeros}"] if zeros else []
    words += ["compressed"] if "bytes" in entry else []
    return "; ".join(words)


def _provenance(provenance: dict[str, Any]) -> list[tuple[str, str]]:
    """One line for each fact about how the file was made; nested values as name=value."""
    lines = []
    for name, value in provenance.items():
        if isinstance(value, dict):
            parts = [f"{key}={part:.4g}" if isinstance(part, float) else f"{key}={part}" for key, part in value.items()]
            value = " ".join(part for part in parts if not part.endswith("=None"))
        lines.append((name, str(value)))
    return lines
