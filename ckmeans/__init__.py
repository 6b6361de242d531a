"""Exact k-means, the same bits everywhere, and fast."""

from ._config import show_config
from ._functions import KMeansResult, assign, kmeans, kmeans_plusplus
from ._kmeans import KMeans
from ._validation import ConvergenceWarning, NotFittedError
from ._version import __version__

__all__ = [
    "ConvergenceWarning",
    "KMeans",
    "KMeansResult",
    "NotFittedError",
    "__version__",
    "assign",
    "kmeans",
    "kmeans_plusplus",
    "show_config",
]
