"""Names for arrays of numbers and for colours, for annotations."""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Labels = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]  # of any of these
Colour = Floats | tuple[float, float, float]
Palette = tuple[tuple[int, int, int], ...]
