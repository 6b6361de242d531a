"""Names of the kinds of arrays that the package passes around."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[np.int32]
Counts: TypeAlias = NDArray[np.int64]
Positions: TypeAlias = NDArray[np.intp]
Mask: TypeAlias = NDArray[np.bool_]
Names: TypeAlias = NDArray[np.object_]
Table: TypeAlias = NDArray[np.void]
