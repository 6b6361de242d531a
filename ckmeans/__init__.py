"""Exact k-means, the same bits everywhere, and fast."""

from ._config import show_config
from ._fitting.result import KMeansResult
from ._input import ConvergenceWarning, NotFittedError
from ._show.progress import Progress
from ._version import __version__
from .diagnosis import Diagnosis, Finding, diagnose
from .estimators.functions import assign, kmeans, kmeans_plusplus
from .estimators.kmeans import KMeans
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
    "Progress",
    "__version__",
    "assign",
    "choose_k",
    "diagnose",
    "kmeans",
    "kmeans_plusplus",
    "profile",
    "show_config",
]
