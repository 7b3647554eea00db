"""What the micro-batch runtime needs of the parts that it is wired with: segments and experiments bring their own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from consumers.columns import Columns
from consumers.partition_batch import PartitionBatch
from consumers.sink import PARTITION_UA
from state.partition_store import Owned

__all__ = ["Claims", "Commits", "Customers", "Handler", "Made", "Open", "Published"]


class Customers(Protocol):
    """What was read of the customers of a micro-batch, aligned by position."""

    @property
    def ids(self) -> list[str]:
        """The customers."""
        ...

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which of them this partition knows; others may belong to another partition."""
        ...


class Made(Protocol):
    """What a handler wants saved."""

    @property
    def fates(self) -> Mapping[str, Mapping[str, int]]:
        """By topic, how many events met another fate than to be applied."""
        ...


Open = Callable[[Owned, list[str], PartitionBatch], Any]
"""Begins a micro-batch of a partition: watches it and reads the Customers that the events are of."""


class Handler(Protocol):
    """What the runtime calls with the events of a partition: pure with respect to Kafka and Redis."""

    def apply(
        self,
        owned: Owned,
        customers: Any,
        events: dict[str, Columns],
        slots: dict[str, npt.NDArray[np.int64]],
        now_ms: int,
    ) -> Any:
        """Fold events, by topic, into the customers at `slots`, and say what changes. `now_ms` is ms since 1970 UTC."""
        ...


class Claims(Protocol):
    """Who owns a partition, and whether Redis is still as its owner knows it."""

    def claim(self, partition: int) -> Owned:
        """Become the partition's one writer."""
        ...

    def verify(self, owned: Sequence[Owned]) -> None:
        """Compare partitions with what their owner knows of them. Raises Fenced or StateMoved."""
        ...


class Commits(Protocol):
    """Makes what was made durable and visible, in an order that a crash cannot harm."""

    def send_elsewhere(self, topic: str, key: bytes | None, value: bytes, partition: int = PARTITION_UA) -> None:
        """Queue what goes to another topic or partition; the next commit waits for it first. Raises SinkFailed."""
        ...

    def begin(
        self, owned: Owned, outcome: Any, offsets: Mapping[str, int], fates: Mapping[str, int], watermark_ms: int
    ) -> None:
        """Save one partition's micro-batch, and begin to publish what it changed."""
        ...

    def confirm(self) -> None:
        """Wait until Kafka has all that was sent. Raises SinkFailed."""
        ...

    def tidy(self, owned: Owned) -> None:
        """Clear up after what Kafka has acknowledged of a partition."""
        ...

    def drain(self, owned: Owned) -> int:
        """Send again what the partition's last owner may not have sent; return how many messages."""
        ...


class Published(Protocol):
    """What the world has been told of a partition, where Redis may know less."""

    def ahead_of(self, owned: Sequence[Owned]) -> set[int]:
        """Return the partitions of which more was published than Redis knows."""
        ...

    def restore(self, owned: Owned) -> int:
        """Take over what was published of a partition; return of how many customers."""
        ...
