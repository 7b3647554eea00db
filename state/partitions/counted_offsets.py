"""An offset that is missing where events were counted: replaying from the beginning would count them again."""

from collections import Counter
from typing import Final

from events.base_error import ShoalError
from events.topics.specs import EXPERIMENT_INPUTS, SEGMENT_INPUTS
from state.partitions.partition_fence import OwnedPartition
from state.store import keys

__all__ = ["OffsetMissing", "require_counted_offsets"]

_INPUTS: Final = frozenset((*SEGMENT_INPUTS, *EXPERIMENT_INPUTS))


class OffsetMissing(ShoalError):
    """Redis has lost where a topic was read to, but not what was read of it."""

    def __init__(self, partition: int, topic: str, counted: int) -> None:
        super().__init__(
            f"partition {partition}: Redis has counted {counted:,} events of {topic}, but does not say up to where it "
            "was read. To read it from the beginning would count them again, so nothing is read. Somebody has "
            f"deleted the field of {topic} from {keys.offsets(partition, '<group>')}: put the offset back "
            "(`kafka-consumer-groups.sh --describe` shows the one that the group has committed, which may be a little "
            "earlier), or put Redis back from a backup"
        )
        self.partition, self.topic = partition, topic


def require_counted_offsets(owned: OwnedPartition) -> None:
    """Check that each input of which a partition has counted events has an offset. Raises OffsetMissing.

    Events that came by another way, sent on from merged customers, are balanced by a negative count.
    """
    counted: Counter[str] = Counter()
    for name, count in owned.outcome_counts.items():
        counted[name.partition(":")[0]] += count
    for topic, count in counted.items():
        if topic in _INPUTS and count > 0 and not any(name.endswith(topic) for name in owned.offsets):
            raise OffsetMissing(owned.partition, topic, count)
