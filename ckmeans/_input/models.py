"""A clustering as the caller has it: a fitted estimator, or labels; and what goes with the rows that it is of."""

from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._types import Floats, Labels, Names
from .arrays import check_finite
from .exceptions import not_fitted_error_class
from .fitted import fitted_centers, fitted_names
from .labels import check_label_indices
from .scalars import check_n_threads
from .tables import column_names
from .weights import check_weights


def is_estimator(model: Any) -> bool:
    """Whether ``model`` is a fitted estimator rather than labels; one that is not fitted is an error."""
    if hasattr(model, "predict") and not hasattr(model, "cluster_centers_"):
        raise not_fitted_error_class()(f"model, a {type(model).__name__}, is not fitted yet: call its fit first")
    return hasattr(model, "predict")


def labels_and_centers(
    model: Any, X: Any, rows: NDArray[Any], most_clusters: int, n_threads: int | None = None
) -> tuple[Labels, Floats | None]:
    """Labels of the rows, and the centers of an estimator; None where ``model`` is an array of labels."""
    if is_estimator(model):
        return predicted(model, X, rows, n_threads)
    labels = check_label_indices(model, len(rows), most_clusters, "model, unless a fitted KMeans,")
    check_finite(rows, check_n_threads(n_threads))
    return labels, None


def predicted(model: Any, X: Any, rows: NDArray[Any], n_threads: int | None = None) -> tuple[Labels, Floats]:
    """Labels of ``model.predict(X)``, with ``n_threads`` in place of the estimator's own where given, and centers."""
    if n_threads is not None:
        model = copy(model)
        model.n_threads = check_n_threads(n_threads)
    labels = model.predict(X)
    centers = fitted_centers(model, rows.shape[1])
    return check_label_indices(labels, len(rows), len(centers), "what model.predict returned"), centers


def feature_names_of(X: Any, model: Any, given: Any, n_features: int) -> Names:
    """Names given, else those of the columns of ``X``, else those that ``model`` was fitted with, else numbers."""
    if given is not None:
        names = [given] if isinstance(given, str) else list(given)
        if len(names) != n_features or not all(isinstance(name, str) for name in names) or len(set(names)) < n_features:
            raise ValueError(f"feature_names must be {n_features} different strings, one a column of X; got {given!r}")
        return np.asarray(names, dtype=object)
    for found in (column_names(X), fitted_names(model, n_features)):
        if found is not None:
            return np.asarray(found, dtype=object)
    return np.asarray([f"feature {j}" for j in range(n_features)], dtype=object)


def weights_of(sample_weight: Any, n_samples: int) -> Floats:
    """A weight for each row, whose sum is finite."""
    weights = check_weights(sample_weight, n_samples).values
    return np.ones(n_samples) if weights is None else weights
