"""How the damage of a smaller model, and the checks of a gate, look in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunetext.cli.output import Cells, Output

if TYPE_CHECKING:
    from prunetext.judging.damage import DamageReport
    from prunetext.judging.gating import Gate

SHOWN_SLICES, SHOWN_FLIPS, SHOWN_WORDS, SHOWN_DOUBTS = 12, 10, 10, 5  # rows
_WIDEST = 100  # characters of a text


def print_damage(damage: DamageReport) -> None:
    """Print what was lost, in sentences, and the worst slices, flips and words in tables."""
    out = Output()
    out.print()
    for sentence in damage.sentences():
        out.print(sentence)
    if damage.slices:
        shown = damage.slices[:SHOWN_SLICES]
        out.print(f"\nThe {len(shown)} worst of {len(damage.slices):,} slices, in points:")
        out.print()
        table = Cells("slice", "texts", "lost", "interval", "others", "p", "AUC", "unseen below")
        for each in shown:
            interval = f"{each.low:.2f} to {each.high:.2f}"
            area = "–" if each.auc is None else f"{each.auc:.3f}"
            chance = f"{each.p:.3f}{' *' * each.flagged}"
            numbers = (f"{each.drop:.2f}", interval, f"{each.rest:.2f}", chance, area, f"{each.smallest:.2f}")
            table.add_row(cut(f"{each.column} {each.value}", 40), f"{each.n:,}", *numbers)
        out.print(table)
        out.print("\n* lost more than the other texts, beyond chance; p and interval hold for all slices together")
    _print_flips(out, damage)
    if damage.words:
        out.print(f"\nWords that went, by their evidence in texts that were lost ({len(damage.words):,} in all):")
        out.print()
        table = Cells("word", "texts", "lost", "nats")
        for word in damage.words[:SHOWN_WORDS]:
            table.add_row(cut(word.word, 40), f"{word.texts:,}", f"{word.lost:,}", f"{word.evidence:.2f}")
        out.print(table)
    for doubt in damage.doubtful[:SHOWN_DOUBTS]:
        text = cut(doubt.text)
        out.print(f"label in doubt, row {doubt.row + 1:,}: {doubt.label}, rather {doubt.instead}: {text}")


def _print_flips(out: Output, damage: DamageReport) -> None:
    """The first texts that were lost, then those that were gained."""
    for kind, verb in (("lost", "were right and are now wrong"), ("gained", "were wrong and are now right")):
        flips = [each for each in damage.flips if each.kind == kind]
        if flips:
            out.print(f"\n{min(len(flips), SHOWN_FLIPS)} of {len(flips):,} texts that {verb}:")
        for each in flips[:SHOWN_FLIPS]:
            before, now = (each_label(label) for label in (each.before, each.now))
            out.print(f"row {each.row + 1:,}, {before} → {now} ({each.sure_now:.2f}): {cut(each.text)}")


def print_gate(found: Gate) -> None:
    """Print the checks that do not hold, the damage, and what it comes to."""
    out = Output()
    for note in found.evaluation.notes:
        out.print(note)
    for check in found.checks:
        if check.name in ("verdict", "churn") or check.outcome != "kept":
            said = check.said.removeprefix(f"{check.outcome}: ")
            out.print(f"{check.name} {check.outcome}: {said}")
    if found.evaluation.damage is not None:
        print_damage(found.evaluation.damage)
    out.print(f"\n{found.sentence()}")


def each_label(label: str | tuple[str, ...]) -> str:
    """A label, or all labels of a text, as one.

    >>> each_label(("x", "y")), each_label(())
    ('x, y', '(none)')
    """
    return label if isinstance(label, str) else ", ".join(label) or "(none)"


def cut(text: str | tuple[str, str], most: int = _WIDEST) -> str:
    """A text, or both of a pair, in one short line.

    >>> cut("a  long text", 7)
    'a long…'
    """
    line = " ".join((text if isinstance(text, str) else " / ".join(text)).split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
