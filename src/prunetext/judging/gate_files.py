"""What a gate has found, as files: JUnit for servers that build and test, Markdown for the page of a change.

Labels, columns and texts come from files of other people: nothing in them can end a table, or be markup.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunetext.judging.checks import Check
    from prunetext.judging.evaluation import Evaluation

MOST_SLICES, MOST_FLIPS, MOST_WIDE = 10, 10, 160  # of a page; the last in characters of a text
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # by XML 1.0
_PLAIN = set(" ,-.;:%()/")  # all other signs of ASCII may be markup
_LINK = re.compile("www|://", re.IGNORECASE)


def junit_of(checks: Sequence[Check], *, passing: bool = False) -> str:
    """A JUnit file with a test for each check: one that is lost fails, so does one that is undecided.

    passing: what is undecided is skipped, and does not fail.

    junit_of(gate.checks)    # '<?xml version="1.0" encoding="utf-8"?><testsuite name="prunetext gate" tests="3" …'
    """
    cases = []
    counts = {"failure": 0, "skipped": 0}
    for check in checks:
        case = ElementTree.Element("testcase", classname="prunetext.gate", name=_xml(check.name))
        if check.outcome != "kept":
            kind = "skipped" if check.outcome == "undecided" and passing else "failure"
            counts[kind] += 1
            said = ElementTree.SubElement(case, kind, {"message": _xml(check.said), "type": check.outcome})
            said.text = _xml(check.said)
        else:
            ElementTree.SubElement(case, "system-out").text = _xml(check.said)
        cases.append(case)
    failures, skipped = str(counts["failure"]), str(counts["skipped"])
    named = {"name": "prunetext gate", "tests": str(len(cases)), "failures": failures, "errors": "0"}
    suite = ElementTree.Element("testsuite", {**named, "skipped": skipped})
    suite.extend(cases)
    ElementTree.indent(suite)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(suite, encoding="unicode")}\n'


def _xml(text: str) -> str:
    """A text without what XML 1.0 forbids."""
    return _FORBIDDEN.sub("\ufffd", text)


def markdown_of(title: str, checks: Sequence[Check], found: Evaluation) -> str:
    """A page: the checks, the worst slices, and some texts that were lost.

    markdown_of("kept: b beside a", gate.checks, gate.evaluation)    # '## kept: b beside a …'
    """
    damage = found.damage
    assert damage is not None
    few = [each for each in checks if not each.name.startswith("slice ") or each.outcome != "kept"]
    lines = [f"## {marked(title)}", ""]
    lines += ["| check | outcome | |", "|---|---|---|"]
    lines += [f"| {marked(each.name)} | {each.outcome} | {marked(each.said)} |" for each in few]
    if damage.slices:
        worst = f"The {min(MOST_SLICES, len(damage.slices))} worst of {len(damage.slices):,} slices, in points:"
        lines += ["", worst, "", "| slice | texts | lost | at least | at most | flagged |"]
        lines.append("|---|---:|---:|---:|---:|---|")
        for part in damage.slices[:MOST_SLICES]:
            numbers = f"{part.drop:.2f} | {part.low:.2f} | {part.high:.2f} | {'yes' if part.flagged else ''}"
            lines.append(f"| {marked(f'{part.column} {part.value}')} | {part.n:,} | {numbers} |")
    lost = [each for each in damage.flips if each.kind == "lost"]
    if lost:
        lines += ["", f"{min(MOST_FLIPS, len(lost))} of {len(lost):,} texts that were right and are now wrong:", ""]
        lines += ["| before | now | text |", "|---|---|---|"]
        for flip in lost[:MOST_FLIPS]:
            text = flip.text if isinstance(flip.text, str) else " / ".join(flip.text)
            lines.append(f"| {marked(_named(flip.before))} | {marked(_named(flip.now))} | {marked(text)} |")
    lines += ["", *(f"- {marked(said, most=1000)}" for said in damage.sentences())]
    return "\n".join(lines) + "\n"


def _named(label: str | tuple[str, ...]) -> str:
    return label if isinstance(label, str) else ", ".join(label)


def marked(text: str, most: int = MOST_WIDE) -> str:
    """A text as a part of a line of Markdown, in which nothing is markup, a link or a mention; cut if it is long.

    >>> marked("a|b @c")
    '<code>a&#124;b &#64;c</code>'
    >>> marked("60 texts, 0.50 %")
    '60 texts, 0.50 %'
    """
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in text[: 4 * most]).split())
    text = text if len(text) <= most else f"{text[: most - 1]}…"
    if all(sign.isalnum() or sign in _PLAIN for sign in text) and not _LINK.search(text):
        return text
    safe = (s if not s.isascii() or s.isalnum() or s in " ,-/()" else f"&#{ord(s)};" for s in text)
    return f"<code>{''.join(safe)}</code>"
