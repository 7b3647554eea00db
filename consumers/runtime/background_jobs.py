"""Work between the batches: what it is asked for, and a piece of it as a job of a lane."""

import time
from collections.abc import Iterable, Sequence
from typing import Protocol

from state.partitions.owned_partition import Fenced, OwnedPartition

__all__ = ["Background", "Chore"]


class Background(Protocol):
    """Work between the batches: new models and baselines, sweeps. Called by one thread at a time."""

    def due(self, owned: Iterable[OwnedPartition]) -> float:
        """Follow what goes on elsewhere; return the share of its time that a worker may take for what is waiting.

        That is 0 where nothing is; it counts while events arrive.
        """
        ...

    def run(self, owned: Iterable[OwnedPartition]) -> bool:
        """Do a bounded piece of what is due for these partitions, which are at rest; return whether more is waiting."""
        ...

    def claimed(self, owned: OwnedPartition) -> None:
        """Take note of a partition that has just been claimed."""
        ...


class Chore:
    """A piece of background work on the partitions of one lane, done there between two of their batches."""

    def __init__(self, background: Background, owned: Sequence[OwnedPartition], share: float) -> None:
        self._background, self.owned, self._share = background, owned, share
        self.rest_s = 0.0

    def run(self) -> None:
        """Do it; a partition that another worker has taken over is marked as `fenced`, for the others go on."""
        began = time.monotonic()
        try:
            self._background.run([each for each in self.owned if not each.fenced])
        except Fenced as error:
            for each in self.owned:
                if each.partition == error.partition:
                    each.fenced = error
        self.rest_s = (time.monotonic() - began) * (1.0 / self._share - 1.0)
