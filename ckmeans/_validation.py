"""The only place where user input is checked or converted.

Every message names the parameter, what was seen and what is allowed. Whether the values of X are finite is left to
the core, which finds out while it reads them.
"""

import contextlib
import math
import numbers
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._tables import column_names, table_values
from ._threads import MOST_THREADS, default_threads, processors

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
    return default_threads() if value is None else check_integer(value, "n_threads", 1, MOST_THREADS)


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
            with np.errstate(over="ignore", invalid="ignore"):  # what float64 cannot hold is found to be infinite
                array = array.astype(np.float32 if array.dtype.char == "f" else np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{name} must hold numbers, got dtype {array.dtype}: {error}") from error
    return array if array.flags.aligned else array.copy()


def check_rows(X: Any, name: str = "X") -> NDArray[Any]:
    """``X`` as a two-dimensional array that the core can read: where it is one already, a view of it, whose shape
    stays when that of ``X`` is changed by a callback or another thread."""
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
    return array.view()


def check_finite(rows: NDArray[Any], n_threads: int) -> None:
    """That all values of rows which passed ``check_rows`` are finite: the core finds the first that is not."""
    _core.assign(rows, np.zeros((1, rows.shape[1])), None, n_threads, False)


def check_centers(centers: Any, n_features: int, n_clusters: int | None = None, name: str = "centers") -> FloatArray:
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


class Weights(NamedTuple):
    """Weights of the rows in a unit that keeps their sums within float64."""

    values: FloatArray | None
    """None where all rows weigh one."""
    exponent: int
    """The unit is 2**exponent; mostly 1."""
    n_rows: int
    """Rows of positive weight."""


MODERATE = 64
"""Largest exponent of two that weights keep as it is."""


def check_weights(sample_weight: Any, n_rows: int) -> Weights:
    """``sample_weight``, checked, copied and scaled.

    Extreme weights are divided by a power of two, such that the largest is just below 1. Rows are counted first, and
    none that has a weight loses it: what would be less than the smallest positive float64 becomes that. Weights that
    have been through this already come back as they are.
    """
    if isinstance(sample_weight, Weights):
        return sample_weight
    weights = _weights(sample_weight, n_rows)
    if weights is None:
        return Weights(None, 0, n_rows)
    counted = int(np.count_nonzero(weights))
    exponent = int(np.frexp(weights.max())[1])
    if abs(exponent) <= MODERATE:
        return Weights(weights, 0, counted)
    scaled = rescaled(weights, -exponent)
    np.copyto(scaled, np.nextafter(0.0, 1.0), where=(scaled == 0) & (weights > 0))
    return Weights(scaled, exponent, counted)


def rescaled(values: Any, exponent: int) -> Any:
    """``values`` times 2**exponent; infinite or 0 where that is beyond float64."""
    if not exponent:
        return values
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(values, exponent)


def _weights(sample_weight: Any, n_rows: int) -> FloatArray | None:
    """A copy of the weights as a float64 array, or None where all rows weigh one."""
    if sample_weight is None:
        return None
    weights = np.array(_to_numeric(sample_weight, "sample_weight"), dtype=np.float64, order="C")
    if weights.ndim == 0:
        weights = np.full(n_rows, weights)
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


def _label_array(labels: Any, name: str) -> NDArray[Any]:
    """A copy, which stays as it was when it was checked."""
    if np.ma.is_masked(labels):
        raise ValueError(f"{name} has masked values; fill or drop them first")
    try:
        return np.array(table_values(labels))
    except ValueError as error:
        raise ValueError(f"{name} cannot be made into an array (rows of different lengths?): {error}") from error


def check_labels(labels: Any, n_rows: int | None, name: str = "labels") -> tuple[NDArray[np.int32], int]:
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


def check_label_indices(labels: Any, n_rows: int, n_clusters: int, name: str = "labels") -> NDArray[np.int32]:
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


# --- The estimator's own ----------------------------------------------------------------------------------------


def check_cluster_count(n_clusters: int, n_rows: int) -> None:
    if n_rows < n_clusters:
        raise ValueError(
            f"n_samples={n_rows} should be >= n_clusters={n_clusters} (rows of sample_weight 0 do not count)"
        )


def check_feature_names(estimator: Any, X: Any, n_features: int) -> None:
    """That rows to predict have the features the estimator was fitted with, by number and by name."""
    kind, expected = type(estimator).__name__, _fitted(estimator, "n_features_in_")
    if type(expected) is not int:
        expected = check_integer(expected, "n_features_in_", 1)
    if n_features != expected:
        raise ValueError(f"X has {n_features} features, but {kind} is expecting {expected} features as input")
    fitted, seen = fitted_names(estimator, n_features), column_names(X)
    if fitted is None and seen is not None:
        warnings.warn(f"X has feature names, but {kind} was fitted without feature names", UserWarning, stacklevel=4)
    elif fitted is not None and seen is None:
        warnings.warn(
            f"X does not have valid feature names, but {kind} was fitted with feature names", UserWarning, stacklevel=4
        )
    elif fitted is not None and seen is not None and fitted != list(seen):
        raise ValueError(_name_mismatch(fitted, list(seen)))


# What follows was computed by a fit, but may have been set by hand since.


def _fitted(estimator: Any, name: str) -> Any:
    try:
        return getattr(estimator, name)
    except AttributeError:
        raise not_fitted_error_class()(f"{type(estimator).__name__} has no {name}, which its fit would set") from None


def fitted_centers(estimator: Any, n_features: int) -> FloatArray:
    """A copy of ``cluster_centers_``, float64, as the core may read them."""
    return check_centers(_fitted(estimator, "cluster_centers_"), n_features, None, "cluster_centers_")


def fitted_names(estimator: Any, n_features: int) -> list[str] | None:
    """``feature_names_in_``; None where there are none."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return None
    listed = [names] if isinstance(names, str) or not isinstance(names, Iterable) else list(names)
    if len(listed) != n_features or not all(isinstance(name, str) for name in listed):
        raise ValueError(f"feature_names_in_ must be {n_features} strings, one a feature; got {names!r}")
    return listed


def fitted_numbers(estimator: Any, name: str, shape: tuple[int, ...] | None = None, kinds: str = "iuf") -> NDArray[Any]:
    """A copy of an attribute that holds numbers of at least 0, of dtypes of ``kinds``; shape None: one or more."""
    try:
        values = np.array(_fitted(estimator, name))
    except ValueError as error:
        raise ValueError(f"{name} cannot be made into an array: {error}") from error
    if values.dtype.kind not in kinds or (values.shape != shape if shape is not None else values.ndim != 1):
        what = "integers" if kinds == "iu" else "numbers"
        raise ValueError(
            f"{name} must be {what} of shape {shape or '(at least 1,)'}; got dtype {values.dtype} and shape "
            f"{values.shape}"
        )
    if not values.size or not (values >= 0).all():
        raise ValueError(f"{name} must be at least 0, got {values}")
    return values


def check_fields(table: Any, name: str, fields: Iterable[str]) -> NDArray[np.void]:
    """A copy of ``table``, a structured array with a line and more and a number in each of ``fields``."""
    copied, fields = np.array(table), tuple(fields)
    types: Any = copied.dtype.fields or {}
    numeric = all(each in types and types[each][0].kind in "iuf" for each in fields)
    if copied.ndim != 1 or not len(copied) or not numeric:
        raise ValueError(
            f"{name} must be a structured array of shape (at least 1,) with numbers in the fields {', '.join(fields)}; "
            f"got dtype {copied.dtype} and shape {copied.shape}"
        )
    return copied


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


# --- A choice of k ----------------------------------------------------------------------------------------------


def check_selection(selection: Any) -> NDArray[np.void]:
    """A copy of the table of a KSelection, all of whose parts may have been made by hand, by ascending k."""
    for name in ("criteria", "choices"):
        if not isinstance(getattr(selection, name, None), Mapping):
            raise TypeError(f"{name} must be a dict by names of criteria, got {getattr(selection, name, None)!r}")
    for name, criterion in selection.criteria.items():
        if not (isinstance(criterion, tuple) and len(criterion) == 2 and isinstance(criterion[0], str)):
            raise TypeError(f"criteria[{name!r}] must be a title and whether higher is better, got {criterion!r}")
    check_integer(selection.recommended_k, "recommended_k", 1)
    for name, k in {**selection.choices, "elbow": selection.elbow}.items():
        if k is not None:
            check_integer(k, f"the choice of {name}", 1)
    return np.sort(
        check_fields(selection.table, "table", ("k", "inertia", "silhouette_error", "gap_error", *selection.criteria)),
        order="k",
    )
