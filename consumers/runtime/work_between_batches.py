"""Work between the batches: what it is asked for, and a piece of it as a job of a lane."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from state.partitions.partition_fence import Fenced, OwnedPartition

__all__ = ["BackgroundJob", "BackgroundWork", "CombinedWork"]


class BackgroundWork(Protocol):
    """Work between the batches: new models and baselines, sweeps. Called by one thread at a time."""

    def due(self, owned: Iterable[OwnedPartition]) -> float:
        """Follow what goes on elsewhere; return the share of its time that a worker may take for what is due.

        That is 0 where nothing is; it counts while events arrive.
        """
        ...

    def run(self, owned: Iterable[OwnedPartition]) -> bool:
        """Do a bounded piece of what is due for these partitions, which nobody is saving; return whether more is."""
        ...

    def claimed(self, owned: OwnedPartition) -> None:
        """Take note of a partition that has just been claimed."""
        ...


class CombinedWork:
    """Several kinds of background work, done one after the other in the order given."""

    def __init__(self, *parts: BackgroundWork) -> None:
        self._parts = parts

    def claimed(self, owned: OwnedPartition) -> None:
        """Pass on that a partition has just been claimed."""
        for part in self._parts:
            part.claimed(owned)

    def due(self, owned: Iterable[OwnedPartition]) -> float:
        """Return the largest share of the time that a part asks for."""
        mine = list(owned)
        return max(float(part.due(mine)) for part in self._parts)

    def run(self, owned: Iterable[OwnedPartition]) -> bool:
        """Do a piece of each; return whether more is waiting."""
        mine = list(owned)
        more = [part.run(mine) for part in self._parts]
        return any(more)


class BackgroundJob:
    """A piece of background work on the partitions of one lane, done there between two of their batches.

    `pause_s` is how long no other may be begun once it is done, so that the share of the time is kept.
    """

    def __init__(
        self,
        work: BackgroundWork,
        owned: Sequence[OwnedPartition],
        share: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work, self.owned, self._share, self._clock = work, owned, share, clock
        self.pause_s = 0.0

    def run(self) -> None:
        """Do it; a partition that another worker has taken over is marked as `fenced`, for the others go on."""
        began = self._clock()
        try:
            self._work.run([each for each in self.owned if not each.fenced])
        except Fenced as error:
            for each in self.owned:
                if each.partition == error.partition:
                    each.fenced = error
        self.pause_s = (self._clock() - began) * (1.0 / self._share - 1.0)
