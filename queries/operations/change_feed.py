"""The newest segment changes, read from Kafka while somebody looks at them."""

import logging
import threading
import time
from collections import deque
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from consumers.broker.internal_messages import OnSkipped, log_skipped, stored_message
from consumers.history.change_validation import read_published_changes
from events.segment_changes import Change
from events.settings import KafkaSettings

__all__ = ["ChangeFeed", "NumberedChange"]

log = logging.getLogger(__name__)

_KEPT = 200
_BACKLOG = 5
_IDLE_S = 60.0


class NumberedChange(NamedTuple):
    """A change and its number in the order of arrival."""

    number: int
    change: Change


class ChangeFeed:
    """Follows `segment-changes` in a thread of its own and keeps the last 200 changes.

    The thread begins when somebody asks, and ends when nobody has asked for a minute.
    """

    def __init__(self, kafka: KafkaSettings, on_skipped: OnSkipped = log_skipped) -> None:
        self._kafka, self._on_skipped = kafka, on_skipped
        self._changes: deque[NumberedChange] = deque(maxlen=_KEPT)
        self._count = 0
        self._asked = 0.0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = False

    def since(self, number: int) -> list[NumberedChange]:
        """Return the kept changes after a number (0: all), the oldest first; begin to follow if nobody did."""
        self._asked = time.monotonic()
        with self._lock:
            if not self._closing and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._follow, name="change-feed", daemon=True)
                self._thread.start()
        return [each for each in list(self._changes) if each.number > number]

    def close(self) -> None:
        """Stop following."""
        self._closing = True
        if self._thread is not None:
            self._thread.join(10.0)

    def _follow(self) -> None:
        consumer = Consumer(
            self._kafka.librdkafka(
                {
                    "group.id": self._kafka.topic("change-tail"),  # required by the library; nothing is committed
                    "enable.auto.commit": False,
                    "auto.offset.reset": "latest",
                    "fetch.wait.max.ms": 200,
                }
            )
        )
        try:
            consumer.assign(self._starts(consumer))
            while not self._closing and time.monotonic() - self._asked < _IDLE_S:
                self._poll(consumer)
        except KafkaException as error:
            log.warning("the live feed of changes ends: %s", error)
        finally:
            consumer.close()

    def _starts(self, consumer: Consumer) -> list[TopicPartition]:
        """Return the partitions from a few changes before their end, or from where an earlier thread ended."""
        topic, starts = self._kafka.topic("segment-changes"), []
        for partition in range(self._kafka.partitions):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=5.0)
            starts.append(TopicPartition(topic, partition, max(low, high if self._count else high - _BACKLOG)))
        return starts

    def _poll(self, consumer: Consumer) -> None:
        fetched = [stored_message(message) for message in consumer.consume(1_000, 0.2) if message.error() is None]
        for _, change in read_published_changes(fetched, self._kafka.partitions, self._on_skipped):
            self._count += 1
            self._changes.append(NumberedChange(self._count, change))
