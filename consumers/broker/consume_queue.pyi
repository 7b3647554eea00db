import numpy as np
import numpy.typing as npt

from events.arrays import Ints

class MessageQueue:
    count: int
    def lead_here(self, topic: str, partition: int) -> None: ...
    def more(self, limit: int, timeout_ms: int) -> int: ...
    def take(
        self,
    ) -> tuple[
        list[tuple[str, npt.NDArray[np.uint8], Ints, npt.NDArray[np.int32]]],
        list[tuple[str, int, int, int, str]],
    ]: ...
    def drop(self) -> None: ...
    def close(self) -> None: ...
