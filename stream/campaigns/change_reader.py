"""Read `segment-changes` for the triggers, from offsets that are saved with the queues of deliveries.

The group's own offsets in Kafka say nothing of what Redis holds: a Redis that came back older has lost what was queued,
and would never be given it again. So the next offset of a partition is saved in the transaction that queues the
deliveries before it, and looked at when a partition is assigned, with every batch, and once a second.
"""

import logging
import threading
import time
from typing import Any, Final

import redis
from confluent_kafka import OFFSET_END, TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaException, Message, TopicPartition

from consumers.broker.internal_messages import StoredMessage, stored_message
from consumers.broker.refusals import reading_refused
from events.base_error import ShoalError
from events.settings import KafkaSettings
from shoal_client.errors import KafkaRefuses
from state.campaigns.deliveries import DeliveryStore
from state.operations.service_health import ServiceHealth
from state.store import keys
from stream.campaigns.change_positions import ChangePositions
from stream.campaigns.delivery_queueing import ChangeIntake

__all__ = ["ChangeReader"]

log = logging.getLogger(__name__)

_BATCH: Final = 500
_WITHIN_S: Final = 0.1
_CHECK_S: Final = 1.0
_LONGEST_WAIT_S: Final = 5.0
_TIMEOUT_S: Final = 10.0


class ChangeReader:
    """A member of the group `triggers`; `run` is called in a thread of its own."""

    def __init__(
        self,
        kafka: KafkaSettings,
        intake: ChangeIntake,
        deliveries: DeliveryStore,
        positions: ChangePositions,
        *,
        session_timeout_s: float,
    ) -> None:
        self._kafka, self._group = kafka, kafka.topic(keys.TRIGGERS_GROUP)
        self._topic, self._intake, self._deliveries = kafka.topic("segment-changes"), intake, deliveries
        self._positions = positions
        self._stop = threading.Event()
        self._stored: dict[int, int | None] = {}
        self._misplaced: set[int] = set()
        self._assigned_once = False
        self.health = ServiceHealth("its partitions, which the consumer group is assigning")
        self._consumer = Consumer(_options(kafka, session_timeout_s))

    def stop(self) -> None:
        """Let `run` end after the batch in hand."""
        self._stop.set()

    def run(self) -> None:
        """Queue the deliveries of changes until `stop`, however long Redis or Kafka is away."""
        self._consumer.subscribe([self._topic], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke)
        checked, wait_s = time.monotonic(), 0.1
        try:
            while not self._stop.is_set():
                self.health.progressed()
                messages = self._consumer.consume(_BATCH, _WITHIN_S)
                try:
                    self._queue(messages)  # before placing: they were fetched from where the partitions were
                    self._place()
                    if time.monotonic() - checked > _CHECK_S:
                        self._check()
                        checked = time.monotonic()
                except KafkaRefuses:
                    raise
                except (redis.RedisError, ShoalError, KafkaException) as error:
                    log.warning("changes cannot be queued for their webhooks now (%s); trying again", error)
                    self.health.not_ready(str(error))
                    self._misplaced |= set(self._stored)
                    self._stop.wait(wait_s)
                    wait_s = min(_LONGEST_WAIT_S, 2 * wait_s)
                else:
                    wait_s = 0.1
                    if self._assigned_once:
                        self.health.ready()
        finally:
            self._consumer.close()

    def _assign(self, consumer: Consumer, assigned: list[TopicPartition]) -> None:
        """Begin at the stored offsets, as soon as they can be read."""
        self._assigned_once = True
        self._stored = {each.partition: None for each in assigned}
        self._misplaced = set(self._stored)
        consumer.assign([TopicPartition(each.topic, each.partition, OFFSET_END) for each in assigned])

    def _revoke(self, _consumer: Consumer, _revoked: list[TopicPartition]) -> None:
        self._stored, self._misplaced = {}, set()

    def _place(self) -> None:
        """Go to where partitions are read on. Raises redis.RedisError, KafkaUnreachable, KafkaException."""
        if not self._misplaced:
            return
        for partition, position in self._positions.find(self._misplaced).items():
            self._consumer.seek(TopicPartition(self._topic, partition, position.start))
            self._stored[partition] = position.stored
            self._misplaced.discard(partition)

    def _queue(self, messages: list[Message]) -> None:
        """Queue what was read of partitions that stand where Redis says. Raises redis.RedisError, EntriesBehind."""
        batch: list[tuple[StoredMessage, int]] = []
        for message in messages:
            if error := message.error():
                if refused := reading_refused(self._kafka, error, message.topic(), self._group):
                    raise refused
                continue
            if message.partition() in self._stored.keys() - self._misplaced:
                kind, at_ms = message.timestamp()
                batch.append((stored_message(message), 0 if kind == TIMESTAMP_NOT_AVAILABLE else at_ms))
        if not batch:
            return
        after = {each.partition: each.offset + 1 for each, _ in batch}
        before = {partition: self._stored[partition] for partition in after}
        if self._intake.add(batch, before, after) is None:
            log.warning("Redis is not where partitions %s were read to; reading on from there", sorted(after))
            self._misplaced |= set(after)
            return
        self._stored |= after
        positions = [TopicPartition(self._topic, partition, offset) for partition, offset in after.items()]
        self._consumer.commit(offsets=positions, asynchronous=True)  # only lag tools read it

    def _check(self) -> None:
        """Compare Redis and the topic with what this process knows. Raises redis.RedisError."""
        if moved := {
            partition
            for partition, offset in self._deliveries.positions(self._topic, sorted(self._stored)).items()
            if offset != self._stored[partition]
        }:
            log.warning("Redis is not where partitions %s were read to; reading on from there", sorted(moved))
            self._misplaced |= moved
        if self._positions.replaced():
            log.warning("%s is another topic of that name than before; reading on in it", self._topic)
            self._misplaced |= set(self._stored)


def _options(kafka: KafkaSettings, session_timeout_s: float) -> dict[str, Any]:
    session_ms = int(session_timeout_s * 1000)
    return kafka.librdkafka(
        {
            "group.id": kafka.topic(keys.TRIGGERS_GROUP),
            "client.id": "shoal-triggers",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",  # of what Kafka no longer has `ChangePositions` tells
            "session.timeout.ms": session_ms,
            "heartbeat.interval.ms": max(300, session_ms // 4),
            "fetch.wait.max.ms": 100,
        }
    )
