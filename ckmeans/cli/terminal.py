"""Printing to a terminal, or what takes its place, that never fails."""

from __future__ import annotations

import contextlib
import errno
import os
import textwrap
from typing import TextIO

from .._show.progress import terminal_width
from .._show.text import printable
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


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody watches the stream; it may be closed."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False
