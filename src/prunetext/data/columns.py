"""Find the columns of the text, of a second text, and of the label."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import normalize

from prunetext.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

# In order of preference: the first name that a file has is taken.
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
    # Chinese, Japanese, German, French, Spanish, Russian
    *("文本", "内容", "正文", "句子", "评论", "标题", "テキスト", "本文", "文章", "レビュー", "コメント", "内容文"),
    *("kommentar", "nachricht", "satz", "inhalt", "bewertung", "beschreibung", "titel"),
    *("texte", "phrase", "contenu", "commentaire", "avis", "titre"),
    *("texto", "frase", "oración", "contenido", "comentario", "reseña", "mensaje", "título"),
    *("текст", "предложение", "содержание", "отзыв", "комментарий", "сообщение", "заголовок"),
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
    *("标签", "类别", "分类", "类目", "情感", "ラベル", "カテゴリ", "カテゴリー", "分類", "感情"),
    *("klasse", "kategorie", "thema", "stimmung"),
    *("étiquette", "etiquette", "classe", "catégorie", "categorie", "sujet"),
    *("etiqueta", "clase", "categoría", "categoria", "tema", "sentimiento"),
    *("метка", "класс", "категория", "тема", "тональность"),
)
# Names of the first and of the second text of a pair: the first pair of names that a file has is taken.
PAIRS = (
    ("text", "text_b"),
    ("text_a", "text_b"),
    ("text1", "text2"),
    ("sentence1", "sentence2"),
    ("sentence_a", "sentence_b"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "answer"),
    ("query", "document"),
    ("query", "passage"),
    ("question", "sentence"),
)
# Names of second texts and nothing else: a file that has one without its first text is not read as single texts.
SECOND_TEXT = ("text_b", "text2", "sentence2", "sentence_b", "question2", "hypothesis")


class Wanted(NamedTuple):
    """The columns that the user named; None means that the name must be found."""

    text: str | None = None
    label: str | None = None
    text_b: str | None = None
    separator: str | None = None  # between the labels of a cell
    labelled: bool = True  # if False, no label is looked for, and the text's column stands for both
    texts: int | None = None  # per row; None if the columns tell how many
    remedy: str | None = None  # for a missing column that no flag names
    kept: tuple[str, ...] = ()  # further columns, whose values come with the row
    flag: str = "--columns"  # that names them
    scored: bool = False  # whether the label is a score, which a flag of its own names

    @property
    def label_flag(self) -> str:
        """The flag that names the label's column."""
        return "--score" if self.scored else "--label"

    def named(self) -> list[str]:
        """Every name that the user gave."""
        return [name for name in (self.text, self.label, self.text_b, *self.kept) if name is not None]


class Columns(NamedTuple):
    """The positions of the texts and the label in a row."""

    texts: tuple[int, ...]  # one, or the two of a pair
    label: int
    called: tuple[str, ...] = ("text",)  # names of the texts in messages
    kept: tuple[int, ...] = ()


