"""Tables as text and as HTML."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


def compact(column: NDArray[np.float64]) -> list[str]:
    """Numbers with one and the same count of decimals: as many as tell them apart, within seven digits."""
    finite = column[np.isfinite(column)]
    largest = np.abs(finite).max(initial=0.0) or 1.0
    spread = np.ptp(finite / largest) if len(finite) > 1 else 0.0
    whole_digits = math.floor(math.log10(largest))
    # In logarithms, because the difference of two huge numbers may overflow.
    decimals = min(2 - math.floor(math.log10(largest) + math.log10(spread or 1.0)), 6 - whole_digits)
    style = f"z.{max(decimals, 0)}f" if decimals <= 6 and whole_digits <= 9 else ".3e"
    return [f"{value:{style}}" if np.isfinite(value) else "-" for value in column]


def aligned(columns: Sequence[Sequence[str]], between: str = "  ", n_left: int = 1) -> list[str]:
    """Lines of equal length: the first ``n_left`` columns at the left of their width, the others at the right."""
    padded = []
    for number, column in enumerate(columns):
        width = max(map(len, column))
        padded.append([cell.ljust(width) if number < n_left else cell.rjust(width) for cell in column])
    return [between.join(row) for row in zip(*padded, strict=True)]


def folded(columns: Sequence[Sequence[str]], width: int) -> str:
    """A table of these columns, on its side where its lines would be too long, in several pieces if need be."""
    columns = [list(column) for column in columns]
    if len(aligned(columns)[0]) > width:
        columns = [list(row) for row in zip(*columns, strict=True)]
    pieces = [columns[:2]]
    for column in columns[2:]:
        if len(aligned([*pieces[-1], column])[0]) <= width:
            pieces[-1].append(column)
        else:
            pieces.append([columns[0], column])
    return "\n\n".join("\n".join(aligned(piece)) for piece in pieces)


class Cell(NamedTuple):
    """What stands in a cell of a table in HTML: any text, in which a new line is a new line, and its style."""

    text: str
    style: str = ""


def escaped(text: str) -> str:
    """Any text as HTML."""
    import html  # here, as it loads the names of all characters

    return html.escape(text)


def html_table(head: Iterable[str], rows: Iterable[Iterable[Cell | str]]) -> str:
    lines = ["<table>", _html_row("th", head), *(_html_row("td", row) for row in rows), "</table>"]
    return "\n".join(lines)


def _html_row(tag: str, cells: Iterable[Cell | str]) -> str:
    row = []
    for cell in cells:
        text, style = cell if isinstance(cell, Cell) else (cell, "")
        opening = f'{tag} style="{style}"' if style else tag
        row.append(f"<{opening}>{escaped(text).replace(chr(10), '<br>')}</{tag}>")
    return f"<tr>{''.join(row)}</tr>"
