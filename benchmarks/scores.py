"""Scores of a clustering, and the choice of k: what ckmeans does in one call, and its peer by the same functions."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contestants import EstimatorContestant
from benchmarks.jobs import Call, Job

CLUSTERS = 8
SILHOUETTE_ROWS = 10_000
KS = range(1, 11)


def plain_labels(X: NDArray[Any]) -> NDArray[np.int32]:
    """Labels of the nearest of eight means, found by NumPy from the first rows: the same for everybody."""

    def nearest(rows: NDArray[Any]) -> NDArray[np.int32]:
        scores = rows @ means.T - 0.5 * np.einsum("ij,ij->i", means, means)
        return np.asarray(scores.argmax(axis=1), dtype=np.int32)

    sample = X[:10_000]
    means = sample[:CLUSTERS].astype(np.float64)
    for _ in range(20):
        labels = nearest(sample)
        means = np.stack(
            [sample[labels == j].mean(axis=0) if (labels == j).any() else means[j] for j in range(CLUSTERS)]
        )
    return np.concatenate([nearest(part) for part in np.array_split(X, len(X) // 100_000 + 1)])


def score(name: str, rows: int | None, **options: Any) -> Callable[[EstimatorContestant, NDArray[Any]], Call | None]:
    def prepare(contestant: EstimatorContestant, X: NDArray[Any]) -> Call | None:
        function = getattr(contestant.metrics, name, None)
        part = X[:rows]
        return None if function is None else functools.partial(function, part, plain_labels(part), **options)

    return prepare


def choose(contestant: EstimatorContestant, X: NDArray[Any]) -> Call | None:
    if contestant.metrics is None:
        return None
    if contestant.choose_k is not None:
        return functools.partial(contestant.choose_k, X, KS, random_state=0)
    return functools.partial(loop_over_k, contestant, X)


def loop_over_k(contestant: EstimatorContestant, X: NDArray[Any]) -> None:
    """What people write: a fit with the defaults and three scores for each k, and no more."""
    metrics: Any = contestant.metrics
    for k in KS:
        labels = contestant.estimator(k, random_state=0).fit(X).labels_
        if k > 1:
            metrics.silhouette_score(X, labels, sample_size=SILHOUETTE_ROWS, random_state=0)
            metrics.calinski_harabasz_score(X, labels)
            metrics.davies_bouldin_score(X, labels)


SCORE_JOBS = {
    "silhouette": Job("silhouette_score, 20k x 16, k = 8", "mixture16", "float64", score("silhouette_score", 20_000)),
    "silhouette-blobs": Job("the same, clusters far apart", "blobs16", "float64", score("silhouette_score", 20_000)),
    "silhouette-noise": Job("the same, uniform noise", "unif16", "float64", score("silhouette_score", 20_000)),
    "calinski-harabasz": Job(
        "calinski_harabasz_score, 1M x 16, k = 8", "mixture16", "float64", score("calinski_harabasz_score", None)
    ),
    "davies-bouldin": Job(
        "davies_bouldin_score, 1M x 16, k = 8", "mixture16", "float64", score("davies_bouldin_score", None)
    ),
    "squared-silhouette": Job(
        "silhouette_score, squared Euclidean, 1M x 16, k = 8",
        "mixture16",
        "float64",
        score("silhouette_score", None, metric="sqeuclidean"),
    ),
    "choose-k": Job("choose k of 1 to 10, 100k x 16", "mixture16-100k", "float64", choose),
}
"""scikit-learn has the squared Euclidean silhouette by all pairs alone, which a million rows do not allow: see
``WITHOUT_PEER``."""

WITHOUT_PEER = {"squared-silhouette"}
