"""How many threads a call may use: what OMP_NUM_THREADS says, else the processors this process really has."""

import math
import os
from functools import lru_cache


@lru_cache(maxsize=1)
def cgroup_cpus(root: str = "/sys/fs/cgroup") -> float:
    """Processors that the control group's quota leaves, or infinity.

    Reads ``cpu.max`` (version 2) or ``cpu/cpu.cfs_quota_us`` (version 1) below ``root``, where a container sees its
    own group.
    """

    def words(name: str) -> list[str]:
        try:
            with open(os.path.join(root, name)) as file:  # pathlib would cost half of this package's import time
                return file.read().split()
        except (OSError, ValueError):
            return []

    quota = words("cpu.max")
    if len(quota) < 2:
        quota = words("cpu/cpu.cfs_quota_us") + words("cpu/cpu.cfs_period_us")
    try:
        microseconds, period = int(quota[0]), int(quota[1])
    except (IndexError, ValueError):  # "max": no limit
        return math.inf
    return microseconds / period if microseconds > 0 and period > 0 else math.inf


def default_threads() -> int:
    """Threads for ``n_threads=None``."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, math.ceil(min(cpus, cgroup_cpus())))
