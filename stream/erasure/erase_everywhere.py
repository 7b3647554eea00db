"""Erase a customer everywhere: request it, see its progress, and erase what no partition's worker owns."""

import time
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

import redis

from consumers.broker.kafka_sink import KafkaSink
from consumers.dead_letters.stored_letters import DeadLetterLog
from events.settings import KafkaSettings
from events.topics.partitioning import partition_of
from state.customers.merged_customers import ids_of_person
from state.customers.secondary_data_erasure import erase_secondary_data
from state.entries.entry_writer import EntryWriter
from state.erasures.erased_customers import ErasureQueue, OpenErasures, was_erased
from state.store import keys

__all__ = ["ErasureProgress", "ErasureRequests"]

_LOCK_S: Final = 300


class ErasureProgress(NamedTuple):
    """The progress of an erasure, and when it was requested (ms; None once it is finished).

    It waits for the worker of the customer's partition, then for what workers do not own, and then is erased.
    """

    status: Literal["waiting for a worker", "finishing", "erased"]
    since_ms: int | None


class ErasureRequests:
    """Carries erasures out. A request stays open until it is finished, by whichever process.

    The worker of the customer's partition erases the record (`stream.erasure.partition_eraser`), then the one that
    decides on merges forgets those of the customer; suppressions, exposures, deliveries and dead letters come after it,
    here, so that nothing is written there again meanwhile. A person who had several ids is erased under all of them.
    """

    def __init__(
        self, client: redis.Redis, kafka: KafkaSettings, sink: Callable[[], KafkaSink], entries: EntryWriter
    ) -> None:
        self._client, self._kafka, self._sink, self._entries = client, kafka, sink, entries
        self._redis: Any = client
        self._failed = set[str]()
        self._queue, self._open = ErasureQueue(client), OpenErasures(client)

    def person(self, customer_id: str) -> list[str]:
        """Return all ids that are erased with a customer, first the one that stays."""
        return ids_of_person(self._client, customer_id)

    def request(self, customer_id: str, now_ms: int) -> list[str]:
        """Request that a customer be erased, under all ids of the person; return these, first the one that stays."""
        person = self.person(customer_id)
        for each in person:
            self._open.add(each, now_ms)
            self._queue.request(self._partition(each), each)
        return person

    def open(self) -> dict[str, int]:
        """Return the customers whose erasure is not finished, and when it was requested (ms)."""
        return self._open.all()

    def status(self, customer_id: str) -> ErasureProgress | None:
        """Return the progress of a customer's erasure, or None where nobody has requested it."""
        partition, since_ms = self._partition(customer_id), self._open.since_ms(customer_id)
        if self._is_waiting(customer_id):
            return ErasureProgress("waiting for a worker", since_ms)
        if since_ms is not None:
            return ErasureProgress("finishing", since_ms)
        return ErasureProgress("erased", None) if was_erased(self._client, partition, customer_id) else None

    def finish(self, customer_id: str) -> dict[str, int] | None:
        """Erase what workers do not own, and return the number of erased items by place.

        None while the worker has not done its part. Raises KafkaUnreachable, SinkFailed; the request then stays open.
        """
        if self._is_waiting(customer_id) or not self._merges_forgotten(customer_id):
            return None
        found = erase_secondary_data(self._client, customer_id, self._kafka.partitions, self._entries)
        found["dead_letters"] = DeadLetterLog(self._kafka, self._client).erase_customer(customer_id, self._sink)
        self._open.close(customer_id)
        return found

    def finish_open(self) -> int:
        """Finish the erasures whose workers have done their part; return how many. One process at a time does so.

        An erasure that cannot be finished now stays open, and is tried after the others from then on. Raises the first
        failure once all were tried, or the time for that is over: KafkaUnreachable, SinkFailed, redis.RedisError, or
        what else it was.
        """
        finished, failures, until = 0, list[Exception](), time.monotonic() + _LOCK_S / 2
        names = sorted(self._open.all(), key=self._failed.__contains__)
        if not names or not self._redis.set(keys.ERASURE_LOCK, 1, nx=True, ex=_LOCK_S):
            return 0
        try:
            for customer_id in names:
                try:
                    finished += self.finish(customer_id) is not None
                    self._failed.discard(customer_id)
                except Exception as error:
                    failures.append(error)
                    self._failed.add(customer_id)
                    if isinstance(error, redis.RedisError) or time.monotonic() > until:
                        break
        finally:
            self._redis.delete(keys.ERASURE_LOCK)
        if failures:
            raise failures[0]
        return finished

    def _is_waiting(self, customer_id: str) -> bool:
        places = {self._partition(customer_id), keys.IDENTITIES_PARTITION}
        return any(self._queue.is_waiting(each, customer_id) for each in places)

    def _merges_forgotten(self, customer_id: str) -> bool:
        """Return whether no merge of an erased customer is kept or decided on any more; else ask for that."""
        place = keys.IDENTITIES_PARTITION
        if not self._redis.exists(keys.IDENTITIES) or was_erased(self._client, place, customer_id):
            return True
        self._queue.request(place, customer_id)
        return False

    def _partition(self, customer_id: str) -> int:
        return partition_of(customer_id, self._kafka.partitions)
