"""Customers who leave their partition, and those who come into one."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from consumers.broker.kafka_sink import KafkaSink
from consumers.merges.messages import (
    CustomerHandover,
    MergeDecision,
    Merges,
    decode_merge_message,
    encode_merge_message,
)
from events.arrays import Ints
from events.topics.specs import merges_topic
from state.customers.merged_customers import Departure

__all__ = ["departure_of", "hand_over", "one_by_one"]


def departure_of(
    decision: MergeDecision, merges: Merges, parts: Mapping[str, bytes], *, had_record: bool = False
) -> Departure:
    """Return how a customer leaves whom a decision is about, with what is known of it."""
    previous, survivor = decision.previous_id, decision.customer_id
    handover = CustomerHandover(previous, survivor, dict(parts), sorted(merges.aliases.get(previous, ())))
    return Departure(previous, survivor, encode_merge_message(handover), had_record)


def hand_over(handovers: Iterable[bytes], group: str, sink: KafkaSink) -> None:
    """Send handovers to the partitions of their survivors, and wait until Kafka has them. Raises SinkFailed."""
    for each in handovers:
        sink.send(merges_topic(group), decode_merge_message(each).customer_id.encode(), each)
    sink.flush()


def one_by_one(customers: Ints) -> list[Ints]:
    """Return the positions of handovers (m,) to these customers in turns; in each turn nobody is there twice.

    >>> [turn.tolist() for turn in one_by_one(np.array([4, 7, 4, 4]))]
    [[0, 1], [2], [3]]
    """
    seen: Counter[int] = Counter()
    turns = []
    for each in customers.tolist():
        turns.append(seen[each])
        seen[each] += 1
    return [np.flatnonzero(np.array(turns) == turn) for turn in range(max(turns, default=-1) + 1)]
