"""Hands merged customers over to the partitions of their survivors."""

from collections.abc import Iterable

from consumers.broker.kafka_sink import KafkaSink
from consumers.merges.messages import decode_merge_message
from events.topics.specs import merges_topic

__all__ = ["hand_over"]


def hand_over(handovers: Iterable[bytes], group: str, sink: KafkaSink) -> None:
    """Send handovers to the partitions of their survivors, and wait until Kafka has them. Raises SinkFailed."""
    for each in handovers:
        sink.send(merges_topic(group), decode_merge_message(each).customer_id.encode(), each)
    sink.flush()
