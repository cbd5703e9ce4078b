"""Which column holds the text and which the label."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from prunetext.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

# In order of preference: the first of them that a file has is taken.
TEXT = (
    "text",
    "sentence",
    "content",
    "review",
    "body",
    "comment",
    "message",
    "document",
    "tweet",
    "utterance",
    "query",
    "question",
    "description",
    "headline",
    "title",
)
LABEL = (
    "label",
    "labels",
    "class",
    "category",
    "target",
    "topic",
    "sentiment",
    "intent",
    "tag",
    "label_text",
    "polarity",
)
SECOND_TEXT = ("text_b", "text2", "sentence2", "sentence_b", "question2", "hypothesis")


class Wanted(NamedTuple):
    """The columns that the user named; None where the name is to be found."""

    text: str | None = None
    label: str | None = None
    labelled: bool = True  # where False no label is looked for, and the text's column stands for both


def find_columns(
    names: Sequence[str], wanted: Wanted, source: object, line: int | None = None, hint: str = ""
) -> tuple[int, int]:
    """Return the positions of the text and of the label column.

    >>> find_columns(["id", "Category", "Review"], Wanted(), "reviews.csv")
    (2, 1)

    Names are compared without regard to case and surrounding spaces; `hint` is a further sentence on why a column may
    not be found. Raises `DataError` where one is not found, and where a second text column stands beside the first and
    the user did not say which one counts.
    """
    keys = [name.strip().casefold() for name in names]
    text = _named(names, keys, wanted.text, "--text", source, line, hint)
    if not wanted.labelled:
        text = _guessed(keys, TEXT, None) if text is None else text
        if text is None:
            raise DataError(source, f"no text column is found among {_listed(names)}. Name it with --text.{hint}", line)
        return text, text
    label = _named(names, keys, wanted.label, "--label", source, line, hint)
    if text is not None and text == label:
        raise DataError(
            source, f"--text and --label both name the column {quoted(names[text])}. Name two columns.", line
        )
    if text is None:
        second = next((at for name in SECOND_TEXT for at, key in enumerate(keys) if key == name and at != label), None)
        if second is not None:
            raise DataError(
                source,
                f"the column {quoted(names[second])} holds second texts, and pairs of texts are not supported yet. "
                "To classify one text alone, name its column with --text.",
                line,
            )
        text = _guessed(keys, TEXT, label)
    if label is None:
        label = _guessed(keys, LABEL, text)
    if text is None or label is None:
        missing = " and ".join(name for name, at in (("text", text), ("label", label)) if at is None)
        flags = " and ".join(flag for flag, at in (("--text", text), ("--label", label)) if at is None)
        raise DataError(
            source, f"no {missing} column is found among {_listed(names)}. Name it with {flags}.{hint}", line
        )
    return text, label


def refuse_columns(source: object, wanted: Wanted) -> None:
    """Raise `DataError` where the user names a column and the source has none."""
    flag = "--text" if wanted.text is not None else "--label"
    if wanted.text is not None or wanted.label is not None:
        raise DataError(source, f"this source has no columns to name. Leave {flag} out.")


def quoted(value: str, longest: int = 60) -> str:
    """Quote a value of the user's for a message, cut to a readable length.

    >>> quoted("positive"), quoted("a" * 100, longest=5)
    ("'positive'", "'aaaaa…'")
    """
    return repr(value if len(value) <= longest else value[:longest] + "…")


def _named(
    names: Sequence[str], keys: list[str], given: str | None, flag: str, source: object, line: int | None, hint: str
) -> int | None:
    if given is None:
        return None
    if given in names:
        return names.index(given)
    if given.strip().casefold() in keys:
        return keys.index(given.strip().casefold())
    raise DataError(source, f"there is no column {quoted(given)} among {_listed(names)}. Correct {flag}.{hint}", line)


def _guessed(keys: list[str], candidates: tuple[str, ...], taken: int | None) -> int | None:
    return next((at for name in candidates for at, key in enumerate(keys) if key == name and at != taken), None)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(quoted(name, longest=30) for name in names[:12])
    more = f" and {len(names) - 12:,} more" if len(names) > 12 else ""
    return f"the columns {shown}{more}" if names else "no columns at all"
