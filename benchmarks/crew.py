"""The runner's side of the worker processes: start them, ask them, replace one that died."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from benchmarks.contestants import CONTESTANTS

REPOSITORY = Path(__file__).parent.parent
PAUSE = 0.3
"""Seconds between two contestants: idle threads of OpenMP runtimes keep a core busy for a while (up to 0.2)."""


class ContestantError(Exception):
    """A contestant could not answer; the message says why."""


def environment(threads: int) -> dict[str, str]:
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    return os.environ | limits


class Member:
    """One contestant in a process of its own. Its introduction is the first thing it says."""

    def __init__(self, name: str, threads: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name, str(threads)],
            cwd=REPOSITORY,
            env=environment(threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            self.introduction = self._answer()
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, call: str, **arguments: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        # Where it died, its exit status, read with the answer, says more than the broken pipe.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"call": call, "arguments": arguments}) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ContestantError(f"the process ended with exit status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ContestantError(answer["error"])
        return answer


class Crew:
    """All contestants of a run; those that cannot be imported are kept in ``absent`` with the reason."""

    def __init__(self, names: Sequence[str], threads: int) -> None:
        self._threads = threads
        self._members: dict[str, Member] = {}
        self.introductions: dict[str, dict[str, Any]] = {}
        self.absent: dict[str, str] = {}
        for name in names:
            try:
                self._members[name] = Member(name, threads)
                self.introductions[name] = self._members[name].introduction
            except ContestantError as error:
                self.absent[name] = str(error)

    @property
    def names(self) -> list[str]:
        """Those that run with all that this processor has."""
        return [name for name in self._members if not CONTESTANTS[name].narrowed]

    @property
    def estimators(self) -> list[str]:
        """Those of them with scikit-learn's interface."""
        return [name for name in self.names if self.introductions[name]["estimator"]]

    def and_narrowed(self, names: Sequence[str]) -> list[str]:
        """These, and those that run with less."""
        return [name for name in self._members if name in names or CONTESTANTS[name].narrowed]

    def ask(self, name: str, call: str, **arguments: Any) -> dict[str, Any]:
        """One request, after a pause in which the contestant asked before comes to rest."""
        time.sleep(PAUSE)
        if not self._members[name].alive:
            self._members[name].close()
            self._members[name] = Member(name, self._threads)
        return self._members[name].ask(call, **arguments)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        for member in self._members.values():
            member.close()


def seconds_to_import(import_line: str, threads: int) -> float:
    """In a fresh process, NumPy already imported."""
    program = f"import time, numpy; start = time.perf_counter(); {import_line}; print(time.perf_counter() - start)"
    process = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env=environment(threads),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(process.stdout.splitlines()[-1])


def rounds(names: Sequence[str], count: int) -> Iterator[list[str]]:
    """The order of every round; each begins with another contestant, so that nobody always follows the same one."""
    for number in range(count):
        first = number % len(names) if names else 0
        yield [*names[first:], *names[:first]]
