"""Reads a slice of the topic of merges: decisions, handovers, and the events that were forwarded, by their topics."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from consumers.broker.fetched import TopicSlice
from consumers.merges.messages import (
    CustomerHandover,
    ForwardedEvent,
    MergeDecision,
    MergeMessageUnreadable,
    decode_merge_message,
)
from events.arrays import Ints
from events.codec.byte_columns import BinaryColumn
from events.codec.struct_decoder import Rejection

__all__ = ["Unwrapped", "unwrap_merges"]


class Unwrapped(NamedTuple):
    """What a slice (n,) of the topic of merges holds.

    `messages` are with the partition of each; `events` are slices of other topics (names without prefix), whose
    partitions and offsets are those of the messages around the events.
    """

    messages: list[tuple[int, MergeDecision | CustomerHandover]]
    events: list[TopicSlice]
    rejections: list[Rejection]


def unwrap_merges(messages: TopicSlice, readable: Sequence[str]) -> Unwrapped:
    """Read a slice; rejected is what is no JSON, and events of topics (names without prefix) not `readable`."""
    found: list[tuple[int, MergeDecision | CustomerHandover]] = []
    events: dict[str, list[tuple[int, ForwardedEvent]]] = {}
    rejections: list[Rejection] = []
    for position, value in enumerate(messages.values):
        try:
            message = decode_merge_message(value)
        except MergeMessageUnreadable as error:
            rejections.append(Rejection(position, str(error)))
            continue
        if not isinstance(message, ForwardedEvent):
            found.append((int(messages.partitions[position]), message))
        elif message.topic in readable:
            events.setdefault(message.topic, []).append((position, message))
        else:
            rejections.append(Rejection(position, f"no events of {message.topic!r} are read here"))
    return Unwrapped(found, [_slice(messages, topic, each) for topic, each in events.items()], rejections)


def _slice(messages: TopicSlice, topic: str, events: Sequence[tuple[int, ForwardedEvent]]) -> TopicSlice:
    positions: Ints = np.array([position for position, _ in events], np.int64)
    return TopicSlice(
        topic,
        BinaryColumn.of([event.customer_id.encode() for _, event in events]),
        BinaryColumn.of([event.value for _, event in events]),
        messages.partitions[positions],
        messages.offsets[positions],
        BinaryColumn.of([event.headers for _, event in events]) if any(event.headers for _, event in events) else None,
    )
