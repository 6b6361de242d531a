"""How many threads a call may use: what OpenMP is told, and never more than the processors this process really has."""

import math
import os
from collections.abc import Iterator
from functools import lru_cache

from .. import _core
from .exceptions import warn_caller

_VERSION_1 = "cpu.cfs_quota_us", "cpu.cfs_period_us"
_VERSION_2 = ("cpu.max",)
# Where control groups that limit processors are mounted, the controller that names them in /proc/self/cgroup, and
# the files with quota and period. "unified" is version 2 beside version 1; a mount that is not there limits nothing.
_HIERARCHIES = (
    ("", "", _VERSION_2),
    ("unified", "", _VERSION_2),
    ("cpu", "cpu", _VERSION_1),
    ("cpu,cpuacct", "cpu", _VERSION_1),
)

MOST_THREADS = 2**31 - 1
MOST_TEXT, MOST_PATH = 2**16, 2**12
"""Characters of a file, and of the path of a control group, that are read."""
_complained = False
"""Whether a setting that makes no sense was spoken of."""


def _text(*path: str) -> str:
    try:
        with open(os.path.join(*path)) as file:  # pathlib would cost half of this package's import time
            return file.read(MOST_TEXT)
    except (OSError, ValueError):
        return ""


def _quotas(root: str) -> Iterator[float]:
    """Processors that each control group of this process allows, and each group above them.

    A container sees its own group at the root, often under a path that exists outside alone: hence all the way up.
    """
    groups = {}
    for line in _text(root, "proc/self/cgroup").splitlines():  # "5:cpu,cpuacct:/path", in version 2 "0::/path"
        controllers, _, path = line.partition(":")[2].partition(":")
        groups.update(dict.fromkeys(controllers.split(","), path[:MOST_PATH].strip("/")))
    for mount, controller, files in _HIERARCHIES:
        group, above = groups.get(controller, ""), None
        while group != above:
            folder = os.path.join(root, "sys/fs/cgroup", mount, group)
            words = [word for name in files for word in _text(folder, name).split()]
            try:
                quota, period = map(int, words)
                limit = quota / period if quota > 0 and period > 0 else math.inf
            except (ValueError, OverflowError):  # "max", nothing to read, or beyond any number of processors
                limit = math.inf
            yield limit
            group, above = os.path.dirname(group), group


@lru_cache(maxsize=1)
def cgroup_cpus(root: str = "/") -> float:
    """Processors that the quotas of the control groups leave, or infinity; read once a process."""
    return min(_quotas(root))


def processors() -> int:
    """Processors this process may use: by its affinity, which may change, and its control groups.

    A runtime that binds threads to places (OMP_PROC_BIND) alters the affinity of this one: it knows what there was.
    """
    cpus = _core.runtime_processors()
    if not cpus:
        affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
        cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, math.ceil(min(cpus, cgroup_cpus())))


def default_threads(most: int | None = None) -> int:
    """Threads for ``n_threads=None``: what OpenMP would give this thread, as OMP_NUM_THREADS, omp_set_num_threads and
    threadpoolctl leave it; where no runtime is there to be asked, what OMP_NUM_THREADS says. At most the processors."""
    most = processors() if most is None else most
    return min(_core.runtime_threads() or _omp_num_threads() or most, most)


def _omp_num_threads() -> int | None:
    """What OMP_NUM_THREADS asks for, of a list the first number; None where that is nothing, or nonsense."""
    setting = os.environ.get("OMP_NUM_THREADS", "")
    if not setting or setting.isspace():
        return None
    wanted = setting.partition(",")[0].strip()
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= len(str(MOST_THREADS)):
        if 0 < int(wanted) <= MOST_THREADS:
            return int(wanted)
    global _complained
    if not _complained:
        _complained = True  # once a process
        warn_caller(
            f"OMP_NUM_THREADS is ignored: it must be a number of threads between 1 and {MOST_THREADS}, or several with "
            f"commas between, got {setting[:40]!r}{'...' if len(setting) > 40 else ''}",
            UserWarning,
        )
    return None
