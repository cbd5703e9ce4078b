"""Ask Hugging Face `tokenizers` about every code point and write the native tokenizer's tables.

    python scripts/make_unicode_tables.py            # writes src/prunetext/runtime/native/text/unicode_tables.hpp
    python scripts/make_unicode_tables.py --check    # exit code 1 if that file is not what the oracle says today

The oracle is `BertNormalizer` followed by `BertPreTokenizer`. A character X is looked up by tokenizing `aXb`: the
tokens joined by spaces, without the outer letters, are what X turns into, and a space in it is a token boundary. What
is left is canonical ordering: the oracle sorts neighbouring combining marks by their combining class, and it does so
before it drops accents, so that a dropped mark may or may not keep two kept marks apart. Both facts are asked as well.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import tokenizers
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

OUTPUT = Path(__file__).parents[1] / "src" / "prunetext" / "runtime" / "native" / "text" / "unicode_tables.hpp"
ORACLE = f"tokenizers {tokenizers.__version__}"
PAGE = 256
CODE_POINTS = 0x110000
SURROGATES = range(0xD800, 0xE000)
HANGUL = range(0xAC00, 0xD7A4)
KEEP, DELETE, DELETE_STARTER, SPACE, ISOLATE, MAPPED, SYLLABLE = "0123456"
MARK = "a"  # the classes of kept marks are the letters from here on, in the order of their combining classes
FIRST_MARK, LAST_MARK = "\u1b44", "\u302e"  # kept marks of a low (9) and a high (224) combining class
SEPARATOR = " nextprobe "
NORMALIZER = BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
PRE_TOKENIZER = BertPreTokenizer()

Oracle = Callable[[str], str]


class Tables(NamedTuple):
    """The class of each code point, and what each mapped one turns into (code points that are never mapped again)."""

    classes: str  # (code points)
    mapped: dict[int, str]


def normalize(text: str) -> str:
    """Run the first half of the oracle.

    >>> normalize("Café, 中文")
    'cafe,  中  文 '
    """
    return NORMALIZER.normalize_str(text)


def tokenize(text: str) -> str:
    """Run the oracle and join its tokens by spaces.

    >>> tokenize("Café, 中文")
    'cafe , 中 文'
    """
    return " ".join(token for token, _ in PRE_TOKENIZER.pre_tokenize_str(normalize(text)))


def scalars() -> Iterator[int]:
    """All Unicode scalar values: every code point that is not a surrogate."""
    return (code for code in range(CODE_POINTS) if code not in SURROGATES)


def ask(oracle: Oracle, probes: Iterable[str], batch: int = 1024) -> Iterator[str]:
    """Put many probes to the oracle, a thousand in one call.

    >>> list(ask(tokenize, ["a-b", "C"]))
    ['a - b', 'c']
    """
    probes = iter(probes)
    while group := list(islice(probes, batch)):
        yield from oracle(SEPARATOR.join(group)).split(SEPARATOR)


def ask_replacements() -> dict[int, str]:
    """Map each scalar to what it becomes between two letters, a space standing for a token boundary."""
    replacements = {}
    for code, answer in zip(scalars(), ask(tokenize, (f"a{chr(code)}b" for code in scalars())), strict=True):
        if not (answer.startswith("a") and answer.endswith("b")):
            sys.exit(f"U+{code:04X}: the oracle changed its neighbours to {answer!r}, which the tables cannot express.")
        replacements[code] = answer[1:-1]
    return replacements


def ask_starters(replacements: dict[int, str]) -> set[int]:
    """Find the characters that keep the marks on their two sides from being reordered: class 0, even if deleted."""
    answers = ask(normalize, (f"a{LAST_MARK}{chr(code)}{FIRST_MARK}b" for code in replacements))
    return {
        code
        for (code, text), answer in zip(replacements.items(), answers, strict=True)
        if answer.replace(" ", "") == f"a{LAST_MARK}{text.strip(' ')}{FIRST_MARK}b"
    }


def ask_mark_ranks(marks: list[int]) -> dict[int, int]:
    """Rank the kept marks by their combining class, from 0."""
    pairs = [(first, second) for first in marks for second in marks]
    answers = ask(normalize, (f"a{chr(first)}{chr(second)}b" for first, second in pairs))
    swapped = {
        (first, second)
        for (first, second), answer in zip(pairs, answers, strict=True)
        if answer != f"a{chr(first)}{chr(second)}b"
    }
    # A mark of a higher class swaps with more followers, so the number of swaps orders the classes.
    swaps = {mark: sum((mark, other) in swapped for other in marks) for mark in marks}
    order = sorted(set(swaps.values()))
    ranks = {mark: order.index(count) for mark, count in swaps.items()}
    if any(((first, second) in swapped) != (ranks[first] > ranks[second]) for first, second in pairs):
        sys.exit("The oracle's order of combining marks is not an order of classes, which the tables cannot express.")
    return ranks


def decompose_syllable(code: int) -> str:
    """Split a Hangul syllable into its letters (The Unicode Standard, section 3.12)."""
    lead, rest = divmod(code - HANGUL.start, 21 * 28)
    vowel, tail = divmod(rest, 28)
    return chr(0x1100 + lead) + chr(0x1161 + vowel) + (chr(0x11A7 + tail) if tail else "")


def make_tables() -> Tables:
    """Ask for every code point and sort the answers into classes."""
    replacements = ask_replacements()
    starters = ask_starters(replacements)
    ranks = ask_mark_ranks([code for code, text in replacements.items() if text == chr(code) and code not in starters])
    classes = [DELETE] * CODE_POINTS
    mapped = {}
    for code, text in replacements.items():
        if code in ranks:
            classes[code] = chr(ord(MARK) + ranks[code])
        elif text == " ":
            classes[code] = SPACE
        elif text == chr(code):
            classes[code] = KEEP
        elif not text:
            classes[code] = DELETE_STARTER if code in starters else DELETE
        elif text == f" {chr(code)} ":
            classes[code] = ISOLATE
        elif code in HANGUL and text == decompose_syllable(code):
            classes[code] = SYLLABLE
        else:
            classes[code] = MAPPED
            mapped[code] = text.replace(" ", "")
    for code, text in mapped.items():
        again = "".join(f" {target} " if classes[ord(target)] == ISOLATE else target for target in text)
        if again != replacements[code] or any(classes[ord(target)] in (MAPPED, SYLLABLE) for target in text):
            sys.exit(f"U+{code:04X} becomes {replacements[code]!r}, which the tables cannot express.")
    return Tables("".join(classes), mapped)


def rows(values: Iterable[str], per_row: int) -> str:
    """Lay out literals as indented rows."""
    literals = iter(values)
    return "\n".join("    " + ",".join(row) + "," for row in iter(lambda: list(islice(literals, per_row)), []))


def render(tables: Tables) -> str:
    """Write the tables as C++."""
    pages: dict[str, int] = {}  # deduplicated, in the order of their first use
    page_of = [
        pages.setdefault(tables.classes[start : start + PAGE], len(pages)) for start in range(0, CODE_POINTS, PAGE)
    ]
    begins = [0]
    for text in tables.mapped.values():
        begins.append(begins[-1] + len(text))
    targets = [f"0x{ord(target):X}" for text in tables.mapped.values() for target in text]
    lines = [f'    "{page[:128]}"\n    "{page[128:]}",' for page in pages]
    return f"""\
