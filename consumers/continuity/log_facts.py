"""What Kafka knows of its logs: which cluster and topics they are, where they begin and end, what was committed."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Final, NamedTuple, Self

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from consumers.broker.message_coordinates import Offsets, TopicAndPartition
from events.settings import KafkaSettings
from events.topics.administration import KafkaUnreachable

__all__ = ["IdentityRequest", "LogFacts", "LogIdentity"]

_TIMEOUT_S: Final = 10.0
_NO_ID: Final = "AAAAAAAAAAAAAAAAAAAAAA"
"""How a broker that gives topics no ids writes that."""
_GONE: Final = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC}  # noqa: SLF001 - the library's public name


class LogIdentity(NamedTuple):
    """The cluster that a topic is on, and the topic, by the ids that the brokers gave them; "" where they give none.

    >>> LogIdentity.parse("c1/t1").differs_from(LogIdentity("c1", "t2"))
    True
    >>> LogIdentity.parse("c1/").differs_from(LogIdentity("c1", "t2"))
    False
    """

    cluster: str
    topic: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote; ids hold letters, digits and signs, and the topic's may hold a slash."""
        cluster, _, topic = text.partition("/")
        return cls(cluster, topic)

    def __str__(self) -> str:
        return f"{self.cluster}/{self.topic}"

    def differs_from(self, other: "LogIdentity") -> bool:
        """Return whether this is certainly another log; what one of the two does not tell says nothing."""
        if self.topic and other.topic:
            return self.topic != other.topic
        return bool(self.cluster and other.cluster) and self.cluster != other.cluster


class IdentityRequest:
    """A request for the identities of topics, that is on its way."""

    def __init__(
        self, cluster: "Future[Any]", topics: Mapping[str, "Future[Any]"], failed: Callable[[Exception], Exception]
    ) -> None:
        self._cluster, self._topics, self._failed = cluster, topics, failed

    @property
    def done(self) -> bool:
        """Whether the answers are there."""
        return self._cluster.done() and all(each.done() for each in self._topics.values())

    def result(self) -> dict[str, LogIdentity]:
        """Wait for the answers, and return the identity of each topic that exists. Raises KafkaUnreachable."""
        found = {}
        try:
            cluster = self._cluster.result().cluster_id or ""
            for topic, answer in self._topics.items():
                try:
                    topic_id = str(answer.result().topic_id)
                except KafkaException as error:
                    if error.args[0].code() not in _GONE:
                        raise
                else:
                    found[topic] = LogIdentity(cluster, "" if topic_id == _NO_ID else topic_id)
        except KafkaException as error:
            raise self._failed(error) from error
        return found


class LogFacts:
    """Asks the brokers, over connections that are kept until a request fails; topics are named in full."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._admin = self._connect()

    def _connect(self) -> AdminClient:
        return AdminClient(self._kafka.librdkafka({"client.id": "shoal-log-facts", "log_level": 0}))

    def _failed(self, error: Exception) -> KafkaUnreachable:
        """Go on with another client: one that has seen its broker restart may time out at every request after that."""
        self._admin = self._connect()
        return KafkaUnreachable(self._kafka.kafka, error)

    def ask_identities(self, topics: Iterable[str]) -> IdentityRequest:
        """Ask for the identities of topics, without waiting for the answer."""
        described = self._admin.describe_topics(TopicCollection(list(topics)), request_timeout=_TIMEOUT_S)
        cluster = self._admin.describe_cluster(request_timeout=_TIMEOUT_S)
        return IdentityRequest(cluster, described, self._failed)

    def identities(self, topics: Iterable[str]) -> dict[str, LogIdentity]:
        """Return the identity of each of these topics that exists. Raises KafkaUnreachable."""
        return self.ask_identities(topics).result()

    def beginnings(self, places: Iterable[TopicAndPartition]) -> Offsets:
        """Return the first offset that each of these partitions still has. Raises KafkaUnreachable."""
        return self._offsets(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]

    def ends(self, places: Iterable[TopicAndPartition]) -> Offsets:
        """Return the next offset of each of these partitions. Raises KafkaUnreachable."""
        return self._offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def since(self, places: Iterable[TopicAndPartition], at_ms: int) -> Offsets:
        """Return the first offset of that time or later, of the partitions that have one. Raises KafkaUnreachable."""
        found = self._offsets(places, OffsetSpec.for_timestamp(at_ms))
        return {place: offset for place, offset in found.items() if offset >= 0}

    def committed(self, group: str, places: Iterable[TopicAndPartition]) -> Offsets:
        """Return the offsets that a consumer group (full name) committed. Raises KafkaUnreachable."""
        wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(*place) for place in places])
        try:
            (answer,) = self._admin.list_consumer_group_offsets([wanted], request_timeout=_TIMEOUT_S).values()
            found = answer.result().topic_partitions
        except KafkaException as error:
            raise self._failed(error) from error
        return {(each.topic, each.partition): each.offset for each in found if each.error is None and each.offset >= 0}

    def _offsets(self, places: Iterable[TopicAndPartition], spec: OffsetSpec) -> Offsets:
        asked = {TopicPartition(*place): spec for place in places}
        try:
            answers = self._admin.list_offsets(asked, request_timeout=_TIMEOUT_S) if asked else {}
            return {(place.topic, place.partition): answer.result().offset for place, answer in answers.items()}
        except KafkaException as error:
            raise self._failed(error) from error
