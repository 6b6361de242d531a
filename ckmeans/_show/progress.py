"""How far long work is: what callbacks get, and how it is shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, Self


class Progress(NamedTuple):
    """What the ``callback`` of a fit gets after every iteration."""

    restart: int
    """Number of the restart, from 0."""
    iteration: int
    """Number of the iteration, from 1."""
    inertia: float
    """Inertia of this iteration's labels at the centers they were assigned to."""
    center_shift: float
    """Sum of the squared moves of the centers."""
    changed: int
    """Rows whose label changed."""
    algorithm: str
    """What saved distances: "lloyd" where nothing did."""
    screened: float
    """Share of all pairs of row and center that were scored."""
    screen: str
    """The numbers that most of them were scored in first: "float32" where nothing cheaper served."""


def iteration_words(progress: Progress) -> str:
    """What ``verbose`` prints."""
    return (
        f"Restart {progress.restart}, iteration {progress.iteration}: inertia {progress.inertia:.6g}, "
        f"labels changed {progress.changed}"
    )


def terminal_width() -> int:
    """Characters that fit a line."""
    import shutil  # here, as it loads much

    return shutil.get_terminal_size().columns


class ProgressLine:
    """A line that is written over itself, once ``patience`` seconds have passed and every ``interval`` at most.

    Spaces take away what was longer before, so that it may be a file or a notebook, too.
    """

    patience = 0.0
    interval = 0.0

    def __init__(self, write: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> None:
        self.write = write
        self.clock = clock
        self.due = clock() + self.patience
        self.length = 0

    def show(self, text: str) -> None:
        if self.clock() >= self.due:
            self._replace(text)
            self.due = self.clock() + self.interval

    def clear(self) -> None:
        """Leave an empty line."""
        if self.length:
            self._replace("")
            self.write("\r")

    def keep(self) -> None:
        """Leave the line and begin the next."""
        if self.length:
            self.write("\n")

    def _replace(self, text: str) -> None:
        text = text[: terminal_width() - 1]  # a line that wraps could not be taken back
        self.write(f"\r{text:<{self.length}}")
        self.length = len(text)


class FitLine(ProgressLine):
    """The ``callback`` of a long fit on a terminal."""

    patience = 1.0
    interval = 0.1

    def __init__(
        self, write: Callable[[str], object], n_runs: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(write, clock)
        self.n_runs = n_runs

    def __call__(self, progress: Progress) -> None:
        run = f"run {progress.restart + 1} of {self.n_runs}, " if self.n_runs > 1 else ""
        self.show(
            f"{run}iteration {progress.iteration}, inertia {progress.inertia:.6g}, {progress.changed:,} rows moved"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.clear()
