import numpy as np
import numpy.typing as npt

from events.arrays import Ints

_Words = npt.NDArray[np.uint64]

class Words:
    def __init__(self, columns: Ints, counts: Ints, marked: Ints, sections: Ints, version: int) -> None: ...
    def pack(self, rows: _Words, blank: _Words, recent: _Words, starts: Ints) -> list[bytes]: ...
    def unpack(self, values: list[bytes], rows: _Words, positions: Ints) -> tuple[_Words, Ints] | None: ...
