"""Words for people: lists, counts, and names that may be long or hold what does not print."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def printable(text: str) -> str:
    """Text without what could move the cursor, change colors or break the line: each such character becomes "?"."""
    import unicodedata

    return "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else "?" for c in text)


def shortened(text: str, limit: int) -> str:
    """Text of at most `limit` characters, the middle left out of a longer one."""
    half = (limit - 5) // 2
    return text if len(text) <= limit else f"{text[:half]} ... {text[-half:]}"


def label(name: str) -> str:
    """A column's name as it is printed."""
    return shortened(printable(name), 60) or "''"


def listed(items: Iterable[Any], most: int = 12, last: str = " and ") -> str:
    """ "a, b and c"; of more than ``most`` the rest as a count, "a, b and 3 more". ``last`` joins the last of all."""
    words = [str(item) for item in items]
    if not words:
        return ""
    *before, end = words if len(words) <= most else [*words[:most], ""]
    begin = ", ".join(before)
    if len(words) > most:
        return f"{begin} and {len(words) - most:,} more"
    return f"{begin}{last}{end}" if before else end


def listed_names(names: Iterable[str]) -> str:
    """Names as they are printed, joined by commas alone: any of them may be an "and"."""
    return listed(map(label, names), last=", ")


def quoted(text: str) -> str:
    """Text between quotation marks, within an error line."""
    return repr(shortened(text, 200))


def counted(number: int, thing: str) -> str:
    """A number of things: "1 row", "2 rows"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
