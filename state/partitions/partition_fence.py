"""A partition in the hands of its one writer, and what tells the writer that it is so no longer.

Two numbers guard every write. The epoch grows with every worker that takes the partition over; the revision grows with
every write. A writer whose epoch is no longer the partition's has lost it; where epoch or revision are smaller than the
writer knows them, Redis has come back older than it was.
"""

from dataclasses import dataclass, field

from events.base_error import ShoalError
from state.erasures.erased_customers import ErasedCustomers
from state.partitions.model_sums import ModelSums

__all__ = ["Fenced", "OwnedPartition", "StateMismatch", "require_unchanged"]


class Fenced(ShoalError):
    """Another worker has taken the partition over; what this one has in hand is abandoned."""

    def __init__(self, partition: int, mine: int, found: int) -> None:
        super().__init__(
            f"partition {partition} has epoch {found}; this worker's was {mine}: another worker owns it now"
        )
        self.partition = partition


class StateMismatch(ShoalError):
    """Redis is not where this worker left it: it came back older. The partition must be claimed again and replayed."""

    retriable = True

    def __init__(self, partition: int, detail: str) -> None:
        super().__init__(
            f"the state of partition {partition} in Redis moved under its owner ({detail}); claiming it again"
        )
        self.partition = partition


@dataclass
class OwnedPartition:
    """What the owner of a partition holds in memory; it equals Redis between two saves.

    `offsets` are the next offsets to read, by topic. `outcome_counts` are the numbers of events by `<topic>:<outcome>`.
    `sums` are the partition's part of the model under baseline number `baseline` (None before the first save); they are
    complete once `swept_baseline` has reached that number. `acknowledged` is how many of the oldest changes in the
    outbox Kafka has acknowledged; the next save drops them. `unsent` says that Kafka did not take some changes; a new
    claim sends them again. `merged_customers` is how many customers were merged into others, `lost_merges` are those of
    which Redis has to be told again. `customers` is how many records there are, None for a group that keeps none.
    `fenced` is set once this worker finds that another one owns the partition. `erased` are the customers who must not
    come back.
    """

    partition: int
    epoch: int
    offsets: dict[str, int]
    revision: int = 0
    outcome_counts: dict[str, int] = field(default_factory=dict)
    watermark_ms: int = 0
    baseline: int = 0
    swept_baseline: int = 0
    sums: ModelSums | None = None
    acknowledged: int = 0
    unsent: bool = False
    merged_customers: int = 0
    lost_merges: dict[str, str] = field(default_factory=dict)
    customers: int | None = None
    fenced: Fenced | None = None
    erased: ErasedCustomers | None = None


def require_unchanged(
    owned: OwnedPartition, epoch: bytes | None, revision: bytes | None, offsets: dict[bytes, bytes], customers: int
) -> None:
    """Compare what Redis says of a partition with what its owner knows. Raises Fenced or StateMismatch.

    A smaller epoch than one's own cannot come from another worker: Redis has come back older.
    """
    found = int(epoch or 0)
    if found > owned.epoch:
        raise Fenced(owned.partition, owned.epoch, found)
    if found < owned.epoch:
        raise StateMismatch(owned.partition, f"epoch {found} where {owned.epoch} was written")
    if int(revision or 0) != owned.revision:
        raise StateMismatch(owned.partition, f"revision {int(revision or 0)} where {owned.revision} was written")
    stored = {topic.decode(): int(offset) for topic, offset in offsets.items()}
    if stored != owned.offsets:
        raise StateMismatch(owned.partition, f"offsets {stored} where {owned.offsets} were written")
    if owned.customers not in (None, customers):
        raise StateMismatch(owned.partition, f"{customers} customers where {owned.customers} were written")
