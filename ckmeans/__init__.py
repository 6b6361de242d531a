"""Exact k-means, the same bits everywhere, and fast."""

from ._config import show_config
from ._functions import KMeansResult, assign, kmeans, kmeans_plusplus
from ._kmeans import KMeans
from ._validation import ConvergenceWarning, NotFittedError
from ._version import __version__
from .selection import KSelection, choose_k

__all__ = [
    "ConvergenceWarning",
    "KMeans",
    "KMeansResult",
    "KSelection",
    "NotFittedError",
    "__version__",
    "assign",
    "choose_k",
    "kmeans",
    "kmeans_plusplus",
    "show_config",
]
