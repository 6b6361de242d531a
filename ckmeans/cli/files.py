"""Files as bytes: whole or not at all, and never in the place of what is not a file."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TextIO

from .errors import CommandError


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths name the same file, which need not exist yet."""
    with contextlib.suppress(OSError):
        return os.path.samefile(one, other)
    return os.path.realpath(one) == os.path.realpath(other)


def standard_stream(path: Path) -> TextIO | None:
    """Standard output or standard error where `path` names what it goes to, as /dev/stdout does."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or not of the system
            if os.path.samestat(os.stat(path), os.fstat(stream.fileno())):
                return stream
    return None


def is_stream(path: Path) -> bool:
    """Whether what is written there goes on to somewhere else, so that nothing there can be replaced."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or standard_stream(path) is not None


def status_of(path: Path) -> os.stat_result | None:
    """The status of what `path` names, or None if there is nothing yet."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def check_output(path: Path) -> None:
    """Raise what writing to `path` would raise, as far as that can be known before."""
    status = status_of(path)
    if is_stream(path):
        return
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        folder = target.parent if path.is_symlink() else path.parent
        raise CommandError(f"cannot write {path}: there is no folder {folder}")
    if status and stat.S_ISDIR(status.st_mode):
        raise CommandError(f"cannot write {path}: it is a folder")
    if status and not stat.S_ISREG(status.st_mode):
        raise CommandError(f"cannot write {path}: it is neither a file nor a stream")
    if status and not os.access(target, os.W_OK):
        raise CommandError(f"cannot write {path}: it is write-protected")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise CommandError(f"cannot write {path}: its folder is write-protected")


@contextlib.contextmanager
def open_output(path: Path) -> Iterator[BinaryIO]:
    """Open `path` for writing. A file changes all at once, when nothing has gone wrong; a stream is written into."""
    check_output(path)
    if stream := standard_stream(path):
        stream.flush()
        # Not opened anew: that would empty a file that the shell appends to.
        with os.fdopen(os.dup(stream.fileno()), "wb") as file:
            yield file
    elif is_stream(path):
        with path.open("wb") as file:
            yield file
    else:
        with replacement(path) as file:
            yield file


@contextlib.contextmanager
def replacement(path: Path) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its place, mode and owner at the end."""
    target = Path(os.path.realpath(path))  # a symbolic link stays one
    old = status_of(target)
    # A digest, because a name may be too long already for anything to be added to it.
    mark = f".ckmeans-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}"
    # Whatever killed runs have left. A run that is still at it fails when it finds its partial file gone.
    for leftover in target.parent.glob(f"{mark}-*.partial"):
        with contextlib.suppress(OSError):
            leftover.unlink()
    partial = target.with_name(f"{mark}-{secrets.token_hex(8)}.partial")
    try:
        with open(partial, "xb", opener=open_privately if old else None) as file:
            if old:
                take_after(partial, old)
            yield file
        try:
            partial.replace(target)
        except FileNotFoundError:
            raise CommandError(f"cannot write {path}: another run has begun to write it") from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def open_privately(name: str, flags: int) -> int:
    """The opener of files that others may not be meant to see."""
    return os.open(name, flags, 0o600)


def take_after(path: Path, old: os.stat_result) -> None:
    """Give a file the owner and mode of an old one, as far as the system lets us."""
    mode = old.st_mode & 0o777
    if hasattr(os, "chown"):
        try:
            os.chown(path, -1, old.st_gid)
        except OSError:
            mode &= 0o707 | (mode & 0o007) << 3  # another group may do no more than everybody may
        with contextlib.suppress(OSError):
            os.chown(path, old.st_uid, -1)
    path.chmod(mode)
