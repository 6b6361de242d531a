"""What the library found on this machine and chose."""

import os

import numpy as np

from . import _core
from ._input import default_threads
from ._show.tables import aligned
from ._version import __version__


def show_config() -> None:
    """Print the version, the instruction sets found and chosen, and how threads are run."""
    forced = os.environ.get("CKMEANS_ISA")
    lines = {
        "ckmeans": __version__,
        "numpy": np.__version__,
        "instruction set": _core.isa() + (" (forced by CKMEANS_ISA)" if forced else ""),
        "runnable here": ", ".join(_core.runnable_isas()),
        "threads run by": _core.parallel_backend(),
        "threads by default": str(default_threads()),
    }
    print("\n".join(line.rstrip() for line in aligned([list(lines), list(lines.values())], n_left=2)))
