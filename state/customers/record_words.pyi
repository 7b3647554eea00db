from typing import Any

from numpy.typing import NDArray

class Words:
    def __init__(
        self,
        columns: NDArray[Any],
        counts: NDArray[Any],
        marked: NDArray[Any],
        sections: NDArray[Any],
        widths: NDArray[Any],
        version: int,
    ) -> None: ...
    def pack(
        self, rows: NDArray[Any], blank: NDArray[Any], lists: list[tuple[NDArray[Any], NDArray[Any]]]
    ) -> list[bytes]: ...
    def unpack(
        self, values: list[bytes], rows: NDArray[Any], positions: NDArray[Any]
    ) -> list[tuple[NDArray[Any], NDArray[Any]]] | None: ...
