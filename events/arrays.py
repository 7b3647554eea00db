"""The types of numpy columns that every folder uses."""

import numpy as np
import numpy.typing as npt

__all__ = ["Flags", "Floats", "Ints"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
