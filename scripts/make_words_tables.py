"""Ask the Unicode Character Database about every code point and write the tables of the tokenizer words/2.

    python scripts/make_words_tables.py            # writes src/prunetext/runtime/native/text/words_tables.hpp
    python scripts/make_words_tables.py --check    # exit code 1 if that file is not what the database says today

The database is that of `unicodedataplus`, whose version is written into the file. Which scripts are written without
spaces is no list of ours: it follows from how their lines are broken (UAX 14). A line can end between any two letters
of the classes ID, CJ and NS (Han, kana, Yi …), AK, AP and AS (Balinese, Javanese …), and between words that only a
dictionary finds in class SA (Thai, Lao, Khmer, Myanmar, Tai …).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import unicodedataplus as ucd

sys.path.insert(0, str(Path(__file__).parent))
from make_unicode_tables import CODE_POINTS, PAGE, SURROGATES, rows

OUTPUT = Path(__file__).parents[1] / "src" / "prunetext" / "runtime" / "native" / "text" / "words_tables.hpp"
SOURCE = f"unicodedataplus {version('unicodedataplus')}, Unicode {ucd.unidata_version}"

LETTER, DELETE, SPACE, ALONE, MAPPED, MARK, BEHIND, JOINED, JOINER, FLAG = "0123456789"
FIRST_RANK = ord("C")  # marks that are sorted have classes from here on, in the order of their combining classes

UNSPACED_LINES = {"ID", "CJ", "NS", "SA", "AK", "AP", "AS"}
SPACED_SCRIPTS = {"Latin", "Hangul"}  # their full-width letters are ID, too
# The joiner and the non-joiner are parts of words in these scripts (UAX 31, section 2.3), and nothing elsewhere.
JOINING_SCRIPTS = {
    *("Arabic", "Syriac", "Mongolian", "Nko", "Mandaic", "Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya"),
    *("Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala"),
}
JOINERS = {0x200C, 0x200D}
SPACES = {0x09, 0x0A, 0x0D, 0x85, 0x200B}  # beside those of category Z; Khmer and Thai put U+200B between words
TAGS = range(0xE0020, 0xE0080)  # they name a region behind a flag
INVISIBLE = {  # Default_Ignorable_Code_Point beside category Cf: fillers and selectors of variants
    *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, 0xFFFD),
    *(*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)),
}
JAMO_BEHIND = {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}  # vowels and tails of Hangul
HANGUL = range(0xAC00, 0xD7A4)


class Tables(NamedTuple):
    """The class of each code point, what each mapped one turns into, and which two code points make which one."""

    classes: str  # (code points)
    mapped: dict[int, str]
    pairs: dict[tuple[int, int], int]


def lowered(code: int) -> str:
    """A code point's lower case and composed form, whatever stands around it.

    >>> lowered(ord("É")), lowered(0x3A3), lowered(0x3C2)
    ('é', 'σ', 'σ')

    The two sigmas are one letter. A struck-out <, = or > stays two code points, because a symbol of ASCII is a token
    whatever follows it.
    """
    text = "".join(each.lower() for each in ucd.normalize("NFD", chr(code)))
    if text[0] in "<=>":
        return text
    return ucd.normalize("NFC", text.replace("ς", "σ"))


def find_pairs() -> dict[tuple[int, int], int]:
    """The canonical compositions of lower-case letters, Hangul aside, and that of the Turkish i."""
    pairs = {}
    for code in range(CODE_POINTS):
        parts = ucd.decomposition(chr(code)).split()
        if len(parts) != 2 or parts[0].startswith("<") or ucd.normalize("NFC", chr(code)) != chr(code):
            continue
        first, second = (int(part, 16) for part in parts)
        if lowered(code) == chr(code) and (first >= 128 or chr(first).isalpha()):
            pairs[first, second] = code
    pairs[ord("i"), 0x307] = ord("i")  # the Turkish capital I with a dot becomes i, however it is written
    return pairs


def class_of(code: int, behind: set[int], ranks: dict[int, int]) -> str:
    """The class of a code point that stays as it is."""
    character = chr(code)
    category, script = ucd.category(character), ucd.script(character)
    if code in SURROGATES or code in INVISIBLE:
        return DELETE
    if code in SPACES or category.startswith("Z"):
        return SPACE
    if code in JOINERS:
        return JOINER
    if code in TAGS:
        return MARK
    if category in ("Cc", "Cf"):
        return DELETE
    if 0x1F1E6 <= code <= 0x1F1FF:
        return FLAG
    if rank := ucd.combining(character):
        return chr(FIRST_RANK + ranks[rank])
    if code in behind:
        return BEHIND
    if category.startswith("M"):
        return MARK
    if category[0] in "PS" or ucd.is_extended_pictographic(character):
        return ALONE
    if category[0] == "L" and ucd.line_break(character) in UNSPACED_LINES and script not in SPACED_SCRIPTS:
        return ALONE
    return JOINED if category[0] == "L" and script in JOINING_SCRIPTS else LETTER


def make_tables() -> Tables:
    """Sort all code points into classes, and check what the tokenizer takes for granted."""
    pairs = find_pairs()
    behind = {second for _, second in pairs} | JAMO_BEHIND
    while more := {composite for (first, _), composite in pairs.items() if first in behind} - behind:
        behind |= more
    found = sorted({ucd.combining(chr(code)) for code in range(CODE_POINTS)} - {0})
    ranks = {rank: place for place, rank in enumerate(found)}
    classes, mapped = [], {}
    for code in range(CODE_POINTS):
        kind = class_of(code, behind, ranks)
        if kind != DELETE and code >= 128 and (text := lowered(code)) != chr(code):
            kind, mapped[code] = MAPPED, text
        elif code < 128 and chr(code).isupper():
            kind, mapped[code] = MAPPED, chr(code).lower()
        elif kind == BEHIND and ucd.category(chr(code)).startswith("M"):
            kind = chr(FIRST_RANK - 1)
        classes.append(kind)
    tables = Tables("".join(classes), mapped, pairs)
    check(tables)
    return tables


def check(tables: Tables) -> None:
    """End with a sentence where the database breaks a rule that the tokenizer is built on."""
    classes = tables.classes
    for code, text in tables.mapped.items():
        if any(classes[ord(target)] == MAPPED for target in text):
            sys.exit(f"U+{code:04X} becomes {text!r}, which is mapped again.")
    for (first, second), composite in tables.pairs.items():
        kinds = classes[first], classes[composite]
        if kinds[0] != kinds[1] and first >= 128 and kinds != (LETTER, JOINED):
            sys.exit(f"U+{first:04X} and U+{second:04X} make U+{composite:04X} of another class: {kinds}.")
        if classes[second] not in (BEHIND, *map(chr, range(FIRST_RANK - 1, 128))):
            sys.exit(f"U+{second:04X} ends a composition, but does not wait for it.")
    if max(map(ord, classes)) > 126:
        sys.exit("There are too many combining classes for one byte.")


def array(kind: str, name: str, values: Iterable[int]) -> str:
    """A C++ array of numbers; characters are written in hexadecimal."""
    numbers = [f"0x{value:X}" if kind == "char32_t" else str(value) for value in values]
    laid_out = rows(numbers, 30 if kind == "unsigned char" else 14)
    return f"inline constexpr {kind} {name}[{len(numbers)}] = {{\n{laid_out}\n}};"


def render(tables: Tables) -> str:
    """Write the tables as C++."""
    pages: dict[str, int] = {}  # deduplicated, in the order of their first use
    page_of = [
        pages.setdefault(tables.classes[start : start + PAGE], len(pages)) for start in range(0, CODE_POINTS, PAGE)
    ]
    begins = [0]
    for text in tables.mapped.values():
        begins.append(begins[-1] + len(text))
    halves = [half.replace("\\", "\\\\") for page in pages for half in (page[:128], page[128:])]
    lines = [f'    "{first}"\n    "{second}",' for first, second in zip(halves[::2], halves[1::2], strict=True)]
    pairs = sorted(tables.pairs.items())
    parted = sorted((composite, place) for place, (pair, composite) in enumerate(pairs) if composite not in pair)
    return f"""\
