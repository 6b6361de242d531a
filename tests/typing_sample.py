"""The public interface as a type checker sees it: checked by mypy --strict, and run, by test_typing.py."""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import ckmeans
from ckmeans import (
    ConvergenceWarning,
    Diagnosis,
    KMeans,
    KMeansResult,
    KSelection,
    NotFittedError,
    Profile,
    Progress,
    metrics,
)


class Traced(KMeans):
    pass


def told(progress: Progress) -> None:
    assert_type(progress.changed, int)


def start(X: Any, n_clusters: int, random_state: np.random.RandomState) -> NDArray[np.float64]:
    return np.asarray(X)[:n_clusters]


def estimator(X: NDArray[np.float32], weights: NDArray[np.float64]) -> None:
    model = KMeans(
        2,
        init=start,
        n_init=3,
        max_iter=10,
        tol=1e-3,
        verbose=0,
        random_state=np.random.default_rng(0),
        copy_x=True,
        algorithm="lloyd",
        n_threads=1,
        callback=lambda progress: progress.inertia + progress.iteration,
    )
    assert_type(model, KMeans)
    assert_type(model.fit(X, sample_weight=weights), KMeans)
    assert_type(Traced(2, n_init="auto", random_state=0).fit(X.tolist(), None, 1.0 * weights), Traced)
    assert_type(model.fit_predict(X), NDArray[np.int32])
    assert_type(model.predict(X), NDArray[np.int32])
    assert_type(model.transform(X), Any)
    assert_type(model.fit_transform(X), Any)
    assert_type(model.score(X, None, weights), float)

    assert_type(model.cluster_centers_, NDArray[Any])
    assert_type(model.labels_, NDArray[np.int32])
    assert_type(model.inertia_, float)
    assert_type(model.n_iter_, int)
    assert_type(model.converged_, bool)
    assert_type(model.cluster_sizes_, NDArray[np.int64])
    assert_type(model.cluster_weights_, NDArray[np.float64])
    assert_type(model.history_, NDArray[np.void])
    assert_type(model.n_features_in_, int)

    assert_type(model.get_params(deep=False), dict[str, Any])
    assert_type(model.set_params(tol=0.1), KMeans)
    assert_type(Traced().set_output(transform="default"), Traced)
    assert_type(model.get_feature_names_out(), NDArray[np.object_])


def functions(X: NDArray[np.uint8]) -> None:
    ckmeans.kmeans(X, 2, callback=told)
    result = ckmeans.kmeans(X, 2, init="random", n_init=2, random_state=0, sample_weight=[1.0] * len(X))
    assert_type(result, KMeansResult)
    assert_type(result.centers, NDArray[Any])
    assert_type(result.labels, NDArray[np.int32])
    assert_type(result.inertia, float)
    assert_type(result.n_iter, int)
    assert_type(result.cluster_weights, NDArray[np.float64])
    assert_type(result.converged, bool)
    assert_type(result.cluster_sizes, NDArray[np.int64])
    assert_type(result.history, NDArray[np.void])

    centers, indices = ckmeans.kmeans_plusplus(X, 2, n_local_trials=3, n_threads=1)
    assert_type(centers, NDArray[Any])
    assert_type(indices, NDArray[np.int64])
    assert_type(ckmeans.assign(X, centers), NDArray[np.int32])
    assert_type(ckmeans.__version__, str)
    warning: type[Warning] = ConvergenceWarning
    error: type[ValueError] = NotFittedError
    assert warning is not None and error is not None


def choosing(X: NDArray[np.float64], labels: NDArray[np.int32]) -> None:
    assert_type(metrics.silhouette_samples(X, labels), NDArray[np.float64])
    assert_type(metrics.silhouette_score(X, labels, sample_size=15), float)
    assert_type(metrics.silhouette_score(X, labels, return_standard_error=True), tuple[float, float])
    assert_type(metrics.bic(X, labels, sample_weight=[1.0] * len(X)), float)
    assert_type(metrics.gap_statistic(X, 2, n_references=2, random_state=0).gap, float)
    assert_type(metrics.adjusted_rand_score(labels, labels), float)

    result = ckmeans.choose_k(X, [1, 2, 3], criteria=("bic", "silhouette"), random_state=0, progress=print)
    assert_type(result, KSelection)
    assert_type(result.recommended_k, int)
    assert_type(result.structured, bool | None)
    assert_type(result.best_estimator_, KMeans)
    assert_type(result.choices, dict[str, int | None])

    assert_type(ckmeans.profile(X, result.models[2], ["a", "b", "c"]), Profile)
    found = ckmeans.diagnose(X, result.models[2], random_state=0)
    assert_type(found, Diagnosis)
    assert_type([finding.code for finding in found], list[str])


if __name__ == "__main__":
    rows = np.random.default_rng(0).normal(size=(20, 3))
    estimator(rows.astype(np.float32), np.ones(20))
    functions((rows * 10 + 50).astype(np.uint8))
    choosing(rows, np.arange(20, dtype=np.int32) % 3)
    ckmeans.show_config()
