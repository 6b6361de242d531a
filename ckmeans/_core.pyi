from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

_Rows: TypeAlias = NDArray[np.float32 | np.float64 | np.int8 | np.uint8 | np.int16 | np.uint16]
_Floats: TypeAlias = NDArray[np.float64]

DTYPE_CODES: Final[frozenset[str]]
SILHOUETTE_METRICS: Final[tuple[str, ...]]
ALGORITHMS: Final[tuple[str, ...]]
INITS: Final[tuple[str, ...]]
CAREFUL_INITS: Final[tuple[str, ...]]
HISTORY_DTYPE: Final[np.dtype[np.void]]

class TooFewRows(ValueError): ...

def fit(
    X: _Rows,
    weights: _Floats | None,
    n_clusters: int,
    n_init: int,
    max_iter: int,
    tol: float,
    init: str,
    given_centers: _Floats | None,
    seed: int,
    n_threads: int,
    callback: Callable[[int, int, float, float, int, str, float], object] | None,
    n_trials: int = 0,
    algorithm: str = "auto",
) -> tuple[
    _Floats, NDArray[np.int32], NDArray[np.int64], _Floats, float, int, bool, int, NDArray[np.void]
]: ...
def assign(
    X: _Rows, centers: _Floats, weights: _Floats | None, n_threads: int, want_inertia: bool
) -> tuple[NDArray[np.int32], float | None]: ...
def transform(X: _Rows, centers: _Floats, n_threads: int) -> NDArray[np.float32 | np.float64]: ...
def seed_centers(
    X: _Rows,
    weights: _Floats | None,
    n_clusters: int,
    init: str,
    n_trials: int,
    seed: int,
    n_threads: int,
) -> tuple[_Floats, NDArray[np.int64]]: ...
def cluster_scatter(
    X: _Rows,
    labels: NDArray[np.int32],
    n_clusters: int,
    weights: _Floats | None,
    n_threads: int,
    want_distances: bool,
) -> tuple[_Floats, _Floats, _Floats, _Floats | None, int]: ...
def silhouette(
    X: _Rows,
    labels: NDArray[np.int32],
    n_clusters: int,
    weights: _Floats | None,
    one: float,
    metric: str,
    centers: _Floats | None,
    n_threads: int,
) -> tuple[_Floats, float]: ...
def distances_to_own(X: _Rows, centers: _Floats, labels: NDArray[np.int32], n_threads: int) -> _Floats: ...
def screen_probe(
    X: _Rows, centers: _Floats, shape: int, cut: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], _Floats, _Floats, float, _Floats]: ...
def open_probe(X: _Rows, centers: _Floats, labels: NDArray[np.int32]) -> dict[str, int]: ...
def random_block(counter: Sequence[int], key: Sequence[int]) -> tuple[int, int, int, int]: ...
def isa() -> str: ...
def runnable_isas() -> list[str]: ...
def features() -> list[str]: ...

class Kernel(NamedTuple):
    job: str
    level: str
    runs: bool
    measured: bool
    in_use: bool
    format: str | None

def kernels() -> list[Kernel]: ...
def choose_isa(what: str | None) -> str | None: ...

class Threading(NamedTuple):
    lender: str
    runtime: str
    file: str | None
    openmp: int
    max_threads: int
    processors: int
    thread_limit: int
    proc_bind: int

def lenders() -> list[str]: ...
def threading_info() -> Threading: ...
def runtime_threads() -> int: ...
def runtime_processors() -> int: ...
def choose_lender(what: str | None) -> None: ...
def set_processors(processors: int) -> None: ...
def end_other_calls() -> None: ...
