"""The cells of the benchmark: a data set, a number of clusters and a number of iterations each.

Data sets are made once from fixed seeds and kept as .npy files in the cache folder, so that every contestant reads
the same bytes. Delete the folder to make them anew.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CACHE = Path(__file__).parent / ".cache"
QUICK_DIVISOR = 25
"""``--quick`` keeps one row in this many."""


def sample_images() -> list[NDArray[np.float32]]:
    """Scikit-learn's two sample photographs, 427 x 640 x 3 each, raw 0..255 values."""
    from sklearn.datasets import load_sample_image

    return [load_sample_image(name).astype(np.float32) for name in ("china.jpg", "flower.jpg")]


def pixels(rows: int) -> NDArray[np.float32]:
    everything = np.concatenate([image.reshape(-1, 3) for image in sample_images()])
    return everything[:: len(everything) // rows][:rows]


def patches(rows: int, side: int) -> NDArray[np.float32]:
    """Square patches from places drawn at random in both images, overlaps allowed."""
    rng = np.random.default_rng(side)
    images = np.stack(sample_images())
    windows = np.lib.stride_tricks.sliding_window_view(images, (side, side), axis=(1, 2))
    count, height, width = windows.shape[:3]
    chosen = windows[rng.integers(count, size=rows), rng.integers(height, size=rows), rng.integers(width, size=rows)]
    return chosen.transpose(0, 2, 3, 1).reshape(rows, side * side * 3)


def blobs(rows: int, features: int, centers: int, spread: float) -> NDArray[np.float64]:
    """Unit Gaussians around centers that are uniform in a cube of half-width ``spread``."""
    rng = np.random.default_rng(features)
    middles = rng.uniform(-spread, spread, size=(centers, features))
    points = rng.standard_normal((rows, features))
    points += middles[rng.integers(centers, size=rows)]
    return points


def normal(rows: int, features: int) -> NDArray[np.float64]:
    return np.random.default_rng(features).standard_normal((rows, features))


def correlated(rows: int, features: int) -> NDArray[np.float64]:
    """Four directions hold nearly all scatter."""
    rng = np.random.default_rng(features)
    return rng.standard_normal((rows, 4)) @ rng.standard_normal((4, features)) + 0.1 * rng.random((rows, features))


def falling(rows: int, features: int) -> NDArray[np.float64]:
    """Variances that fall as i^-0.7 along the features: few directions hold much, and not enough."""
    return normal(rows, features) * np.arange(1, features + 1) ** -0.35


def uniform(rows: int, features: int) -> NDArray[np.float64]:
    return np.random.default_rng(features).random((rows, features))


def iris(_rows: int) -> NDArray[Any]:
    from sklearn.datasets import load_iris

    return np.asarray(load_iris().data)


def digits(_rows: int) -> NDArray[Any]:
    from sklearn.datasets import load_digits

    return np.asarray(load_digits().data)


@dataclass(frozen=True)
class DataSet:
    rows: int
    make: Callable[[int], NDArray[Any]]
    shrinks: bool = True
    """Whether ``--quick`` takes fewer rows."""


def mixture(rows: int, features: int) -> DataSet:
    """Far more Gaussians than most sweeps ask clusters, and overlapping: nobody has converged after some passes."""
    return DataSet(rows, lambda rows: blobs(rows, features, centers=1000, spread=1.0), shrinks=False)


SWEEP_SHAPES = {
    "n": [(n, 16, 64) for n in (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)],
    "d": [(20_000, d, 64) for d in (2, 8, 32, 128, 512, 2048)],
    "k": [(50_000, 16, k) for k in (4, 16, 64, 256, 1024, 4096)],
}
"""The rows, features and clusters of each sweep: three decades of the one, the other two fixed."""

SWEEP_DATA = {f"mixture{d}-{n}": mixture(n, d) for shapes in SWEEP_SHAPES.values() for n, d, _ in shapes}

FAR_APART = "k, far apart"
"""One more, of the data that the last of k does not have: as many clusters as there are, without overlap."""

DATA_SETS = {
    "pixels": DataSet(546_560, pixels),
    "blobs2d": DataSet(1_000_000, lambda rows: blobs(rows, 2, centers=10, spread=10.0)),
    "table14": DataSet(1_000_000, lambda rows: normal(rows, 14)),
    "blobs8": DataSet(500_000, lambda rows: blobs(rows, 8, centers=50, spread=3.0)),
    "patch48": DataSet(100_000, lambda rows: patches(rows, side=4)),
    "unif128": DataSet(100_000, lambda rows: uniform(rows, 128)),
    "patch768": DataSet(100_000, lambda rows: patches(rows, side=16)),
    "blob768": DataSet(60_000, lambda rows: blobs(rows, 768, centers=1000, spread=0.2)),
    "falling784": DataSet(5_000, lambda rows: falling(rows, 784), shrinks=False),
    "unif600": DataSet(6_000, lambda rows: uniform(rows, 600), shrinks=False),
    "unif2048": DataSet(2_000, lambda rows: uniform(rows, 2_048), shrinks=False),
    "unif10000": DataSet(500, lambda rows: uniform(rows, 10_000), shrinks=False),
    "table16": DataSet(1_000_000, lambda rows: normal(rows, 16)),
    **SWEEP_DATA,
    "blobs16-50k": DataSet(50_000, lambda rows: blobs(rows, 16, centers=4096, spread=10.0), shrinks=False),
    "correlated48": DataSet(1_000_000, lambda rows: correlated(rows, 48)),
    "mixture32": DataSet(1_000_000, lambda rows: blobs(rows, 32, centers=200, spread=1.5)),
    "mixture16": DataSet(1_000_000, lambda rows: blobs(rows, 16, centers=8, spread=2.0)),
    "mixture16-100k": DataSet(100_000, lambda rows: blobs(rows, 16, centers=8, spread=2.0)),
    "blobs16": DataSet(20_000, lambda rows: blobs(rows, 16, centers=8, spread=5.0), shrinks=False),
    "unif16": DataSet(20_000, lambda rows: uniform(rows, 16), shrinks=False),
    "iris": DataSet(150, iris, shrinks=False),
    "digits": DataSet(1797, digits, shrinks=False),
}


@dataclass(frozen=True)
class Cell:
    name: str
    data_set: str
    k: int
    iterations: int
    dtype: str = "float32"
    default_fit: bool = True
    """Whether the modes that fit with the defaults ask this cell too."""
    quality_rows: int | None = None
    """Rows of the fits whose quality is compared, where twenty fits of all rows would take too long."""
    followed: int = 0
    """Iterations that are followed along a fit; 0: this cell is not asked."""
    few_rows: bool = False
    """With many features: summed up apart from the others."""
    slow_to_converge: bool = False
    """Minutes for every contestant: run to convergence only with ``--long``."""


CELLS = {
    cell.name: cell
    for cell in (
        Cell("pixels-k16", "pixels", k=16, iterations=30),
        Cell("pixels-k64", "pixels", k=64, iterations=30, quality_rows=100_000),
        Cell("pixels-k256", "pixels", k=256, iterations=20, quality_rows=100_000, followed=100),
        Cell("blobs2d", "blobs2d", k=10, iterations=20),
        Cell("table14-f32", "table14", k=127, iterations=10, quality_rows=10_000, followed=100),
        Cell("table14-f64", "table14", k=127, iterations=5, dtype="float64", default_fit=False),
        Cell("blobs8", "blobs8", k=50, iterations=30, quality_rows=100_000, followed=100),
        Cell("patch48", "patch48", k=256, iterations=30, quality_rows=10_000, followed=100),
        Cell("unif128-f32", "unif128", k=256, iterations=10, quality_rows=10_000, followed=100),
        Cell("unif128-f64", "unif128", k=256, iterations=10, dtype="float64", default_fit=False),
        Cell("patch768", "patch768", k=1000, iterations=10, quality_rows=5_000, followed=40, slow_to_converge=True),
        Cell("blob768", "blob768", k=1000, iterations=7, default_fit=False),
        # Few rows, many features: all that is done once for a fit, or once for a row, shows.
        Cell("falling784", "falling784", k=50, iterations=25, default_fit=False, few_rows=True),
        Cell("unif600", "unif600", k=40, iterations=20, default_fit=False, few_rows=True),
        Cell("unif2048", "unif2048", k=20, iterations=20, default_fit=False, few_rows=True),
        Cell("unif10000", "unif10000", k=5, iterations=20, default_fit=False, few_rows=True),
    )
}

SWEEPS = {
    variable: [Cell(f"mixture, n = {n}, d = {d}, k = {k}", f"mixture{d}-{n}", k, iterations=10) for n, d, k in shapes]
    for variable, shapes in SWEEP_SHAPES.items()
}
SWEEPS[FAR_APART] = [Cell("blobs, n = 50000, d = 16, k = 4096", "blobs16-50k", k=4096, iterations=10)]

MEMORY_CELLS = (
    CELLS["table14-f32"],
    CELLS["blobs2d"],
    Cell("correlated48", "correlated48", k=64, iterations=60),
    Cell("mixture32", "mixture32", k=128, iterations=60),
)
"""Fits of a million rows whose peak memory is measured: data for each way of saving distances."""

SCORED_CELL = Cell("mixture16-100k", "mixture16-100k", k=8, iterations=1, dtype="float64")
"""The rows whose silhouettes' peak memory is measured."""

CELLS_BY_NAME = (
    CELLS
    | {SCORED_CELL.name: SCORED_CELL}
    | {cell.name: cell for cells in (*SWEEPS.values(), MEMORY_CELLS) for cell in cells}
)


def cache_folder() -> Path:
    CACHE.mkdir(exist_ok=True)
    ignore = CACHE / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    return CACHE


def data_file(data_set: str, dtype: str, quick: bool) -> Path:
    """The .npy file of a data set, made if it is not there yet."""
    source = DATA_SETS[data_set]
    rows = source.rows // QUICK_DIVISOR if quick and source.shrinks else source.rows
    path = cache_folder() / f"{data_set}-{dtype}-{rows}.npy"
    if not path.exists():
        unfinished = path.with_suffix(f".{os.getpid()}.unfinished")
        with unfinished.open("wb") as file:
            np.save(file, np.ascontiguousarray(source.make(rows), dtype=dtype))
        unfinished.replace(path)
    return path


def initial_centers(X: NDArray[Any], k: int) -> NDArray[Any]:
    """``k`` rows of X drawn at random with a fixed seed, no two of them equal.

    Equal rows would leave clusters empty from the start, and every library fills those in its own way.
    """
    drawn = X[np.random.default_rng(k).permutation(len(X))[: 10 * k]]
    _, first_places = np.unique(drawn, axis=0, return_index=True)
    if len(first_places) < k:
        raise ValueError(f"{10 * k} rows drawn at random hold {len(first_places)} distinct ones, {k} are needed")
    return np.ascontiguousarray(drawn[np.sort(first_places)[:k]])
