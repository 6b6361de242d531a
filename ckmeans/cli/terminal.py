"""What people read: printable text, numbers of a sensible length, aligned columns, a line of progress."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import shutil
import textwrap
import time
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from .errors import CommandError, reason


class Printer:
    """Prints to a stream, and never fails: the stream may be closed, full, broken or short of characters.

    Results come first, and they are not to be lost because something could not be printed. `finish` tells.
    """

    def __init__(self, stream: TextIO | None, quiet: bool = False) -> None:
        self.stream = stream
        self.quiet = quiet
        self.failure: OSError | ValueError | None = None

    def write(self, text: str) -> None:
        """Write text as it is, control codes included."""
        if self.quiet or self.failure:
            return
        try:
            if self.stream is None:  # so Python has it when the stream was closed before the start
                raise OSError(errno.EBADF, "the stream is closed")
            encoding = getattr(self.stream, "encoding", None) or "utf-8"
            self.stream.write(text.encode(encoding, "replace").decode(encoding))
            self.stream.flush()
        except (OSError, ValueError) as error:
            self.failure = error
            abandon(self.stream)

    def print(self, text: str = "") -> None:
        """Print lines of text."""
        self.write("\n".join(map(printable, text.split("\n"))) + "\n")

    def entry(self, title: str, text: str) -> None:
        """Print a title and what belongs to it, over as many lines as it takes."""
        width = terminal_width()
        self.print(textwrap.fill(printable(text), width, initial_indent=f"{title:<10}", subsequent_indent=" " * 10))

    def finish(self) -> None:
        """Raise what has kept something from being printed, if anything has."""
        if isinstance(self.failure, BrokenPipeError):
            raise self.failure
        if self.failure:
            raise CommandError(f"cannot print: {reason(self.failure)}")


def abandon(stream: TextIO | None) -> None:
    """Let what a stream still holds go nowhere; Python would try to write it again at the end, and fail again."""
    with contextlib.suppress(OSError, ValueError, AttributeError), open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())  # type: ignore[union-attr]


def terminal_width() -> int:
    """Characters that fit a line."""
    return shutil.get_terminal_size().columns


class Progress:
    """The `callback` of a long fit: a line on the terminal, shown after `patience` seconds and gone at the end."""

    patience = 1.0
    interval = 0.1

    def __init__(self, printer: Printer, n_runs: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.printer = printer
        self.n_runs = n_runs
        self.clock = clock
        self.due = clock() + self.patience
        self.shown = False

    def __call__(self, progress: Any) -> None:
        if self.clock() < self.due:
            return
        run = f"run {progress.restart + 1} of {self.n_runs}, " if self.n_runs > 1 else ""
        state = f"iteration {progress.iteration}, inertia {progress.inertia:.6g}, {progress.changed:,} rows moved"
        self.replace_line(run + state)
        self.due = self.clock() + self.interval
        self.shown = True

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.shown:
            self.replace_line("")

    def replace_line(self, text: str) -> None:
        # A line that wraps could not be taken back.
        self.printer.write(f"\r\x1b[K{text[: terminal_width() - 1]}")


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody watches the stream; it may be closed."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def printable(text: str) -> str:
    """Text without what could move the cursor, change colors or break the line: each such character becomes "?"."""
    return "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else "?" for c in text)


def shortened(text: str, limit: int) -> str:
    """Text of at most `limit` characters, the middle left out of a longer one."""
    half = (limit - 5) // 2
    return text if len(text) <= limit else f"{text[:half]} ... {text[-half:]}"


def label(name: str) -> str:
    """A column's name as it is printed."""
    return shortened(printable(name), 60) or "''"


def listed(names: Iterable[str], limit: int = 12) -> str:
    """Names joined by commas, the last of many as a count."""
    names = [label(name) for name in names]
    more = [f"and {len(names) - limit:,} more"] if len(names) > limit else []
    return ", ".join(names[:limit] + more)


def quoted(text: str) -> str:
    """Text between quotation marks, within an error line."""
    return repr(shortened(text, 200))


def counted(number: int, thing: str) -> str:
    """A number of things: "1 row", "2 rows"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


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


def aligned(columns: Sequence[Sequence[str]]) -> list[str]:
    """Lines of equal length: the first column at the left, the others at the right of their width."""
    widths = [max(map(len, column)) for column in columns]
    padded = [[cell.rjust(width) for cell in column] for column, width in zip(columns, widths, strict=True)]
    padded[0] = [cell.ljust(widths[0]) for cell in columns[0]]
    return ["  ".join(row) for row in zip(*padded, strict=True)]
