"""What one process of a consumer group counts for Prometheus: events by outcome, failed tries, lag."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import redis
from prometheus_client import REGISTRY, CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from consumers.broker.consumer_lag import stored_offsets
from consumers.broker.message_coordinates import Offsets
from consumers.broker.topic_reader import TopicReader
from events.base_error import ShoalError
from events.settings import KafkaSettings
from events.topics.specs import partitions_of_topic

__all__ = ["FAILED_TRIES", "FENCED_PARTITIONS", "PROCESSED_EVENTS", "ProcessedEvents", "register_lag"]

FAILED_TRIES: Final = Counter("shoal_failed_tries", "Steps of the consumer that failed and are tried again", ["error"])
FENCED_PARTITIONS: Final = Counter("shoal_fenced_partitions", "Partitions that another process has taken over")
_ENDS_S: Final = 5.0
"""How long the ends of the topics are remembered: whoever asks often need not ask Kafka each time."""
_TIMEOUT_S: Final = 5.0


class ProcessedEvents:
    """Counts events that were saved, by outcome.

    A batch may count less than nothing: an event's outcome changes when its order turns out to be another customer's.
    A counter only grows, so what is owed is taken off what comes next.
    """

    def __init__(self, registry: CollectorRegistry | None = REGISTRY) -> None:
        """Register the counter: one of them for each process."""
        self._counter = Counter(
            "shoal_processed_events", "Events that this process has saved", ["topic", "outcome"], registry=registry
        )
        self._owed: dict[str, int] = {}

    def add(self, outcome_counts: Mapping[str, int]) -> None:
        """Add the counts of a saved batch, by `<topic>:<outcome>`."""
        for name, count in outcome_counts.items():
            counted = count - self._owed.pop(name, 0)
            if counted < 0:
                self._owed[name] = -counted
            elif counted:
                self._counter.labels(*name.split(":")).inc(counted)


PROCESSED_EVENTS: Final = ProcessedEvents()


def register_lag(
    client: redis.Redis,
    kafka: KafkaSettings,
    group: str,
    topics: Sequence[str],
    partitions: Callable[[], Sequence[int]],
    registry: CollectorRegistry = REGISTRY,
) -> None:
    """Let Prometheus read how far a group is behind in the partitions that this process owns, by topic."""
    registry.register(_Lag(client, kafka, group, topics, partitions))


class _Lag(Collector):
    """Asks Kafka and Redis when Prometheus reads; says nothing where they do not answer."""

    def __init__(
        self,
        client: redis.Redis,
        kafka: KafkaSettings,
        group: str,
        topics: Sequence[str],
        partitions: Callable[[], Sequence[int]],
    ) -> None:
        self._redis, self._kafka, self._group, self._topics = client, kafka, group, topics
        self._partitions = partitions
        self._ends: tuple[float, tuple[int, ...], Offsets] = (0.0, (), {})

    def describe(self) -> list[Any]:
        """Return nothing, so that registering asks nobody."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the lag of each topic and partition."""
        owned = tuple(self._partitions())
        lag = GaugeMetricFamily(
            "shoal_lag_events", "Events published but not processed", labels=["group", "topic", "partition"]
        )
        try:
            ends = self._known_ends(owned)
            stored = stored_offsets(self._redis, self._kafka.partitions, self._group)
        except (redis.RedisError, ShoalError):
            return
        prefix = self._kafka.topic_prefix
        for (topic, partition), end in sorted(ends.items()):
            behind = max(0, end - stored.get((topic, partition), 0))
            lag.add_metric([self._group, topic.removeprefix(prefix), str(partition)], behind)
        yield lag

    def _known_ends(self, owned: tuple[int, ...]) -> Offsets:
        at, partitions, ends = self._ends
        if partitions != owned or time.monotonic() - at > _ENDS_S:
            wanted = [
                (self._kafka.topic(topic), partition)
                for topic in self._topics
                for partition in owned
                if partition < partitions_of_topic(self._kafka, topic)
            ]
            with TopicReader(self._kafka, "lag") as reader:
                ends = {each: end for each, (_, end) in reader.bounds(wanted, _TIMEOUT_S).items()}
            self._ends = (time.monotonic(), owned, ends)
        return ends
