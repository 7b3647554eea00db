import numpy as np
import numpy.typing as npt

_Words = npt.NDArray[np.uint64]
_Ints = npt.NDArray[np.int64]

class Words:
    def __init__(self, columns: _Ints, counts: _Ints, marked: _Ints, sections: _Ints, version: int) -> None: ...
    def pack(self, rows: _Words, blank: _Words, recent: _Words, starts: _Ints) -> list[bytes]: ...
    def unpack(self, values: list[bytes], rows: _Words, positions: _Ints) -> tuple[_Words, _Ints] | None: ...