// Generated by scripts/make_words_tables.py; run it again instead of editing this file.
//
// What each code point is to the tokenizer words/2.
#pragma once
#include <cstddef>

namespace prunetext::words_tables {{

inline constexpr char kSource[] = "{SOURCE}";

// kPages[kPageOf[code >> 8]][code & 255] is the class of a code point: 0 letter, 1 delete, 2 space, 3 token of its own,
// 4 mapped, 5 mark, 6 letter that may become one with that before it, 7 letter of a script with joiners, 8 joiner,
// 9 half of a flag; B a mark that may become one with the letter before it, C and on one that is sorted by its class.
{array("unsigned char", "kPageOf", page_of)}
inline constexpr char kPages[{len(pages)}][{PAGE + 1}] = {{
{chr(10).join(lines)}
}};

// The mapped code point kMapped[i] turns into kTargets[kBegins[i]] to kTargets[kBegins[i + 1] - 1].
inline constexpr size_t kMappedCount = {len(tables.mapped)};
{array("char32_t", "kMapped", tables.mapped)}
{array("unsigned short", "kBegins", begins)}
{array("char32_t", "kTargets", (ord(target) for text in tables.mapped.values() for target in text))}

// kFirsts[i] and kSeconds[i] make kComposites[i]; sorted by the first, then by the second.
inline constexpr size_t kPairCount = {len(pairs)};
{array("char32_t", "kFirsts", (first for (first, _), _ in pairs))}
{array("char32_t", "kSeconds", (second for (_, second), _ in pairs))}
{array("char32_t", "kComposites", (composite for _, composite in pairs))}

// The places of the pairs, sorted by what they make.
inline constexpr size_t kPartedCount = {len(parted)};
{array("unsigned short", "kParted", (place for _, place in parted))}

}}  // namespace prunetext::words_tables
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare the checked-in file instead of writing it")
    checked = parser.parse_args(arguments).check
    text = render(make_tables())
    if not checked:
        OUTPUT.write_text(text, encoding="utf-8", newline="\n")
        print(f"{OUTPUT.name}: {len(text):,} bytes, from {SOURCE}")
        return 0
    if OUTPUT.read_text(encoding="utf-8") != text:
        print(f"{OUTPUT}: not what {SOURCE} says. Run scripts/make_words_tables.py.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
