"""Labels: the cluster of every row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._types import Labels
from .scalars import MAX_CLUSTERS
from .tables import table_values


def _label_array(labels: Any, name: str) -> NDArray[Any]:
    """A copy, which stays as it was when it was checked."""
    if np.ma.is_masked(labels):
        raise ValueError(f"{name} has masked values; fill or drop them first")
    try:
        return np.array(table_values(labels))
    except ValueError as error:
        raise ValueError(f"{name} cannot be made into an array (rows of different lengths?): {error}") from error


def check_labels(labels: Any, n_rows: int | None, name: str = "labels") -> tuple[Labels, int]:
    """A copy of ``labels`` as int32 codes and a number that exceeds them, at most that of the rows; integers from 0 are
    kept as they are where that allows it."""
    array = _label_array(labels, name)
    if array.ndim != 1 or (n_rows is not None and len(array) != n_rows) or len(array) == 0:
        expected = f"({n_rows if n_rows is not None else 'n_samples'},), one label a row"
        raise ValueError(f"{name} must have shape {expected}; got {array.shape}")
    if array.dtype.kind in "iu" and 0 <= array.min() and array.max() < min(len(array), MAX_CLUSTERS):
        return np.ascontiguousarray(array, dtype=np.int32), int(array.max()) + 1
    if array.dtype.kind in "fcmMO":
        missing = (
            np.array([value is None or value != value for value in array])
            if array.dtype.kind == "O"
            else array != array
        )
        if missing.any():
            raise ValueError(f"{name} has a missing value at row {missing.argmax()}: {array[missing.argmax()]!r}")
    try:
        values, codes = np.unique(array, return_inverse=True)
    except TypeError as error:
        raise TypeError(f"{name} must be values of one kind, such as integers or strings: {error}") from error
    return codes.astype(np.int32), len(values)


def check_label_indices(labels: Any, n_rows: int, n_clusters: int, name: str = "labels") -> Labels:
    """A copy of ``labels`` as int32 indices of clusters, of which there are ``n_clusters``."""
    array = _label_array(labels, name)
    if array.shape != (n_rows,) or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be integers of shape ({n_rows},), one a row; got dtype {array.dtype} and shape {array.shape}"
        )
    bad = np.flatnonzero((array < 0) | (array >= n_clusters))
    if len(bad):
        raise ValueError(
            f"{name} must be numbers of clusters, from 0 to {n_clusters - 1}; got {array[bad[0]]} at row {bad[0]}"
        )
    return np.ascontiguousarray(array, dtype=np.int32)
