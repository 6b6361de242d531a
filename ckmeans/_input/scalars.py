"""Single values: numbers, choices, switches, seeds."""

import math
import numbers
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .. import _core
from .threads import MOST_THREADS, default_threads, processors

MAX_CLUSTERS = 2**31 - 64  # labels are int32


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
    """Threads to use; None: the default. Every call passes here and tells the core what all may use together."""
    most = processors()
    _core.set_processors(most)
    return default_threads(most) if value is None else check_integer(value, "n_threads", 1, MOST_THREADS)


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


def check_cluster_count(n_clusters: int, n_rows: int) -> None:
    if n_rows < n_clusters:
        raise ValueError(
            f"n_samples={n_rows} should be >= n_clusters={n_clusters} (rows of sample_weight 0 do not count)"
        )
