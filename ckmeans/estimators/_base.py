"""What all estimators share: one that is fitted has centers, and everything else follows from them."""

import inspect
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from .. import _input as check
from .._fitting.result import KMeansResult
from .._types import Counts, Floats, Labels, Names, Table


class CenterEstimator:
    """An estimator has ``__init__``, whose parameters it keeps under their names, and ``fit``, which ends in
    ``self._take(result, n_features, names)``."""

    cluster_centers_: NDArray[Any]
    labels_: Labels
    inertia_: float
    n_iter_: int
    converged_: bool
    cluster_sizes_: Counts
    cluster_weights_: Floats
    history_: Table
    n_features_in_: int
    feature_names_in_: Names

    n_threads: int | None
    _estimator_type = "clusterer"

    # --- Fitting ------------------------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Cluster the rows of ``X``: each estimator's own."""
        raise NotImplementedError

    def _take(self, result: KMeansResult, n_features: int, names: Names | None) -> Self:
        """Set the fitted attributes."""
        for name, value in result._asdict().items():
            setattr(self, "cluster_centers_" if name == "centers" else f"{name}_", value)
        self.n_features_in_ = n_features
        if names is not None:
            self.feature_names_in_ = names
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def fit_predict(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Labels:
        """Fit, and return ``labels_``, shape (n_samples,), int32."""
        return self.fit(X, sample_weight=sample_weight).labels_

    def fit_transform(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Any:
        """Fit, and return what ``transform(X)`` returns."""
        return self.fit(X, sample_weight=sample_weight).transform(X)

    # --- Using --------------------------------------------------------------------------------------------------

    def _rows_and_centers(self, X: Any) -> tuple[NDArray[Any], Floats]:
        """Both checked: fitted attributes may have been set by hand."""
        check.check_is_fitted(self)
        rows = check.check_rows(X)
        check.check_feature_names(self, X, rows.shape[1])
        return rows, check.fitted_centers(self, rows.shape[1])

    def predict(self, X: ArrayLike) -> Labels:
        """Index of the nearest center of every row of ``X``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features_in_)

        Returns
        -------
        ndarray of shape (n_samples,), int32

        Raises
        ------
        NotFittedError
            Before ``fit`` (scikit-learn's own class where that library is loaded).
        ValueError
            If X has another number of features or a value that is not finite, or a fitted attribute that is used was
            set to what cannot be used.
        """
        rows, centers = self._rows_and_centers(X)
        labels, _ = _core.assign(rows, centers, None, check.check_n_threads(self.n_threads), False)
        return labels

    def transform(self, X: ArrayLike) -> Any:
        """Euclidean distance of every row of ``X`` to every center.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features_in_)

        Returns
        -------
        ndarray of shape (n_samples, n_clusters)
            Each distance computed in float64; returned as float32 where X is float32. A pandas or polars data frame
            where ``set_output`` says so.
        """
        rows, centers = self._rows_and_centers(X)
        distances = _core.transform(rows, centers, check.check_n_threads(self.n_threads))
        return check.wrap_output(
            distances, X, getattr(self, "_sklearn_output_config", {}).get("transform"), self.get_feature_names_out
        )

    def score(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Minus the inertia of ``X`` at the fitted centers."""
        rows, centers = self._rows_and_centers(X)
        weights = check.check_weights(sample_weight, len(rows))
        _, inertia = _core.assign(rows, centers, weights.values, check.check_n_threads(self.n_threads), True)
        return -float(check.rescaled(inertia, weights.exponent))

    # --- What scikit-learn's tools ask for ----------------------------------------------------------------------

    def get_feature_names_out(self, input_features: Any = None) -> Names:
        """Names of the columns of ``transform``: kmeans0, kmeans1, ..."""
        check.check_is_fitted(self)
        prefix, centers = type(self).__name__.lower(), check.check_rows(self.cluster_centers_, "cluster_centers_")
        return np.asarray([f"{prefix}{i}" for i in range(len(centers))], dtype=object)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose what ``transform`` returns: "default" (an array), "pandas" or "polars"; None changes nothing."""
        if transform is not None:
            check.check_choice(transform, "transform", ("default", "pandas", "polars"))
            self._sklearn_output_config = {"transform": transform}  # the name that scikit-learn's clone copies
        return self

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name."""
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name; ValueError for a name that is none."""
        names = self._parameter_names()
        for name in params:
            if name not in names:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {type(self).__name__}. Valid parameters are: {names}."
                )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = {name: p.default for name, p in inspect.signature(type(self).__init__).parameters.items()}
        shown = [
            f"{name}={value!r}" for name, value in self.get_params().items() if repr(value) != repr(defaults[name])
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type="clusterer",
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=["float64", "float32"]),
            input_tags=InputTags(),
        )
