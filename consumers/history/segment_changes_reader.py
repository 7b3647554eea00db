"""Read the `segment-changes` topic from its beginning: every customer's current segment, and how it came about."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_BEGINNING

from consumers.broker.consumer_lag import end_offsets, reported_ends
from consumers.broker.message_coordinates import Offsets, coordinates
from consumers.broker.topic_reader import TopicReader
from consumers.history.customer_messages import values_of_customer
from events.segment_changes import Change, decode_change
from events.settings import KafkaSettings

__all__ = ["ChangeLog", "changes_of_customer", "newest_changes", "read_changes"]


_TOPIC = "segment-changes"


@dataclass
class ChangeLog:
    """Segment changes folded as a consumer should: repeats dropped, the largest change number counts."""

    latest: dict[str, Change] = field(default_factory=dict)
    causes: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    _seen: set[str] = field(default_factory=set)

    def add(self, change: Change) -> None:
        """Fold one message in."""
        self.messages += 1
        if change.change_id in self._seen:
            return
        self._seen.add(change.change_id)
        self.causes[change.cause] += 1
        last = self.latest.get(change.customer_id)
        if last is None or change.change_number > last.change_number:
            self.latest[change.customer_id] = change


def read_changes(kafka: KafkaSettings, partitions: Iterable[int] | None = None) -> ChangeLog:
    """Return the fold of everything on `segment-changes` so far; of some partitions, up to the ends as reported.

    Raises KafkaUnreachable.
    """
    log = ChangeLog()
    ends = end_offsets(kafka, [_TOPIC]) if partitions is None else reported_ends(kafka, [_TOPIC], partitions)
    for _, change in _read(kafka, ends, dict.fromkeys(ends, OFFSET_BEGINNING)):
        log.add(change)
    return log


def newest_changes(kafka: KafkaSettings, partitions: Iterable[int]) -> list[tuple[int, Change]]:
    """Return the last message, or the last few, of each partition, with the partition. Raises KafkaUnreachable."""
    ends = reported_ends(kafka, [_TOPIC], partitions)
    return list(_read(kafka, ends, {partition: max(0, end - 1) for partition, end in ends.items()}))


def changes_of_customer(
    kafka: KafkaSettings, partition: int, customer_id: str, most: int = 200_000, timeout_s: float = 10.0
) -> list[Change]:
    """Return a customer's changes among the last `most` messages of its partition (half a second's reading).

    Raises KafkaUnreachable, where no broker answers within `timeout_s`.
    """
    values = values_of_customer(kafka, _TOPIC, partition, customer_id, most, timeout_s)
    return [decode_change(value) for value in values]


def _read(kafka: KafkaSettings, ends: Offsets, starts: Offsets) -> Iterator[tuple[int, Change]]:
    with TopicReader(kafka, "change-log") as reader:
        for message in reader.read({partition: starts[partition] for partition, end in ends.items() if end}, ends):
            value = message.value()
            if value is not None:
                yield coordinates(message)[0][1], decode_change(value)
