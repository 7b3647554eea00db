"""Read the `segment-changes` topic from its beginning: every customer's current segment, and how it came about."""

from collections import Counter
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from consumers.lag import end_offsets
from consumers.places import place_of
from events.changes import Change, decode_change
from events.settings import KafkaSettings

__all__ = ["ChangeLog", "read_changes"]


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


def read_changes(kafka: KafkaSettings) -> ChangeLog:
    """Return the fold of everything on `segment-changes` so far. Raises KafkaUnreachable."""
    ends = {place: end for place, end in end_offsets(kafka, ["segment-changes"]).items() if end}
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.kafka,
            "group.id": kafka.topic("change-log"),  # required by the library; nothing is committed
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    log = ChangeLog()
    try:
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in ends])
        open_places = set(ends)
        while open_places:
            for message in consumer.consume(10_000, 1.0):
                value, (place, offset) = message.value(), place_of(message)
                if message.error() is not None or value is None:
                    continue
                log.add(decode_change(value))
                if offset + 1 >= ends[place]:
                    open_places.discard(place)
    finally:
        consumer.close()
    return log
