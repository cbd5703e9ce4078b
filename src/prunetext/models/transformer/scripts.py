"""The tokens of an encoder that texts of a kind can have: those that occur, and others of the same scripts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from prunetext.models.transformer.reading import TokenReader, tokenizer_from

KEPT_TOKENS = ("seen", "scripts", "all")
_SPARE = re.compile(r"\[unused\d+\]|madeupword\d+")  # rows of a table that no text reaches


def wanted_tokens(reader: TokenReader, texts: Sequence[str], which: str) -> set[int]:
    """The ids of the tokens to keep: those `seen` in the texts, those of their `scripts`, too, or `all`.

    wanted_tokens(reader, ["a great film"], "seen")
    """
    seen = reader.seen(texts)
    if which == "seen":
        return seen
    made = tokenizer_from(reader.tokenizer, reader.longest)
    names = made.get_vocab()
    if which == "all":
        return set(names.values())
    known = scripts_of(texts)
    ids = [each for name, each in names.items() if not _SPARE.fullmatch(name)]
    shown = made.decode_batch([[each] for each in ids], skip_special_tokens=False)
    return seen | {each for each, text in zip(ids, shown, strict=True) if scripts_of([text]) <= known}


def scripts_of(texts: Iterable[str]) -> set[str]:
    """The scripts of the texts' letters, by the first word of a letter's name in Unicode.

    >>> sorted(scripts_of(["Жизнь, a film", "123"]))
    ['CYRILLIC', 'LATIN']
    """
    letters = {each for text in texts for each in text if each.isalpha()}
    return {unicodedata.name(each, "?").split(" ")[0].split("-")[0] for each in letters}
