"""The only place where user input is checked or converted.

Every message names the parameter, what was seen and what is allowed.
"""

from .arrays import check_centers, check_finite, check_rows
from .exceptions import (
    ConvergenceWarning,
    NotFittedError,
    convergence_warning_class,
    convergence_warnings_ignored,
    not_fitted_error_class,
    warn_caller,
)
from .fitted import (
    check_feature_names,
    check_fields,
    check_is_fitted,
    check_selection,
    fitted_centers,
    fitted_names,
    fitted_numbers,
)
from .labels import check_label_indices, check_labels
from .models import feature_names_of, is_estimator, labels_and_centers, predicted, weights_of
from .scalars import (
    MAX_CLUSTERS,
    check_callback,
    check_choice,
    check_cluster_count,
    check_flag,
    check_integer,
    check_n_threads,
    check_nonnegative,
    check_random_state,
    check_verbose,
)
from .tables import column_names, frame_library, framed, wrap_output
from .threads import default_threads
from .weights import Weights, check_weights, rescaled

__all__ = [
    "MAX_CLUSTERS",
    "ConvergenceWarning",
    "NotFittedError",
    "Weights",
    "check_callback",
    "check_centers",
    "check_choice",
    "check_cluster_count",
    "check_feature_names",
    "check_fields",
    "check_finite",
    "check_flag",
    "check_integer",
    "check_is_fitted",
    "check_label_indices",
    "check_labels",
    "check_n_threads",
    "check_nonnegative",
    "check_random_state",
    "check_rows",
    "check_selection",
    "check_verbose",
    "check_weights",
    "column_names",
    "convergence_warning_class",
    "convergence_warnings_ignored",
    "default_threads",
    "feature_names_of",
    "fitted_centers",
    "fitted_names",
    "fitted_numbers",
    "frame_library",
    "framed",
    "is_estimator",
    "labels_and_centers",
    "not_fitted_error_class",
    "predicted",
    "rescaled",
    "warn_caller",
    "weights_of",
    "wrap_output",
]
