"""What the user can put right, told in one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class CommandError(Exception):
    """What the user can put right: `main` prints it as one line and returns 2."""


@contextlib.contextmanager
def explained(action: str) -> Iterator[None]:
    """Turn what goes wrong with a file into "cannot ACTION: why"; a reader that went away is no error of ours."""
    import pyarrow as pa

    try:
        yield
    except (BrokenPipeError, MemoryError):
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        raise CommandError(f"cannot {action}: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """What an error says, without its number, the name of the file and what pyarrow adds in further lines."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).strip().partition("\n")[0]
