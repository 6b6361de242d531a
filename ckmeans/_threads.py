"""How many threads a call may use: what OMP_NUM_THREADS says, else the processors this process really has."""

import math
import os
from collections.abc import Iterator
from functools import lru_cache

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


def _text(*path: str) -> str:
    try:
        with open(os.path.join(*path)) as file:  # pathlib would cost half of this package's import time
            return file.read()
    except (OSError, ValueError):
        return ""


def _quotas(root: str) -> Iterator[float]:
    """Processors that each control group of this process allows, and each group above them.

    A container sees its own group at the root, often under a path that exists outside alone: hence all the way up.
    """
    groups = {}
    for line in _text(root, "proc/self/cgroup").splitlines():  # "5:cpu,cpuacct:/path", in version 2 "0::/path"
        controllers, _, path = line.partition(":")[2].partition(":")
        groups.update(dict.fromkeys(controllers.split(","), path.strip("/")))
    for mount, controller, files in _HIERARCHIES:
        group, above = groups.get(controller, ""), None
        while group != above:
            folder = os.path.join(root, "sys/fs/cgroup", mount, group)
            words = [word for name in files for word in _text(folder, name).split()]
            try:
                quota, period = map(int, words)
            except ValueError:  # "max", or nothing to read: no limit
                quota = period = 0
            yield quota / period if quota > 0 and period > 0 else math.inf
            group, above = os.path.dirname(group), group


@lru_cache(maxsize=1)
def cgroup_cpus(root: str = "/") -> float:
    """Processors that the quotas of the control groups leave, or infinity; read once a process."""
    return min(_quotas(root))


def processors() -> int:
    """Processors this process may use: by its affinity, which may change, and its control groups."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, math.ceil(min(cpus, cgroup_cpus())))


def default_threads() -> int:
    """Threads for ``n_threads=None``."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(wanted) if wanted.isdecimal() and int(wanted) > 0 else processors()
