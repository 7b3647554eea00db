"""What the micro-batch runtime needs of the parts that it is wired with: segments and experiments bring their own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from consumers.broker.kafka_sink import PARTITION_UA
from consumers.broker.message_headers import Headers
from consumers.inputs.columns import Columns
from consumers.merges.messages import Merges
from consumers.runtime.partition_batch import PartitionBatch
from events.arrays import Flags, Ints
from state.partitions.partition_fence import OwnedPartition

__all__ = [
    "C",
    "Clock",
    "Commit",
    "Committer",
    "Customers",
    "Handler",
    "HandlerResult",
    "Load",
    "LoadRequest",
    "Loaded",
    "PartitionClaims",
    "RollbackRecovery",
    "U",
]


class Customers(Protocol):
    """What was read of the customers of a micro-batch, aligned by position."""

    @property
    def ids(self) -> list[str]:
        """The customers."""
        ...

    @property
    def known(self) -> Flags:
        """Which of them this partition knows; others may belong to another partition."""
        ...


class HandlerResult(Protocol):
    """What a handler returns for a partition: what is to be saved, and what became of the events."""

    @property
    def outcome_counts(self) -> Mapping[str, Mapping[str, int]]:
        """By topic, how many events were not applied, by outcome."""
        ...


C = TypeVar("C", bound=Customers)
U = TypeVar("U", bound=HandlerResult)


class Clock(Protocol):
    """What time it is for a partition, in ms since 1970 UTC."""

    def now_ms(self, watermark_ms: int, wall_ms: int) -> int:
        """Return now, given the largest event time that the partition has seen, and the wall clock."""
        ...


class LoadRequest(NamedTuple):
    """A partition that is to be watched, and the customers of a micro-batch that are to be read.

    `slots` are, by topic, the positions of the events' customers, and those of merges.
    """

    owned: OwnedPartition
    ids: list[str]
    batch: PartitionBatch
    slots: dict[str, Ints]


Load = Callable[[Sequence[LoadRequest]], list[C]]
"""Begins a micro-batch: watches partitions and reads what is known of their customers.

Marks as `fenced` the partitions that another worker has taken over, of which nobody is known. Raises StateMismatch or
redis.RedisError.
"""


class Loaded(NamedTuple, Generic[C]):
    """A partition's part of a micro-batch, with what is known of the customers that it is about.

    `slots` are, by topic, the positions of the events' customers, and those of merges; `now_ms` is the partition's
    present.
    """

    owned: OwnedPartition
    customers: C
    events: dict[str, Columns]
    slots: dict[str, Ints]
    now_ms: int
    merges: Merges = Merges()


class Commit(NamedTuple, Generic[U]):
    """What is to be committed of one partition: what was made, and how far it brings each topic (by full name).

    `identities` are the merges that were decided on, each previous id with its survivor.
    """

    owned: OwnedPartition
    result: U
    offsets: Mapping[str, int]
    outcome_counts: Mapping[str, int]
    watermark_ms: int
    identities: Mapping[str, str] = {}


class Handler(Protocol[C, U]):
    """What the runtime calls with the events of partitions: pure with respect to Kafka and Redis."""

    def apply(self, loaded: Sequence[Loaded[C]]) -> list[U]:
        """Fold the events of each partition into its customers, and say for each what changes."""
        ...


class PartitionClaims(Protocol):
    """Who owns a partition, and whether Redis is still as its owner knows it."""

    def claim(self, partition: int) -> OwnedPartition:
        """Become the partition's one writer."""
        ...

    def verify(self, owned: Sequence[OwnedPartition]) -> None:
        """Compare partitions with what their owner knows of them. Raises Fenced or StateMismatch."""
        ...


class Committer(Protocol[U]):
    """Makes results durable and visible, in an order that a crash cannot harm."""

    def send_elsewhere(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int = PARTITION_UA,
        headers: Headers | None = None,
    ) -> None:
        """Queue what goes to another topic or partition; the next commit waits for it first. Raises SinkFailed."""
        ...

    def begin(self, commits: Sequence[Commit[U]]) -> None:
        """Save partitions, each at once or not at all, and begin to publish what they changed.

        Marks as `fenced` those that another worker has taken over. Raises StateMismatch, SinkFailed, redis.RedisError.
        """
        ...

    def confirm(self) -> None:
        """Wait until Kafka has all that was sent. Raises SinkFailed."""
        ...

    def trim_outbox(self, owned: OwnedPartition) -> None:
        """Remove from the outbox what Kafka has acknowledged of a partition."""
        ...

    def resend_outbox(self, owned: OwnedPartition) -> int:
        """Send again what the last owner of the partition may not have sent; return how many messages."""
        ...


class RollbackRecovery(Protocol):
    """Detects that Redis came back older than what was published, and repairs the partition's state from that."""

    def rolled_back(self, owned: Sequence[OwnedPartition]) -> set[int]:
        """Return the partitions of which more was published than Redis knows."""
        ...

    def restore(self, owned: OwnedPartition) -> int:
        """Take over what was published of a partition; return of how many customers."""
        ...
