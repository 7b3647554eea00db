import numpy as np
import numpy.typing as npt

def partitions(texts: list[str], count: int) -> npt.NDArray[np.int32]: ...
