"""What a fit comes to."""

from typing import Any, NamedTuple

from numpy.typing import NDArray

from .._types import Counts, Floats, Labels, Table


class KMeansResult(NamedTuple):
    """What :func:`ckmeans.kmeans` returns.

    The fields are the fitted attributes of :class:`ckmeans.KMeans` without the underscore at their end; ``centers`` is
    ``cluster_centers_``.
    """

    centers: NDArray[Any]
    """Cluster centers, shape (n_clusters, n_features); float32 for float32 data, else float64."""
    labels: Labels
    """Index of the nearest center of every row, shape (n_samples,)."""
    inertia: float
    """Sum over the rows of weight times squared Euclidean distance to the center."""
    n_iter: int
    """Iterations of the best restart."""
    converged: bool
    """Whether it ended before ``max_iter``."""
    cluster_sizes: Counts
    """Rows in each cluster."""
    history: Table
    """Fields inertia, center_shift, changed, algorithm, screened and screen of every iteration."""
    cluster_weights: Floats
    """Sums of the weights of those rows."""
