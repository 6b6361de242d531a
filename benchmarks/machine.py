"""What is written beside every result about the machine: nothing that would name it or its owner."""

import os
import platform
import re
import subprocess
from pathlib import Path


def cpu_model() -> str:
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def usable_cpus() -> int:
    """CPUs that this process may really run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def without_folders(message: str) -> str:
    """Absolute paths cut down to their last part: results are published, the author's folders are not."""
    return re.sub(r"(?<![\w.:/])/(?:[^\s/:'\"]+/)+", "", message)


def memory_now() -> int:
    """Bytes resident now; where the system does not say, the most there ever were."""
    return _from_proc("VmRSS:")


def memory_peak() -> int:
    """The most bytes that were ever resident.

    Not ru_maxrss on Linux: that one starts a child at its parent's size.
    """
    return _from_proc("VmHWM:")


def _from_proc(field: str) -> int:
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith(field))
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if platform.system() == "Darwin" else most * 1024
