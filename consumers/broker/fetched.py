"""What was fetched from Kafka at once, in columns."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from confluent_kafka import KafkaError

from consumers.broker.message_coordinates import Offsets, TopicAndPartition
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

    def take(self, positions: npt.NDArray[Any]) -> "TopicSlice":
        """Return the messages at these positions, or where a mask is true."""
        keys, values = self.keys.take(positions), self.values.take(positions)
        return TopicSlice(self.topic, keys, values, self.partitions[positions], self.offsets[positions])


class Fault(NamedTuple):
    """What Kafka said of a partition instead of a message."""

    partition: TopicAndPartition
    error: KafkaError


class Fetched(NamedTuple):
    """Messages by topic, the partitions that were read to their end with the offset of that, and faults."""

    slices: list[TopicSlice]
    ends: Offsets
    faults: list[Fault]
