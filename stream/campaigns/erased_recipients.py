"""Who was erased, for the triggers: by Redis and by the topic of erasures, as Redis may have come back older."""

import threading
from collections.abc import Iterable

from consumers.history.erasure_log import ErasureLog
from events.topics.partitioning import partition_of
from state.campaigns.deliveries import DeliveryStore
from state.erasures.erased_customers import ErasedCustomers

__all__ = ["ErasedRecipients"]


class ErasedRecipients:
    """Asked before anything is queued or sent; several threads may ask.

    Tombstones that Redis has lost come back when a worker claims their partition again. The triggers do not wait for
    that: what the topic told them once, they remember.
    """

    def __init__(self, deliveries: DeliveryStore, log: ErasureLog, partitions: int) -> None:
        self._deliveries, self._log, self._partitions = deliveries, log, partitions
        self._lock = threading.Lock()
        self._published: list[tuple[int, ErasedCustomers]] = []

    def follow(self) -> None:
        """Read what is new on the topic. Raises KafkaUnreachable."""
        with self._lock:
            self._published = [
                (partition, ErasedCustomers(salt, digests))
                for salt, found in self._log.with_any_salt().items()
                for partition, digests in found.items()
            ]

    def among(self, customer_ids: Iterable[str]) -> set[str]:
        """Return which of these customers were erased. Raises redis.RedisError."""
        names, published = set(customer_ids), self._published
        told = {each for each in names if any(each in erased for _, erased in self._of(published, each))}
        return told | self._deliveries.erased_among(names - told)

    def _of(self, published: list[tuple[int, ErasedCustomers]], name: str) -> list[tuple[int, ErasedCustomers]]:
        home = partition_of(name, self._partitions) if published else 0
        return [each for each in published if each[0] == home]
