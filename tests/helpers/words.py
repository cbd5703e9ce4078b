"""The tokenizers words/2, pieces/3 and pairs/4 in Python, from the Unicode database: oracles of the native ones."""

from __future__ import annotations

import re
from functools import cache

import unicodedataplus as ucd

SPACES = {0x09, 0x0A, 0x0D, 0x20, 0x85, 0x200B}
INVISIBLE = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, 0xFFFD}
SELECTORS = [range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0)]
TAGS, FLAGS = range(0xE0020, 0xE0080), range(0x1F1E6, 0x1F200)
UNSPACED = {"ID", "CJ", "NS", "SA", "AK", "AP", "AS"}
JOINING = {
    *("Arabic", "Syriac", "Mongolian", "Nko", "Mandaic", "Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya"),
    *("Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala"),
}

# Of a normalized text, whose characters are written as their kinds: L letter, M mark, A token of its own, S ASCII
# symbol, F half of a flag, J joiner.
TOKEN = re.compile("FFM*|[FA]M*|S|[LM][LMJ]*")


@cache
def kind(character: str) -> str:
    """The kind of a character, as in `TOKEN`; also D for deleted, a blank for a space, K for a letter with joiners."""
    code, category = ord(character), ucd.category(character)
    if code < 128:
        if character.isalnum():
            return "L"
        return " " if code in SPACES else "D" if code < 32 or code == 127 else "S"
    if category == "Cs" or code in INVISIBLE or any(code in each for each in SELECTORS):
        return "D"
    if code in SPACES or category.startswith("Z"):
        return " "
    if code in (0x200C, 0x200D):
        return "J"
    if code in TAGS or category.startswith("M"):
        return "M"
    if category in ("Cc", "Cf"):
        return "D"
    if code in FLAGS:
        return "F"
    if category[0] in "PS" or ucd.is_extended_pictographic(character):
        return "A"
    if category[0] == "L":
        script = ucd.script(character)
        if ucd.line_break(character) in UNSPACED and script not in ("Latin", "Hangul"):
            return "A"
        return "K" if script in JOINING else "L"
    return "L"


def normalize(text: str) -> str:
    """Lower case and composed, without what is invisible; joiners stay between letters of scripts that have them."""
    characters = [each for each in text if kind(each) != "D"]
    kept: list[str] = []
    joins, waiting = False, ""
    for each in characters:
        own = kind(each)
        if own == "J":
            waiting = waiting or (each if joins else "")
            continue
        if own == "K" and waiting:
            kept.append(waiting)
        waiting = ""
        joins = own == "K" or (own == "M" and joins)
        kept.append(each)
    # The capital I with a dot above is i. It is composed by the book if each i is a capital one for a moment.
    dotted = ucd.normalize("NFC", ucd.normalize("NFD", "".join(kept)).replace("i", "I"))
    while "İ" in dotted:
        dotted = ucd.normalize("NFC", dotted.replace("İ", "I"))
    small = "".join(each.lower() for each in ucd.normalize("NFD", dotted)).replace("ς", "σ")
    composed = ucd.normalize("NFC", small)
    for struck in "≠≮≯":
        composed = composed.replace(struck, ucd.normalize("NFD", struck))
    return composed


def tokenize(text: str) -> list[str]:
    """The tokens of a text.

    >>> tokenize("Schön😀 がく")
    ['schön', '😀', 'が', 'く']
    """
    text = normalize(text)
    kinds = "".join(kind(each) for each in text).replace("K", "L")
    return [text[match.start() : match.end()] for match in TOKEN.finditer(kinds)]


def with_pieces(text: str) -> list[str]:
    """The tokens of a text, each word with its pieces behind it.

    >>> with_pieces("Schön 😀")
    ['schön', '··sc', '·sch', '·chö', '·hön', '·ön·', '😀']
    """
    found = []
    for token in tokenize(text):
        letters: list[str] = []
        for each in token:
            if letters and kind(each) in "MJF":
                letters[-1] += each
            else:
                letters.append(each)
        ended = ["·", *letters, "·"]
        is_cut = len(letters) > 1 and len(token.encode()) <= 64
        found += [token, *("·" + "".join(ended[at : at + 3]) for at in range(len(letters) * is_cut))]
    return found


def with_pairs(text: str) -> list[str]:
    """The tokens of a text, and between two letters that are tokens of their own, both as one.

    >>> with_pairs("我喜欢NLP。")
    ['我', '我喜', '喜', '喜欢', '欢', 'nlp', '。']
    """
    found, before = [], ""
    for token in tokenize(text):
        letter = token if kind(token[0]) == "A" and len(token.encode()) <= 64 else ""
        found += [before + letter, token] if before and letter else [token]
        before = letter
    return found
