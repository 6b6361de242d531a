"""Rows and centers. Whether the values of X are finite is left to the core, which finds out while it reads them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._types import Floats
from .tables import table_values


def to_numeric(values: Any, name: str) -> NDArray[Any]:
    """``values`` as an array of one of the core's dtypes: kept where it is one, else float64."""
    if type(values).__module__.partition(".")[0] == "scipy":
        raise TypeError(
            f"{name} is a sparse {type(values).__name__}, but dense data is required; use {name}.toarray() "
            "where memory allows"
        )
    if np.ma.is_masked(values):
        raise ValueError(f"{name} has masked values; fill or drop them first")
    try:
        array = np.asarray(table_values(values))
    except TypeError as error:
        raise TypeError(f"{name} must hold numbers: {error}") from error
    except ValueError as error:
        raise ValueError(f"{name} cannot be made into an array (rows of different lengths?): {error}") from error
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} has dtype {array.dtype}; pass real numbers")
    if array.dtype.char not in _core.DTYPE_CODES or not array.dtype.isnative:
        if array.dtype.kind not in "biufO":
            raise ValueError(f"{name} must hold numbers, got dtype {array.dtype}")
        if array.dtype.kind == "O" and any(isinstance(value, (str, bytes)) for value in array.flat):
            raise ValueError(f"{name} must hold numbers, but some of its values are strings")
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # what float64 cannot hold is found to be infinite
                array = array.astype(np.float32 if array.dtype.char == "f" else np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{name} must hold numbers, got dtype {array.dtype}: {error}") from error
    return array if array.flags.aligned else array.copy()


def check_rows(X: Any, name: str = "X") -> NDArray[Any]:
    """``X`` as a two-dimensional array that the core can read: where it is one already, a view of it, whose shape
    stays when that of ``X`` is changed by a callback or another thread."""
    array = X if type(X) is np.ndarray and X.dtype.char in _core.DTYPE_CODES else to_numeric(X, name)
    if not (array.flags.aligned and array.dtype.isnative):
        array = to_numeric(array, name)
    if array.ndim != 2:
        hint = ""
        if array.ndim == 1:
            hint = (
                " Reshape your data either using array.reshape(-1, 1) if it has a single feature or "
                "array.reshape(1, -1) if it contains a single sample."
            )
        raise ValueError(f"Expected 2D array for {name}, got {array.ndim}D array of shape {array.shape} instead.{hint}")
    for axis, what in enumerate(("sample", "feature")):
        if array.shape[axis] == 0:
            raise ValueError(
                f"{name}: Found array with 0 {what}(s) (shape={array.shape}) while a minimum of 1 is required."
            )
    return array.view()


def check_finite(rows: NDArray[Any], n_threads: int) -> None:
    """That all values of rows which passed ``check_rows`` are finite: the core finds the first that is not."""
    _core.assign(rows, np.zeros((1, rows.shape[1])), None, n_threads, False)


def check_centers(centers: Any, n_features: int, n_clusters: int | None = None, name: str = "centers") -> Floats:
    """A copy of ``centers``, finite float64 of shape (n_clusters, n_features) in C order."""
    array = check_rows(centers, name)
    if array.shape[1] != n_features or (n_clusters is not None and array.shape[0] != n_clusters):
        expected = f"({n_clusters if n_clusters is not None else 'any'}, {n_features})"
        raise ValueError(
            f"{name} must have shape {expected}: one row a cluster, one column a feature; got {array.shape}"
        )
    array = np.array(array, dtype=np.float64, order="C")
    finite = np.isfinite(array)
    if b"\0" in finite.tobytes():  # a quarter of the time of .all(), which a single row to predict would feel
        row, feature = np.argwhere(~finite)[0]
        raise ValueError(
            f"{name} contains {array[row, feature]} at row {row}, feature {feature}; values must be finite"
        )
    return array
