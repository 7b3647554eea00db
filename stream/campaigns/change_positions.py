"""Where the triggers read `segment-changes` on: at the stored offset, where Redis and Kafka hold together.

Unlike a worker, the triggers stop for nothing that is missing: a change that was queued once is not queued again within
a week, so reading too much does no harm, and a stop would bring back no webhook.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import redis

from consumers.broker.message_coordinates import Offsets
from consumers.continuity.log_facts import LogFacts, LogIdentity
from consumers.continuity.topic_recreation_check import LogWatch
from events.settings import KafkaSettings
from state.campaigns.deliveries import DeliveryStore
from state.partitions.accepted_gaps import AcceptedGap, AcceptedGaps
from state.partitions.partition_consistency_state import note_logs, read_logs
from state.store import keys

__all__ = ["ChangePositions", "Position"]

log = logging.getLogger(__name__)

_CHANGES: Final = "segment-changes"
_BY: Final = "shoal triggers"


class Position(NamedTuple):
    """The offset that Redis has of a partition, None where it has none, and the one to read on from."""

    stored: int | None
    start: int


class ChangePositions:
    """Compares the stored offsets with the topic that Kafka has."""

    def __init__(self, client: redis.Redis, kafka: KafkaSettings, deliveries: DeliveryStore, max_age_ms: int) -> None:
        self._redis, self._deliveries, self._max_age_ms = client, deliveries, max_age_ms
        self._topic, self._gaps, self._facts = kafka.topic(_CHANGES), AcceptedGaps(client), LogFacts(kafka)
        self._log = LogWatch(self._facts, [self._topic])

    def find(self, partitions: Iterable[int]) -> dict[int, Position]:
        """Return where each partition is read on.

        What Kafka has deleted unread is noted as a gap. Where the stored offset is of another topic or behind the
        topic's end, or there is none, changes are read that are young enough to be sent: older ones were sent, or
        have expired. Raises KafkaUnreachable, redis.RedisError.
        """
        wanted = sorted(partitions)
        places = [(self._topic, partition) for partition in wanted]
        self._log.look()
        ends, beginnings = self._facts.ends(places), self._facts.beginnings(places)  # what comes after them is read
        stored = self._usable(wanted, ends)
        for partition, offset in stored.items():
            begins = beginnings[self._topic, partition]
            if offset is not None and offset < begins:
                self._skip(partition, offset, begins)
                stored[partition] = begins
        self._note(wanted)
        return self._positions(stored, ends)

    def replaced(self) -> bool:
        """Return whether the topic is another one than when positions were found; waits for nobody."""
        return bool(self._log.changed())

    def _usable(self, partitions: list[int], ends: Offsets) -> dict[int, int | None]:
        """Return the stored offsets; those that say nothing of this topic are removed."""
        stored, logs = self._deliveries.positions(self._topic, partitions), self._logs(partitions)
        for partition, offset in stored.items():
            replaced = partition in logs and self._identity().differs_from(LogIdentity.parse(logs[partition]))
            if offset is not None and (replaced or offset > ends[self._topic, partition]):
                why = "another topic has that name now" if replaced else "the topic is shorter than what was read"
                said = "%s partition %d: %s; reading changes that are young enough to be sent"
                log.warning(said, self._topic, partition, why)
                self._deliveries.forget_position(self._topic, partition)
                stored[partition] = None
        return stored

    def _skip(self, partition: int, offset: int, begins: int) -> None:
        said = "%s partition %d: Kafka has deleted offsets %d to %d before they were queued; going on behind them"
        log.error(said, self._topic, partition, offset, begins - 1)
        gap = AcceptedGap(
            group=keys.TRIGGERS_GROUP,
            topic=_CHANGES,
            partition=partition,
            reason="deleted",
            from_offset=offset,
            to_offset=begins,
            at_ms=_now_ms(),
            by=_BY,
        )
        self._gaps.accept(gap, self._topic, str(self._identity()))

    def _positions(self, stored: Mapping[int, int | None], ends: Offsets) -> dict[int, Position]:
        unknown = [(self._topic, partition) for partition, offset in stored.items() if offset is None]
        young = self._facts.since(unknown, max(0, _now_ms() - self._max_age_ms))
        starts = {partition: young.get((topic, partition), ends[topic, partition]) for topic, partition in unknown}
        return {
            partition: Position(offset, starts[partition] if offset is None else offset)
            for partition, offset in stored.items()
        }

    def _logs(self, partitions: list[int]) -> dict[int, str]:
        found = read_logs(self._redis, partitions, keys.TRIGGERS_GROUP)
        return {partition: logs[self._topic] for partition, logs in found.items() if self._topic in logs}

    def _note(self, partitions: list[int]) -> None:
        known = self._logs(partitions)
        for partition in partitions:
            if known.get(partition) != str(self._identity()):
                note_logs(self._redis, partition, keys.TRIGGERS_GROUP, {self._topic: str(self._identity())})

    def _identity(self) -> LogIdentity:
        return self._log.identities.get(self._topic, LogIdentity("", ""))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
