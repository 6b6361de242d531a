"""What a fit has computed, which may have been set by hand since."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._types import Floats, Table
from .arrays import check_centers
from .exceptions import not_fitted_error_class, warn_caller
from .scalars import check_integer
from .tables import column_names


def check_is_fitted(estimator: Any) -> None:
    if not hasattr(estimator, "cluster_centers_"):
        raise not_fitted_error_class()(
            f"This {type(estimator).__name__} instance is not fitted yet. Call 'fit' with appropriate arguments before "
            "using this estimator."
        )


def _fitted(estimator: Any, name: str) -> Any:
    try:
        return getattr(estimator, name)
    except AttributeError:
        raise not_fitted_error_class()(f"{type(estimator).__name__} has no {name}, which its fit would set") from None


def check_feature_names(estimator: Any, X: Any, n_features: int) -> None:
    """That rows to predict have the features the estimator was fitted with, by number and by name."""
    kind, expected = type(estimator).__name__, _fitted(estimator, "n_features_in_")
    if type(expected) is not int:
        expected = check_integer(expected, "n_features_in_", 1)
    if n_features != expected:
        raise ValueError(f"X has {n_features} features, but {kind} is expecting {expected} features as input")
    fitted, seen = fitted_names(estimator, n_features), column_names(X)
    if fitted is None and seen is not None:
        warn_caller(f"X has feature names, but {kind} was fitted without feature names", UserWarning)
    elif fitted is not None and seen is None:
        warn_caller(f"X does not have valid feature names, but {kind} was fitted with feature names", UserWarning)
    elif fitted is not None and seen is not None and fitted != list(seen):
        raise ValueError(_name_mismatch(fitted, list(seen)))


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


def fitted_centers(estimator: Any, n_features: int) -> Floats:
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


def check_fields(table: Any, name: str, fields: Iterable[str]) -> Table:
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


def check_selection(selection: Any) -> Table:
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
