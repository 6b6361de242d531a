"""The estimators, one file each; ``functions`` has k-means for those who need none."""

from .kmeans import KMeans

__all__ = ["KMeans"]
