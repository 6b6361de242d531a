"""What the library found on this machine and chose."""

import os
from pathlib import Path

import numpy as np

try:
    from . import _core  # nothing of the package is imported before
except ImportError:
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


def show_config() -> None:
    """Print the version, what the processor has, the kernels chosen for each job, and how threads are run."""
    forced = os.environ.get("CKMEANS_ISA")
    in_use = {kernel.job: kernel.level for kernel in _core.kernels() if kernel.in_use}
    lines = {
        "ckmeans": __version__,
        "numpy": np.__version__,
        "instruction set": _core.isa() + (f" (CKMEANS_ISA={forced})" if forced else ""),
        "runnable here": ", ".join(_core.runnable_isas()),
        "features found": ", ".join(_core.features()) or "none",
        **{f"kernels: {title}": in_use.get(job, "none") for job, title in JOBS.items()},
        "threads run by": _core.parallel_backend(),
        "threads by default": str(default_threads()),
    }
    print("\n".join(line.rstrip() for line in aligned([list(lines), list(lines.values())], n_left=2)))
