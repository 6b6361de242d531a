"""Exact k-means, the same bits everywhere, and fast."""

from ._config import show_config
from ._functions import KMeansResult, assign, kmeans, kmeans_plusplus
from ._kmeans import KMeans
from ._validation import ConvergenceWarning, NotFittedError
from ._version import __version__
from .diagnosis import Diagnosis, Finding, diagnose
from .profiling import Profile, profile
from .selection import KSelection, choose_k

__all__ = [
    "ConvergenceWarning",
    "Diagnosis",
    "Finding",
    "KMeans",
    "KMeansResult",
    "KSelection",
    "NotFittedError",
    "Profile",
    "__version__",
    "assign",
    "choose_k",
    "diagnose",
    "kmeans",
    "kmeans_plusplus",
    "profile",
    "show_config",
]