// Generated by scripts/make_unicode_tables.py; run it again instead of editing this file.
//
// What each code point turns into, asked of Hugging Face tokenizers (BertNormalizer, then BertPreTokenizer).
#pragma once
#include <cstddef>

namespace prunetext::tables {{

inline constexpr char kOracle[] = "{ORACLE}";

// kPages[kPageOf[code >> 8]][code & 255] is the class of a code point: 0 keep, 1 delete, 2 delete but keep the marks on
// its two sides apart, 3 space, 4 token of its own, 5 mapped, 6 Hangul syllable; a letter is a kept mark, and
// neighbouring marks are sorted by it.
inline constexpr unsigned char kPageOf[{len(page_of)}] = {{
{rows(map(str, page_of), 30)}
}};
inline constexpr char kPages[{len(pages)}][{PAGE + 1}] = {{
{chr(10).join(lines)}
}};

// The mapped code point kMapped[i] turns into kTargets[kBegins[i]] to kTargets[kBegins[i + 1] - 1].
inline constexpr size_t kMappedCount = {len(tables.mapped)};
inline constexpr char32_t kMapped[kMappedCount] = {{
{rows((f"0x{code:X}" for code in tables.mapped), 14)}
}};
inline constexpr unsigned short kBegins[kMappedCount + 1] = {{
{rows(map(str, begins), 19)}
}};
inline constexpr char32_t kTargets[{len(targets)}] = {{
{rows(targets, 14)}
}};

}}  // namespace prunetext::tables
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare the checked-in file instead of writing it")
    check = parser.parse_args(arguments).check
    text = render(make_tables())
    if not check:
        OUTPUT.write_text(text, encoding="utf-8", newline="\n")
        print(f"{OUTPUT.name}: {len(text):,} bytes, from {ORACLE}")
        return 0
    if OUTPUT.read_text(encoding="utf-8") != text:
        print(f"{OUTPUT}: not what {ORACLE} says. Run scripts/make_unicode_tables.py.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
