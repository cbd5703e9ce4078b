"""How the results page writes paragraphs, tables and names."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill


def shown(name: str) -> str:
    """A method's name as code, anything else as it is."""
    return f"`{name}`" if "/" in name else {"others": "the other criteria"}.get(name, name)


def said(*parts: str) -> str:
    """A paragraph, in lines; an empty one follows if the last part ends a line."""
    end = "\n" if parts[-1].endswith("\n") else ""
    return fill(" ".join(parts), 120, break_long_words=False, break_on_hyphens=False) + end


def header(*names: str) -> Iterator[str]:
    """The head of a table."""
    yield line(*names)
    yield "|" + "---|" * len(names)


def line(*cells: object) -> str:
    """A line of a table."""
    return "| " + " | ".join(map(str, cells)) + " |"


def signed(value: float) -> str:
    """A difference, with a minus sign as it is printed."""
    return f"{value:+.2f}".replace("-", "−")
