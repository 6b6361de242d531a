"""What is wrong with a clustering, in words and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from .. import _input as check
from ..estimators._base import CenterEstimator
from .case import Case
from .checks import CHECKS
from .findings import SEVERITIES, Diagnosis


def diagnose(
    X: ArrayLike,
    model: CenterEstimator,
    *,
    sample_weight: ArrayLike | None = None,
    feature_names: Sequence[str] | None = None,
    random_state: Any = None,
    n_threads: int | None = None,
) -> Diagnosis:
    """Look for what commonly goes wrong with k-means.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The rows that the model was fitted on, scaled as they were then, or others like them.
    model : KMeans, or another estimator of this package
        Fitted.
    sample_weight : array-like of shape (n_samples,) or float, optional
        A row of weight w counts as w rows; one of weight 0 is left out.
    feature_names : sequence of str of length n_features, optional
        None: the column names of X, else those the estimator was fitted with, else "feature 0" and so on.
    random_state : None, int, numpy.random.Generator or numpy.random.RandomState
        Seed of samples and refits.
    n_threads : int, optional
        As for ``KMeans``; None: as the estimator says.

    Returns
    -------
    Diagnosis

    Raises
    ------
    ValueError
        If a value of X is not finite, or a parameter is out of range or of the wrong shape.
    TypeError
        If a parameter is of the wrong type.
    NotFittedError
        If ``model`` is not fitted.

    Notes
    -----
    The codes, and what their details hold (rows, features and clusters by position):

    "too-many-clusters"
        More clusters than distinct rows, or clusters left empty by the fit: ``distinct`` (how many), ``empty``.
    "unlike-scales"
        The standard deviations of a few features are so large that they decide alone: ``features``,
        ``standard_deviations`` (of all), ``variance_share``.
    "non-convex"
        Clusters cut connected structures, such as rings, and mix them; as a note: they are parts of such structures.
        ``rows`` (a sample), ``structures`` (where these rows are; -1: in none), ``table`` (weights, structures by
        clusters). Structures are what remains of a minimum spanning tree of mutual reachability distances when its
        gaps are cut (Campello, Moulavi and Sander, PAKDD 2013); reported are those that k-means cannot find.
    "outliers"
        Far rows that drag a center along or make up a cluster: ``rows``, ``excess`` (distance to the center, or to
        the next cluster, in units of the limit there; descending; maybe infinite), ``clusters``.
    "overlap"
        Clusters with rows between them, by silhouettes of a sample (Rousseeuw, J. Comput. Appl. Math. 20, 1987):
        ``pairs`` of clusters, ``shares`` of their rows, ``silhouette`` (mean), ``cluster_silhouettes``.
    "unstable"
        Other seeds lead to other clusters: ``rand_index`` (adjusted, one a refit to a sample), ``inertia`` (of the
        refits, by the least).
    "uneven-sizes"
        Some clusters are tiny beside others: ``small``, ``shares`` (of the weight, of all clusters).
    "duplicates"
        Many rows are equal: ``distinct`` (how many), ``rows`` (of how many).
    "constant-columns"
        Features without effect: ``features``.

    Examples
    --------
    >>> import numpy as np
    >>> from ckmeans import KMeans
    >>> from ckmeans.diagnosis import diagnose
    >>> X = np.random.default_rng(0).normal(size=(300, 2)) * [1, 1000]
    >>> "unlike-scales" in diagnose(X, KMeans(3, random_state=0).fit(X), random_state=0).codes
    True
    """
    if not isinstance(model, CenterEstimator):
        raise TypeError(f"model must be a fitted KMeans, got {type(model).__name__}")
    rows = check.check_rows(X)
    labels, centers = check.predicted(model, X, rows, n_threads)
    case = Case(
        rows=rows,
        labels=labels,
        centers=centers,
        weights=check.weights_of(sample_weight, len(rows)),
        model=model,
        names=check.feature_names_of(X, model, feature_names, rows.shape[1]),
        seed=check.check_random_state(random_state),
        n_threads=check.check_n_threads(model.n_threads if n_threads is None else n_threads),
    )
    findings = [finding for look in CHECKS if (finding := look(case)) is not None]
    return Diagnosis(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))
