"""Fetching messages into columns: from librdkafka's queue where that can be reached, else message by message."""

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from confluent_kafka import Consumer, Message, TopicPartition

from consumers.broker.fetched import Fault, Fetched, TopicSlice
from consumers.broker.message_coordinates import coordinates, is_end
from consumers.broker.message_headers import pack_headers
from consumers.broker.queue_fetching import QueueFetching
from events.codec.byte_columns import BinaryColumn

__all__ = ["Fetching", "MessageFetching", "open_fetching"]


class Fetching(Protocol):
    """Gathers messages of a consumer's partitions; what the group wants done is done meanwhile, in `more`."""

    consumer: Consumer

    def assign(self, positions: list[TopicPartition]) -> None:
        """Read these partitions from their offsets on, and no others."""
        ...

    def more(self, limit: int, timeout_s: float) -> int:
        """Wait until so many messages were fetched or the time is over; return how many were, faults included."""
        ...

    def take(self) -> Fetched:
        """Return what was fetched, and forget it."""
        ...

    def drop(self) -> None:
        """Forget what was fetched: it comes again, or to another worker."""
        ...

    def close(self) -> None:
        """Release what was fetched, and leave the group."""
        ...


def open_fetching(options: dict[str, Any]) -> Fetching:
    """Return the quicker way where there is one."""
    return QueueFetching.opened(options) or MessageFetching(Consumer(options))


class MessageFetching:
    """Gathers confluent-kafka's messages."""

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer
        self._messages: list[Message] = []

    def assign(self, positions: list[TopicPartition]) -> None:
        """Read these partitions from their offsets on, and no others."""
        self.consumer.assign(positions)

    def more(self, limit: int, timeout_s: float) -> int:
        """Wait until so many messages were fetched or the time is over; return how many were, faults included."""
        if limit > len(self._messages):
            # What comes after a rebalance during this call was fetched after it, so `drop` may come first.
            fetched = self.consumer.consume(limit - len(self._messages), timeout_s)
            self._messages += fetched
        return len(self._messages)

    def take(self) -> Fetched:
        """Return what was fetched, and forget it."""
        messages, self._messages = self._messages, []
        ends, faults = {}, []
        if any(map(Message.error, messages)):
            for message in messages:
                partition, offset = coordinates(message)
                if is_end(message):
                    ends[partition] = offset
                elif (error := message.error()) is not None:
                    faults.append(Fault(partition, error))
            messages = [message for message in messages if message.error() is None]
        return Fetched(list(_slices(messages)), ends, faults)

    def drop(self) -> None:
        """Forget what was fetched: it comes again, or to another worker."""
        self._messages = []

    def close(self) -> None:
        """Release what was fetched, and leave the group."""
        self._messages = []
        self.consumer.close()


def _slices(messages: list[Message]) -> Iterable[TopicSlice]:
    topics = [str(topic) for topic in map(Message.topic, messages)]
    distinct = sorted(set(topics))
    for topic in distinct:
        mine = messages
        if len(distinct) > 1:
            mine = [message for message, name in zip(messages, topics, strict=True) if name == topic]
        yield _slice(topic, mine)


def _slice(topic: str, messages: list[Message]) -> TopicSlice:
    n, packed = len(messages), [pack_headers(message.headers()) for message in messages]
    return TopicSlice(
        topic,
        BinaryColumn.of(list(map(Message.key, messages))),
        BinaryColumn.of(list(map(Message.value, messages))),
        np.fromiter(map(Message.partition, messages), np.int32, n),
        np.fromiter(map(Message.offset, messages), np.int64, n),
        BinaryColumn.of(packed) if any(packed) else None,
    )
