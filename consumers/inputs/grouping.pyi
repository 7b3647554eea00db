import numpy as np
import numpy.typing as npt

def grouped(texts: list[str]) -> tuple[list[str], npt.NDArray[np.int64]]: ...
