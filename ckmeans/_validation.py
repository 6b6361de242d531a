"""The only place where user input is checked or converted.

Every message names the parameter, what was seen and what is allowed. Whether the values of X are finite is left to
the core, which finds out while it reads them.
"""

import contextlib
import math
import numbers
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._tables import column_names, table_values
from ._threads import default_threads, processors

FloatArray = NDArray[np.float64]
MAX_CLUSTERS = 2**31 - 64  # labels are int32


class ConvergenceWarning(UserWarning):
    """Fewer distinct points than clusters were found."""


class NotFittedError(ValueError, AttributeError):
    """The estimator was used before it was fitted."""


def _sklearn_twin(own: type, name: str) -> type:
    """scikit-learn's class of that name where that library is loaded, so that its users' filters work."""
    exceptions = sys.modules.get("sklearn.exceptions")
    return own if exceptions is None else getattr(exceptions, name)


def convergence_warning_class() -> type[Warning]:
    return _sklearn_twin(ConvergenceWarning, "ConvergenceWarning")


@contextlib.contextmanager
def convergence_warnings_ignored() -> Iterator[None]:
    """Of many small fits, nothing about fewer distinct points than clusters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", convergence_warning_class())
        yield


def not_fitted_error_class() -> type[Exception]:
    return _sklearn_twin(NotFittedError, "NotFittedError")


# --- Scalars ----------------------------------------------------------------------------------------------------


def check_integer(value: Any, name: str, least: int, most: int = 2**63 - 1) -> int:
    """``value`` as an int in [least, most]."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r} of type {type(value).__name__}")
    if not least <= int(value) <= most:
        allowed = f"at least {least}" if most == 2**63 - 1 else f"between {least} and {most}"
        raise ValueError(f"{name} must be {allowed}, got {value!r}")
    return int(value)


def check_nonnegative(value: Any, name: str) -> float:
    """``value`` as a finite float of at least zero."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a real number, got {value!r} of type {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{name} must be finite and at least 0, got {value!r}")
    return number


def check_choice(value: Any, name: str, choices: Iterable[str]) -> str:
    """``value``, which must be one of ``choices``."""
    choices = tuple(choices)
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return value


def check_verbose(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    return check_integer(value, "verbose", 0) > 0


def check_flag(value: Any, name: str) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def check_callback(value: Any) -> Callable[[Any], Any] | None:
    if value is not None and not callable(value):
        raise TypeError(f"callback must be callable or None, got {value!r}")
    return value  # type: ignore[no-any-return]


def check_n_threads(value: Any) -> int:
    """Threads to use; None: see ``_threads``. Every call passes here and tells the core what all may use together."""
    _core.set_processors(processors())
    return default_threads() if value is None else check_integer(value, "n_threads", 1, 2**31 - 1)


def check_random_state(random_state: Any) -> int:
    """A 64-bit seed: an int as it is, else drawn from the generator given (None: NumPy's global one)."""
    if isinstance(random_state, numbers.Integral) and not isinstance(random_state, (bool, np.bool_)):
        return check_integer(random_state, "random_state", 0, 2**64 - 1)
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**64, dtype=np.uint64))
    if random_state is None:
        random_state = np.random
    elif not isinstance(random_state, np.random.RandomState):
        raise TypeError(
            "random_state must be None, an integer, a numpy.random.Generator or a numpy.random.RandomState, "
            f"got {random_state!r}"
        )
    return int(random_state.randint(2**32, dtype=np.uint64)) << 32 | int(random_state.randint(2**32, dtype=np.uint64))


# --- Arrays -----------------------------------------------------------------------------------------------------


