"""What the package warns of and refuses, under scikit-learn's names where that library is loaded."""

import contextlib
import sys
import warnings
from collections.abc import Iterator


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


def not_fitted_error_class() -> type[Exception]:
    return _sklearn_twin(NotFittedError, "NotFittedError")


@contextlib.contextmanager
def convergence_warnings_ignored() -> Iterator[None]:
    """Of many small fits, nothing about fewer distinct points than clusters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", convergence_warning_class())
        yield


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn of what the first line outside this package has asked for, however deep within it that shows."""
    depth, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "ckmeans":
        depth, frame = depth + 1, frame.f_back
    warnings.warn(message, category, stacklevel=depth)
