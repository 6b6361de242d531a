"""What the machine can do at most, measured in the same run as the contestants."""

import ctypes
import hashlib
import os
import subprocess
from pathlib import Path

from benchmarks.cells import cache_folder

SOURCE = Path(__file__).with_name("limits.c")


def compiled_library() -> Path:
    """limits.c as a shared library in the cache folder; the name changes with the source and the compiler."""
    compiler = os.environ.get("CC", "cc")
    digest = hashlib.sha256(compiler.encode() + SOURCE.read_bytes()).hexdigest()[:16]
    library = cache_folder() / f"limits-{digest}.so"
    if not library.exists():
        unfinished = library.with_suffix(f".{os.getpid()}.unfinished")
        command = [*compiler.split(), "-O2", "-std=gnu11", "-fPIC", "-shared", "-pthread"]
        subprocess.run([*command, str(SOURCE), "-o", str(unfinished)], check=True)
        unfinished.replace(library)
    return library


class Limits:
    """Peak float32 multiply-add rate and read bandwidth of ``threads`` threads together."""

    def __init__(self, threads: int, buffer_bytes: int) -> None:
        self._threads = threads
        self._buffer_bytes = buffer_bytes
        self._library = ctypes.CDLL(str(compiled_library()))
        self._library.limits_kernel_name.restype = ctypes.c_char_p
        self._library.limits_kernel_name.argtypes = [ctypes.c_char_p]
        self._library.limits_peak_gflops.restype = ctypes.c_double
        self._library.limits_peak_gflops.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_int, ctypes.c_double]
        self._library.limits_read_bandwidth.restype = ctypes.c_double
        self._library.limits_read_bandwidth.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_size_t]

    @property
    def kernel(self) -> str:
        """The instruction set that the peak was measured with."""
        return str(self._library.limits_kernel_name(None), "ascii")

    def peak_gflops(self, isa: str | None = None) -> float:
        """Best of five short runs, in 1e9 operations a second; a multiply-add counts as two.

        By the best instruction set there is, or by the one that is named.
        """
        name = None if isa is None else isa.encode("ascii")
        return self._measured(self._library.limits_peak_gflops(name, self._threads, 5, 0.02))

    def read_bandwidth(self) -> float:
        """Best of five passes over a buffer larger than any cache, in 1e9 bytes a second."""
        return self._measured(self._library.limits_read_bandwidth(self._threads, 5, self._buffer_bytes))

    def _measured(self, rate: float) -> float:
        if rate < 0:
            raise RuntimeError(f"the machine's limits could not be measured with {self._threads} threads")
        return rate
