"""Pictures of a clustering, drawn with matplotlib, which ``pip install "ckmeans-native[plot]"`` brings along.

Every function draws into the axes it is given, or into new ones, and returns them. A cluster has the same number,
color and marker in all pictures; the colors are those of Okabe and Ito, which the color-blind can tell apart.
"""

from ._choice import elbow, scores
from ._clusters import clusters, profiles, silhouette
from ._fit import convergence, sizes

__all__ = ["clusters", "convergence", "elbow", "profiles", "scores", "silhouette", "sizes"]
