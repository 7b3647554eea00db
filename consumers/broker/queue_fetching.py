"""Messages straight from librdkafka, which does confluent-kafka's work: columns instead of an object for each message.

confluent-kafka makes of every message an object with topic, key and value, and each of them is asked for six things,
all of it with Python's lock held. Here the client, its group and its offsets stay confluent-kafka's; only the
messages of the assigned partitions are led into a queue of our own, by librdkafka's public interface.
"""

from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from consumers.broker.fetched import Fault, Fetched, TopicSlice
from consumers.broker.librdkafka_access import open_reached
from events.codec.byte_columns import BinaryColumn

try:
    from consumers.broker import consume_queue
except ImportError:
    consume_queue = None  # type: ignore[assignment]

__all__ = ["QueueFetching"]

_END, _STRAY = KafkaError._PARTITION_EOF, KafkaError._INCONSISTENT  # noqa: SLF001 - the library's public names


class QueueFetching:
    """Gathers messages in librdkafka's own memory, and copies them into columns when they are taken.

    The consumer's own queue then holds only what the group wants done and what Kafka says of whole topics.
    """

    def __init__(self, consumer: Consumer, queue: "consume_queue.MessageQueue") -> None:
        self.consumer, self._queue = consumer, queue
        self._faults: list[Fault] = []

    @classmethod
    def opened(cls, options: dict[str, Any]) -> "QueueFetching | None":
        """Open a consumer; None where librdkafka cannot be reached, or was built without plugins."""
        opened = None if consume_queue is None else open_reached(Consumer, options, consume_queue.MessageQueue)
        return opened and cls(*opened)

    def assign(self, positions: list[TopicPartition]) -> None:
        """Read these partitions from their offsets on, and no others; their messages come here."""
        for position in positions:
            self._queue.lead_here(position.topic, position.partition)
        self.consumer.assign(positions)

    def more(self, limit: int, timeout_s: float) -> int:
        """Wait until so many messages were fetched or the time is over; return how many were."""
        for message in self.consumer.consume(1, 0.0):
            error = message.error()
            partition = str(message.topic()), int(message.partition() or 0)
            self._faults.append(
                Fault(partition, error or KafkaError(_STRAY, "a message came by the wrong queue", fatal=True))
            )
        return max(self._queue.more(limit, round(timeout_s * 1000)), len(self._faults))

    def take(self) -> Fetched:
        """Return what was fetched, and forget it."""
        found, others = self._queue.take()
        faults, self._faults = self._faults, []
        ends = {}
        for topic, partition, offset, code, text in others:
            if code == _END:
                ends[topic, partition] = offset
            else:
                faults.append(Fault((topic, partition), KafkaError(code, text)))
        slices = [
            TopicSlice(
                topic,
                BinaryColumn(data, *spans[:2]),
                BinaryColumn(data, *spans[2:4]),
                partitions,
                spans[6],
                BinaryColumn(data, *spans[4:6]) if spans[5].any() else None,
            )
            for topic, data, spans, partitions in found
        ]
        return Fetched(sorted(slices, key=lambda each: each.topic), ends, faults)

    def drop(self) -> None:
        """Forget what was fetched: it comes again, or to another worker."""
        self._queue.drop()

    def close(self) -> None:
        """Release what was fetched, and leave the group."""
        self._queue.close()
        self.consumer.close()