def _to_numeric(values: Any, name: str) -> NDArray[Any]:
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
            array = array.astype(np.float32 if array.dtype.char == "f" else np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{name} must hold numbers, got dtype {array.dtype}: {error}") from error
    return array if array.flags.aligned else array.copy()


def check_rows(X: Any, name: str = "X") -> NDArray[Any]:
    """``X`` as a two-dimensional array that the core can read; not copied where it is one already."""
    array = X if type(X) is np.ndarray and X.dtype.char in _core.DTYPE_CODES else _to_numeric(X, name)
    if not (array.flags.aligned and array.dtype.isnative):
        array = _to_numeric(array, name)
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
    return array


def check_finite(rows: NDArray[Any], n_threads: int) -> None:
    """That all values of rows which passed ``check_rows`` are finite: the core finds the first that is not."""
    _core.assign(rows, np.zeros((1, rows.shape[1])), None, n_threads, False)


def check_centers(centers: Any, n_features: int, n_clusters: int | None = None, name: str = "centers") -> FloatArray:
    """``centers`` as a finite float64 array of shape (n_clusters, n_features) in C order."""
    array = check_rows(centers, name)
    if array.shape[1] != n_features or (n_clusters is not None and array.shape[0] != n_clusters):
        expected = f"({n_clusters if n_clusters is not None else 'any'}, {n_features})"
        raise ValueError(
            f"{name} must have shape {expected}: one row a cluster, one column a feature; got {array.shape}"
        )
    array = np.ascontiguousarray(array, dtype=np.float64)
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        row, feature = bad[0]
        raise ValueError(
            f"{name} contains {array[row, feature]} at row {row}, feature {feature}; values must be finite"
        )
    return array


def check_sample_weight(sample_weight: Any, n_rows: int) -> FloatArray | None:
    """Weights as a float64 array, or None where all rows weigh one."""
    if sample_weight is None:
        return None
    weights = np.asarray(_to_numeric(sample_weight, "sample_weight"), dtype=np.float64)
    weights = np.full(n_rows, weights) if weights.ndim == 0 else np.ascontiguousarray(weights)
    if weights.shape != (n_rows,):
        raise ValueError(f"sample_weight must have shape ({n_rows},), one weight a row of X; got {weights.shape}")
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(bad):
        raise ValueError(
            f"sample_weight must be finite and at least 0, got {weights[bad[0]]} at row {bad[0]}"
            + (f" and {len(bad) - 1} more" if len(bad) > 1 else "")
        )
    if not weights.any():
        raise ValueError("sample_weight is zero for every row; at least one weight must be positive")
    return weights


def check_labels(labels: Any, n_rows: int | None, name: str = "labels") -> tuple[NDArray[np.int32], int]:
    """``labels`` as int32 codes and a number that exceeds them, at most that of the rows; integers from 0 are kept as
    they are where that allows it."""
    if np.ma.is_masked(labels):
        raise ValueError(f"{name} has masked values; fill or drop them first")
    try:
        array = np.asarray(table_values(labels))
    except ValueError as error:
        raise ValueError(f"{name} cannot be made into an array (rows of different lengths?): {error}") from error
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


def check_label_indices(labels: Any, n_rows: int, n_clusters: int, name: str = "labels") -> NDArray[np.int32]:
    """``labels`` as int32 indices of clusters, of which there are ``n_clusters``."""
    array = np.asarray(table_values(labels))
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


def scaled_weights(weights: FloatArray | None) -> tuple[FloatArray | None, int]:
    """Weights divided by a power of two where they are extreme, and its exponent; mostly they themselves and 0."""
    exponent = weight_exponent(weights)
    return (np.ldexp(weights, -exponent) if weights is not None and exponent else weights), exponent


def count_rows(weights: FloatArray | None, n_rows: int) -> int:
    """Rows of positive weight."""
    return n_rows if weights is None else int(np.count_nonzero(weights))


def weight_exponent(weights: FloatArray | None) -> int:
    """Exponent of a power of two to divide extreme weights by, so that their sums stay within float64; mostly 0."""
    if weights is None:
        return 0
    exponent = int(np.frexp(weights.max())[1])
    return exponent if abs(exponent) > 64 else 0


# --- The estimator's own ----------------------------------------------------------------------------------------


def check_cluster_count(n_clusters: int, n_rows: int) -> None:
    if n_rows < n_clusters:
        raise ValueError(
            f"n_samples={n_rows} should be >= n_clusters={n_clusters} (rows of sample_weight 0 do not count)"
        )


def check_feature_names(estimator: Any, X: Any, n_features: int) -> None:
    """That rows to predict have the features the estimator was fitted with, by number and by name."""
    kind = type(estimator).__name__
    if n_features != estimator.n_features_in_:
        raise ValueError(
            f"X has {n_features} features, but {kind} is expecting {estimator.n_features_in_} features as input"
        )
    fitted, seen = getattr(estimator, "feature_names_in_", None), column_names(X)
    if fitted is None and seen is not None:
        warnings.warn(f"X has feature names, but {kind} was fitted without feature names", UserWarning, stacklevel=4)
    elif fitted is not None and seen is None:
        warnings.warn(
            f"X does not have valid feature names, but {kind} was fitted with feature names", UserWarning, stacklevel=4
        )
    elif fitted is not None and seen is not None and list(fitted) != list(seen):
        raise ValueError(_name_mismatch(list(fitted), list(seen)))


def _name_mismatch(fitted: list[str], seen: list[str]) -> str:
    message = "The feature names should match those that were passed during fit.\n"

    def listed(names: list[str]) -> str:
        return "".join(f"- {name}\n" for name in names[:5]) + ("- ...\n" if len(names) > 5 else "")

    if unseen := sorted(set(seen) - set(fitted)):
        message += "Feature names unseen at fit time:\n" + listed(unseen)
    if missing := sorted(set(fitted) - set(seen)):
        message += "Feature names seen at fit time, yet now missing:\n" + listed(missing)
    if not unseen and not missing:
        message += "Feature names must be in the same order as they were in fit.\n"
    return message