def find_columns(
    names: Sequence[str], wanted: Wanted, source: object, line: int | None = None, hint: str = ""
) -> Columns:
    """Return the positions of the texts and of the label column.

    >>> find_columns(["id", "Category", "Review"], Wanted(), "reviews.csv")
    Columns(texts=(2,), label=1, called=('text',), kept=())
    >>> find_columns(["premise", "hypothesis", "label"], Wanted(), "pairs.csv").called
    ("'premise'", "'hypothesis'")

    Case, width and surrounding spaces of names do not count; `hint` is a further sentence on why a column may be
    missing. Rows are pairs if two columns are named like one of `PAIRS`, or if the user names a second text; if the
    user names only a first one, they are single texts. Raises `DataError` if a column is not found, if a second text
    has no first one, or if two columns have one name.
    """
    if twice := [name for name, times in Counter(names).items() if times > 1 and name.strip()]:
        raise DataError(source, f"two columns have the name {quoted(twice[0])}. Rename one of them.", line)
    keys = [column_key(name) for name in names]
    label_flag = wanted.label_flag
    given = {"--text": wanted.text, "--text-b": wanted.text_b, label_flag: wanted.label if wanted.labelled else None}
    found = {
        flag: _named(names, keys, value, wanted.remedy or f"Correct {flag}.{hint}", source, line)
        for flag, value in given.items()
    }
    for (flag, at), (other, same) in combinations(found.items(), 2):
        if at is not None and at == same:
            raise DataError(
                source, f"{flag} and {other} both name the column {quoted(names[at])}. Name two columns.", line
            )
    label = found[label_flag]
    text, second = _find_texts(keys, wanted, found["--text"], found["--text-b"], label)
    if text is None and second is not None and wanted.text_b is None:
        raise DataError(
            source,
            f"the column {quoted(names[second])} holds second texts, but no column of first texts is found. "
            "Name both with --text and --text-b, or name one with --text to classify it alone.",
            line,
        )
    if label is None:
        label = _guessed(keys, LABEL, {text, second}) if wanted.labelled else text
    paired = second is not None or wanted.texts == 2
    sought = [("text", "--text", text), *[("second text", "--text-b", second)] * paired, ("label", label_flag, label)]
    missing = [(name, flag) for name, flag, at in sought if at is None and (wanted.labelled or name != "label")]
    if text is None or label is None or missing:
        what, flags = (" and ".join(parts) for parts in zip(*missing, strict=True))
        raise DataError(source, f"no {what} column is found among {_listed(names)}. Name it with {flags}.{hint}", line)
    for at in {text, second, label} - {None}:
        if at is not None and keys.count(keys[at]) > 1 and names[at] not in wanted.named():
            like = next(name for other, name in enumerate(names) if keys[other] == keys[at] and other != at)
            flag = label_flag if at == label else "--text"
            raise DataError(
                source,
                f"the columns {quoted(names[at])} and {quoted(like)} have like names. Name one with {flag}.",
                line,
            )
    kept = [_named(names, keys, name, f"Correct {wanted.flag}.{hint}", source, line) for name in wanted.kept]
    others = tuple(at for at in kept if at is not None)
    if second is None:
        return Columns((text,), label, kept=others)
    return Columns((text, second), label, (quoted(names[text]), quoted(names[second])), others)


def _find_texts(
    keys: list[str], wanted: Wanted, text: int | None, second: int | None, label: int | None
) -> tuple[int | None, int | None]:
    """Find the texts that the user has not named; a second text without a partner comes without a first one."""
    if wanted.texts == 1 or (text is not None and (second is not None or wanted.texts is None)):
        return (_guessed(keys, TEXT, {label}) if text is None else text), second
    at = {key: place for place, key in reversed([*enumerate(keys)]) if place != label}
    for one, other in PAIRS:
        if one in at and other in at and text in (None, at[one]) and second in (None, at[other]):
            return at[one], at[other]
    if second is None and text is None and wanted.texts is None:
        second = _guessed(keys, SECOND_TEXT, {label})
        return (_guessed(keys, TEXT, {label}) if second is None else None), second
    return (_guessed(keys, TEXT, {label, second}) if text is None else text), second


def refuse_columns(source: object, wanted: Wanted) -> None:
    """Raise `DataError` if the user names a column and the source has none."""
    given = (("--text", wanted.text), ("--text-b", wanted.text_b), (wanted.label_flag, wanted.label))
    for flag, value in (*given, (wanted.flag, wanted.kept or None)):
        if value is not None:
            raise DataError(source, f"this source has no columns. Leave {flag} out.")
    if wanted.separator is not None:
        raise DataError(source, "this source has no column of labels. Leave --label-separator out.")


def quoted(value: str, longest: int = 60) -> str:
    """Quote the user's value for a message, cut to a readable length.

    >>> quoted("positive"), quoted("a" * 100, longest=5)
    ("'positive'", "'aaaaa…'")
    """
    return repr(value if len(value) <= longest else value[:longest] + "…")


def column_names(given: str | Sequence[str]) -> tuple[str, ...]:
    """The names of further columns, which may be one string with commas.

    >>> column_names("source, language")
    ('source', 'language')
    """
    names = given.split(",") if isinstance(given, str) else given
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


def column_key(name: str) -> str:
    """A column's name as it is compared: case, width and outer blanks do not count."""
    return normalize("NFKC", name).strip().casefold()


def _named(
    names: Sequence[str], keys: list[str], given: str | None, remedy: str, source: object, line: int | None
) -> int | None:
    if given is None:
        return None
    if given in names:
        return names.index(given)
    if column_key(given) in keys:
        return keys.index(column_key(given))
    raise DataError(source, f"there is no column {quoted(given)} among {_listed(names)}. {remedy}", line)


def _guessed(keys: list[str], candidates: tuple[str, ...], taken: set[int | None]) -> int | None:
    return next((at for name in candidates for at, key in enumerate(keys) if key == name and at not in taken), None)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(quoted(name, longest=30) for name in names[:12])
    more = f" and {len(names) - 12:,} more" if len(names) > 12 else ""
    return f"the columns {shown}{more}" if names else "no columns at all"
