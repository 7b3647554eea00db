"""The topics that Shoal uses: partitions, retention and compaction of each."""

from dataclasses import dataclass, field

from events.settings import KafkaSettings
from events.time_units import DAY_MS

__all__ = [
    "EXPERIMENT_INPUTS",
    "EXPERIMENT_TOPICS",
    "IDENTITIES",
    "SEGMENT_INPUTS",
    "SEGMENT_TOPICS",
    "TopicSpec",
    "merges_topic",
    "partitions_of_topic",
    "topic_specs",
]

SEGMENT_INPUTS = ("orders", "web-sessions", "customers")
"""Inputs of the `segments` group: the same number of partitions, so that a customer is in one partition everywhere."""

EXPERIMENT_INPUTS = ("orders", "conversions", "exposures")
"""Inputs of the `experiments` group: partitioned alike, and with the `segments` group's.

For a topic that both read, `segments` answers: it alone writes dead letters and puts misplaced events right."""

IDENTITIES = "identities"
"""Which ids are one person: one partition, so that all merges have one order, and none can go round in a circle."""


def merges_topic(group: str) -> str:
    """Return the topic on which a consumer group tells its partitions of merges, and hands merged customers over.

    >>> merges_topic("segments")
    'merges-segments'
    """
    return f"merges-{group}"


SEGMENT_TOPICS = (*SEGMENT_INPUTS, IDENTITIES, merges_topic("segments"))
"""All that the `segments` group reads."""

EXPERIMENT_TOPICS = (*EXPERIMENT_INPUTS, merges_topic("experiments"))
"""All that the `experiments` group reads."""

_LARGE = 16 << 20


@dataclass(frozen=True)
class TopicSpec:
    """One topic: its full name, its number of partitions and replicas, and its settings in Kafka's own names.

    A topic `by_customer` has SHOAL_PARTITIONS partitions, and a customer's messages are in the same one everywhere.
    """

    name: str
    partitions: int
    replication: int
    config: dict[str, str] = field(default_factory=dict)
    by_customer: bool = False


def topic_specs(settings: KafkaSettings) -> list[TopicSpec]:
    """Return the specification of every topic.

    Inputs keep 30 days (the log that a Redis restored from a backup is repaired from). Values may have up to 16 MiB,
    because a message that is too large for Shoal still has to reach the dead letters whole.
    """
    durable = {"min.insync.replicas": str(max(1, settings.replication - 1)), "max.message.bytes": str(_LARGE)}
    kept = durable | {"cleanup.policy": "delete", "retention.ms": str(30 * DAY_MS)}
    longer = durable | {"cleanup.policy": "delete", "retention.ms": str(90 * DAY_MS)}
    compacted = durable | {"cleanup.policy": "compact"}
    by_customer: dict[str, dict[str, str]] = dict.fromkeys((*SEGMENT_INPUTS, "exposures", "conversions"), kept)
    by_customer |= {merges_topic(group): kept for group in ("segments", "experiments")}
    by_customer |= {"segment-changes": longer}
    # What an erasure ends is compacted away within about a day. That it ended is kept for as long as the longest log:
    # a Redis that is put back and is not older than that is told.
    entered = compacted | {
        "max.compaction.lag.ms": str(DAY_MS),
        "segment.ms": str(DAY_MS),
        "delete.retention.ms": str(90 * DAY_MS),
    }
    # Letters have keys, so that those of an erased customer can be deleted.
    letters = longer | {
        "cleanup.policy": "compact,delete",
        "max.compaction.lag.ms": str(DAY_MS),
        "segment.ms": str(DAY_MS),
        "delete.retention.ms": str(90 * DAY_MS),
    }
    single = {
        IDENTITIES: kept,
        "dead-letters": letters,
        "models": compacted,
        "baselines": compacted,
        "erasures": compacted,
        "entries": entered,
    }
    return [
        TopicSpec(settings.topic(name), settings.partitions, settings.replication, config, by_customer=True)
        for name, config in by_customer.items()
    ] + [TopicSpec(settings.topic(name), 1, settings.replication, config) for name, config in single.items()]


def partitions_of_topic(settings: KafkaSettings, topic: str) -> int:
    """Return how many partitions a topic (name without prefix) has."""
    return next(spec.partitions for spec in topic_specs(settings) if spec.name == settings.topic(topic))
