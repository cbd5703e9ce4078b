"""Counts of what a reader of labelled texts should know before trusting a score."""

from __future__ import annotations

from dataclasses import dataclass, field

from prunetext.data.columns import quoted

MOST_SHOWN = 5  # groups of labels that are alike


@dataclass(frozen=True)
class Report:
    """Counts of what a reader of the data should know before trusting a score.

    >>> Report(rows=100, duplicates=2).lines()
    ['100 rows were read.', '2 rows repeat an earlier row of the same split (same text, same label).']

    rows: rows kept, over all splits.
    skipped: rows dropped because their text or label was empty.
    duplicates: rows whose text and label occur earlier in the same split.
    contradicting: texts that occur with more than one label in the same split.
    shared: texts that occur in two splits, by the two names, such as ("train", "test").
    pairs: whether rows are pairs of texts; if so, a pair counts as one text.
    trimmed: labels that had outer blanks or invisible characters, which were left out.
    alike: labels that differ only in case or width, together; they are separate classes.
    """

    rows: int
    skipped: int = 0
    duplicates: int = 0
    contradicting: int = 0
    shared: dict[tuple[str, str], int] = field(default_factory=dict)
    pairs: bool = False
    trimmed: int = 0
    alike: tuple[tuple[str, ...], ...] = ()
    scored: bool = False  # whether rows have scores instead of labels

    def lines(self) -> list[str]:
        """Say each count that is not zero in one sentence."""
        unit, units, same = ("pair", "pairs", "same texts") if self.pairs else ("text", "texts", "same text")
        label, model = ("score", "model") if self.scored else ("label", "classifier")
        said = [
            (self.rows, "row was read.", "rows were read."),
            (
                self.skipped,
                f"row was dropped, because its text or {label} is empty.",
                f"rows were dropped, because their text or {label} is empty.",
            ),
            (
                self.duplicates,
                f"row repeats an earlier row of the same split ({same}, same {label}).",
                f"rows repeat an earlier row of the same split ({same}, same {label}).",
            ),
            (
                self.contradicting,
                f"{unit} has different {label}s in different rows: no {model} can be right on all of them.",
                f"{units} have different {label}s in different rows: no {model} can be right on all of them.",
            ),
        ]
        said += [
            (
                count,
                f"{unit} is in both {one} and {other}, which makes scores look better than they are.",
                f"{units} are in both {one} and {other}, which makes scores look better than they are.",
            )
            for (one, other), count in self.shared.items()
        ]
        said.append(
            (
                self.trimmed,
                "label had outer blanks or invisible characters, which were left out.",
                "labels had outer blanks or invisible characters, which were left out.",
            )
        )
        lines = [f"{count:,} {single if count == 1 else several}" for count, single, several in said if count]
        groups = ", ".join(" and ".join(map(quoted, group)) for group in self.alike[:MOST_SHOWN])
        more = f" and {len(self.alike) - MOST_SHOWN:,} more groups" if len(self.alike) > MOST_SHOWN else ""
        remedy = "They are separate classes: make them one if they mean the same."
        return lines + ([f"Some labels differ only in case or width: {groups}{more}. {remedy}"] if groups else [])
