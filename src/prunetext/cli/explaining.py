"""How explanations look: coloured texts in a terminal, JSON elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunetext.cli.output import Cells, Output, answer_lines, as_json_line
from prunetext.modelfiles.explaining import explanation_fields, flipped_fields, largest, strengths

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prunetext.runtime.classifier import Classifier
    from prunetext.runtime.parts import Counterfactual

STYLES = {0: "", 1: "green", 2: "bold green", 3: "bold reverse green", -1: "red underline"}
STYLES |= {-2: "bold red underline", -3: "bold reverse red underline"}  # underlined, too, for terminals without colours
FAINT = "dim"


def tell_explanation(
    classifier: Classifier, item: Any, label: str | None, top: int | None, *, flip: bool, lines: bool
) -> None:
    """Print why one text, or pair of texts, has a label; as a line of JSON, or in colours."""
    found = classifier.explain(item, label)
    flipped = classifier.counterfactual(item, label) if flip else None
    if lines:
        fields = explanation_fields(found, top)
        if flip:
            fields["counterfactual"] = flipped_fields(flipped)
        answer_lines([as_json_line(fields)])
        return
    out = Output()
    out.print_styled([(found.label, "bold"), (f"  {found.probability:.4f}", ""), (f"  logit {found.logit:.4f}", FAINT)])
    parts = largest(found.parts, top)
    for side, text in enumerate(item if isinstance(item, tuple) else (item,)):
        out.print_styled((piece, STYLES[strength]) for piece, strength in strengths(parts, text, side))
    if top is not None:
        for part in sorted(parts, key=lambda part: -abs(part.logit)):
            out.print_styled([(f"{part.logit:+9.4f}  ", STYLES[1 if part.logit > 0 else -1]), (part.ngram, "")])
    if flip:
        out.print(_flipped(flipped))
    out.print()


def _flipped(flipped: Counterfactual | None) -> str:
    if flipped is None:
        return "No few words, masked, change the label."
    words = ", ".join(word.word for word in flipped.words)
    label = ", ".join(flipped.label) if isinstance(flipped.label, list) else flipped.label
    return f"Without {words}: {label or 'no label'}"


def tell_filters(classifier: Classifier, inputs: Iterable[Any], top: int, *, lines: bool) -> None:
    """Print what each filter is about; a line of JSON each, or a table of its largest weights and its n-grams."""
    filters = classifier.fired(inputs, top)
    if lines:
        answer_lines(as_json_line({"filter": at, **each._asdict()}) for at, each in enumerate(filters))
        return
    table = Cells("filter", "width", "speaks for", "weight", "n-grams")
    for at, each in enumerate(filters):
        label, kind = max(
            ((label, kind) for label, kinds in each.weights.items() for kind in kinds),
            key=lambda place: each.weights[place[0]][place[1]],
        )
        ngrams = ", ".join(f"{ngram} ({value:.2f})" for ngram, value in each.ngrams)
        table.add_row(str(at), str(each.width), f"{label} ({kind})", f"{each.weights[label][kind]:.4f}", ngrams)
    Output().print(table)
