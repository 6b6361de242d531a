"""The choice of the number of clusters: :func:`choose_k`, what it returns, and its parts."""

from .choice import SelectionProgress, choose_k
from .criteria import CRITERIA
from .elbow import elbow_point
from .result import KSelection

__all__ = ["CRITERIA", "KSelection", "SelectionProgress", "choose_k", "elbow_point"]
