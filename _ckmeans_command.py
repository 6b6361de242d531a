"""Where the command ``ckmeans`` begins, outside the package: Ctrl-C while that is imported is no traceback, either."""

import os
import signal
from types import FrameType


def leave(_signal: int, _frame: FrameType | None) -> None:
    """At once: nothing has been begun, and an exception might get lost in the imports."""
    os.write(2, b"ckmeans: interrupted\n")
    os._exit(130)


def main() -> int:
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # nobody has Ctrl-C ignored
        signal.signal(signal.SIGINT, leave)
    from ckmeans.cli import main as run

    signal.signal(signal.SIGINT, before)
    return run()
