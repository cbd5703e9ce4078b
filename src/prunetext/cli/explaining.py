"""How explanations look: coloured texts in a terminal, JSON elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunetext.cli.output import Cells, Output, answer_lines, as_json_line
from prunetext.modelfiles.explaining import explanation_fields, flipped_fields, strengths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunetext.runtime.classifier import Classifier
    from prunetext.runtime.parts import Counterfactual, Filter

# For terminals without colours, what speaks for the label is slanted or bold, and what speaks against it underlined.
STYLES = {0: "", 1: "italic green", 2: "bold green", 3: "bold reverse green"}
STYLES |= {-1: "red underline", -2: "bold red underline", -3: "bold reverse red underline"}
FAINT = "dim"
MAXIMA = ("max", "first max", "second max")  # the features of a filter that are its value in one text
_SIDES = ("first", "second")


def write_explanation(classifier: Classifier, item: Any, label: str | None, top: int | None, *, flip: bool) -> None:
    """Print why one text, or pair of texts, has a label, as a line of JSON."""
    fields = explanation_fields(classifier.explain(item, label), top)
    if classifier.levels is not None:
        fields = {"score": classifier.predict([item])[0], **fields}
    if flip:
        fields["counterfactual"] = flipped_fields(classifier.counterfactual(item, label))
    answer_lines([as_json_line(fields)])


def tell_explanation(
    out: Output, classifier: Classifier, item: Any, label: str | None, top: int | None, *, flip: bool
) -> None:
    """Print the same in colours: the text, with `top` its largest parts, and the words that flip the label."""
    found = classifier.explain(item, label)
    given = classifier.predict([item])[0]
    has = found.label in given if isinstance(given, list) else found.label == given
    said = f"  {found.probability:.4f}{'' if has else '  (not given)'}"
    if isinstance(given, float):
        out.print(f"{given:.4f}, explained by the step")
        said = f"  passed by {found.probability:.4f}"
    out.print_styled([(found.label, "bold"), (said, ""), (f"  logit {found.logit:.4f}", FAINT)])
    parts, texts = found.largest(top), item if isinstance(item, (tuple, list)) else (item,)
    for pieces in strengths(parts, texts):
        out.print_styled((piece, STYLES[strength]) for piece, strength in pieces)
    if top is not None or not out.has_styles:
        for part in sorted(parts, key=lambda part: -abs(part.logit)):
            out.print_styled([(f"{part.logit:+9.4f}  ", STYLES[1 if part.logit > 0 else -1]), (part.ngram, "")])
    if flip:
        out.print(_flipped(classifier.counterfactual(item, label), len(texts)))
    out.print()


def _flipped(flipped: Counterfactual | None, texts: int) -> str:
    if flipped is None:
        return "No few words, masked, change the label."
    of = [f" ({_SIDES[word.side]} text)" if texts == 2 else "" for word in flipped.words]
    words = ", ".join(f"{word.word}{side}" for word, side in zip(flipped.words, of, strict=True))
    label = ", ".join(flipped.label) if isinstance(flipped.label, list) else flipped.label
    return f"Without {words}: {label or 'no label'}"


def write_filters(filters: Sequence[Filter]) -> None:
    """Print what each filter is about, a line of JSON each."""
    answer_lines(as_json_line({"filter": at, **each._asdict()}) for at, each in enumerate(filters))


def tell_filters(out: Output, filters: Sequence[Filter]) -> None:
    """Print as a table what each filter's maximum, which its n-grams make, speaks for most, and these n-grams."""
    table = Cells("filter", "width", "speaks for", "weight", "n-grams")
    for at, each in enumerate(filters):
        label, kind = max(
            ((label, kind) for label, kinds in each.weights.items() for kind in kinds if kind in MAXIMA),
            key=lambda place: each.weights[place[0]][place[1]],
        )
        ngrams = ", ".join(f"{ngram} ({value:.2f})" for ngram, value in each.ngrams)
        table.add_row(str(at), str(each.width), f"{label} ({kind})", f"{each.weights[label][kind]:.4f}", ngrams)
    out.print(table)
