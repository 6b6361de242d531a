"""Data frames in and out: column names, values, and ``set_output``. Nothing here imports a data frame library."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._types import Names


def column_names(X: Any) -> Names | None:
    """Names of the columns of a pandas, polars or Arrow table, when all are strings; else None."""
    names = getattr(X, "column_names", None)  # Arrow
    if names is None:
        names = getattr(X, "columns", None)
    if names is None or callable(names) or not hasattr(X, "shape"):
        return None
    names = list(names)
    strings = [isinstance(name, str) for name in names]
    if all(strings) and names:
        return np.asarray(names, dtype=object)
    if any(strings):
        raise TypeError(
            "X has column names of several types; feature names are only supported if all column names are strings, "
            f"got {sorted({type(name).__name__ for name in names})}"
        )
    return None


def table_values(X: Any) -> Any:
    """What of a table NumPy can read: Arrow tables column by column, others as they are."""
    if hasattr(X, "column_names") and hasattr(X, "itercolumns"):
        columns = [np.asarray(column) for column in X.itercolumns()]
        return np.column_stack(columns) if columns else np.empty((X.num_rows, 0))
    if hasattr(X, "to_numpy") and not isinstance(X, np.ndarray):
        values = X.to_numpy()
        if values.dtype == object and hasattr(X, "iloc"):  # nullable columns of pandas
            values = X.to_numpy(na_value=np.nan)
        return values
    return X


def wanted_container(setting: str | None) -> str:
    """``"default"``, ``"pandas"`` or ``"polars"``: the estimator's own setting, else scikit-learn's global one."""
    if setting is not None:
        return setting
    sklearn = sys.modules.get("sklearn")
    return str(sklearn.get_config()["transform_output"]) if sklearn is not None else "default"


def wrap_output(values: NDArray[Any], X: Any, setting: str | None, names: Callable[[], Names]) -> Any:
    """``values`` in the container asked for; a pandas result keeps the index of ``X``."""
    container = wanted_container(setting)
    if container == "pandas":
        import pandas as pd

        index = X.index if isinstance(X, (pd.DataFrame, pd.Series)) else None
        return pd.DataFrame(values, columns=names(), index=index, copy=False)
    if container == "polars":
        import polars as pl

        return pl.DataFrame(values, schema=list(names()), orient="row")
    return values


def frame_library(X: Any) -> str | None:
    """ "pandas" or "polars" where X is a data frame of that library."""
    for library in ("pandas", "polars"):
        if library in sys.modules and isinstance(X, sys.modules[library].DataFrame):
            return library
    return None


def framed(X: Any, names: Sequence[str] | Names, columns: Any, otherwise: NDArray[Any]) -> Any:
    """Columns with a value for each cluster, as a data frame where ``X`` is one."""
    library, numbers = frame_library(X), np.arange(len(otherwise))
    if library == "pandas":
        import pandas as pd

        frame = pd.DataFrame(dict(enumerate(columns)), index=pd.Index(numbers, name="cluster"))
        return frame.set_axis(names, axis="columns")
    if library == "polars":
        import polars as pl

        first = pl.Series("cluster_" if "cluster" in names else "cluster", numbers)
        return pl.DataFrame([first, *(pl.Series(*column) for column in zip(names, columns, strict=True))])
    return otherwise
