"""What was fetched from Kafka at once, in columns."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from confluent_kafka import KafkaError

from consumers.broker.message_coordinates import Offsets, TopicAndPartition
from consumers.broker.message_headers import Headers, unpack_headers
from events.arrays import Ints
from events.codec.byte_columns import BinaryColumn

__all__ = ["Fault", "Fetched", "TopicSlice"]


class TopicSlice(NamedTuple):
    """The n messages of one topic in a micro-batch, in columns (n,)."""

    topic: str
    keys: BinaryColumn
    values: BinaryColumn
    partitions: npt.NDArray[np.int32]
    offsets: Ints
    packed_headers: BinaryColumn | None = None
    """None where no message has any."""

    @classmethod
    def joined(cls, first: "TopicSlice", second: "TopicSlice") -> "TopicSlice":
        """Return the messages of both."""
        headers = [
            each.packed_headers or BinaryColumn.of([None] * len(each.offsets))
            for each in (first, second)
            if first.packed_headers is not None or second.packed_headers is not None
        ]
        return cls(
            first.topic,
            BinaryColumn.of([*first.keys, *second.keys]),
            BinaryColumn.of([*first.values, *second.values]),
            np.concatenate([first.partitions, second.partitions]),
            np.concatenate([first.offsets, second.offsets]),
            BinaryColumn.of([packed for each in headers for packed in each]) if headers else None,
        )

    def headers(self, position: int) -> Headers:
        """Return the headers of a message."""
        return [] if self.packed_headers is None else unpack_headers(self.packed_headers[position] or b"")

    def take(self, positions: npt.NDArray[Any]) -> "TopicSlice":
        """Return the messages at these positions, or where a mask is true."""
        keys, values = self.keys.take(positions), self.values.take(positions)
        headers = None if self.packed_headers is None else self.packed_headers.take(positions)
        return TopicSlice(self.topic, keys, values, self.partitions[positions], self.offsets[positions], headers)


class Fault(NamedTuple):
    """What Kafka said of a partition instead of a message."""

    partition: TopicAndPartition
    error: KafkaError


class Fetched(NamedTuple):
    """Messages by topic, the partitions that were read to their end with the offset of that, and faults."""

    slices: list[TopicSlice]
    ends: Offsets
    faults: list[Fault]
