"""What the library found on this machine and chose."""

import os

import numpy as np

try:
    from . import _core  # nothing of the package is imported before
except ImportError:
    from pathlib import Path

    folder = Path(__file__).parent
    if any(path.suffix in (".so", ".pyd") for path in folder.glob("_core.*")):
        raise  # it is there, and its own error says why it cannot be loaded
    raise ImportError(
        f"{folder} holds the sources of ckmeans without its compiled module, and hides an installed ckmeans if there "
        f"is one: start Python in another folder than {folder.parent}, or build the module there by `pip install -e .`"
    ) from None

from ._input import default_threads
from ._show.tables import aligned
from ._version import __version__

# What kernels are chosen for, each by itself.
JOBS = {
    "screen": "float32 screen",
    "coarse": "coarse screen",
    "settle": "float64",
    "quick": "quick distances",
    "rows": "copies of rows",
}


PROC_BIND = ("no", "yes", "to the primary", "close", "spread")
UNLIMITED = 2**31 - 1


def _threads() -> dict[str, str]:
    now = _core.threading_info()
    forced = os.environ.get("CKMEANS_THREADING")
    lines = {
        "threads lent by": now.lender + (f" (CKMEANS_THREADING={forced})" if forced else ""),
        "threads: runtime": now.runtime,
    }
    if now.openmp:
        lines |= {
            "threads: runtime": f"{now.runtime}, used as of {now.openmp // 100}-{now.openmp % 100:02}",
            "threads: file": os.path.realpath(now.file) if now.file else "unknown",
            "threads: its limits": ", ".join(
                [
                    f"{now.max_threads} a region",
                    f"{now.thread_limit} in all" if now.thread_limit < UNLIMITED else "any number in all",
                    f"{now.processors} processors seen",
                    f"bound: {PROC_BIND[now.proc_bind] if now.proc_bind in range(len(PROC_BIND)) else now.proc_bind}",
                ]
            ),
        }
    return {**lines, "threads by default": str(default_threads())}


def show_config() -> None:
    """Print the version, what the processor has, the kernels chosen for each job, and how threads are run."""
    forced = os.environ.get("CKMEANS_ISA")
    used = [kernel for kernel in _core.kernels() if kernel.in_use]
    in_use = {kernel.job: kernel.level for kernel in used}
    in_use |= {kernel.job: f"{kernel.level}, {kernel.format}" for kernel in used if kernel.job == "coarse"}
    lines = {
        "ckmeans": __version__,
        "numpy": np.__version__,
        "instruction set": _core.isa() + (f" (CKMEANS_ISA={forced})" if forced else ""),
        "runnable here": ", ".join(_core.runnable_isas()),
        "features found": ", ".join(_core.features()) or "none",
        **{f"kernels: {title}": in_use.get(job, "none") for job, title in JOBS.items()},
        **_threads(),
    }
    print("\n".join(line.rstrip() for line in aligned([list(lines), list(lines.values())], n_left=2)))
