"""Read customers of all partitions: a table of bounded size to fit on, and all of them in chunks to assign."""

from collections.abc import Iterator

import numpy as np
import redis

from batch.data.crm_profiles import join_profiles
from batch.data.customer_table import CustomerTable
from batch.data.reservoir_sample import Reservoir
from state.partitions.partition_store import PartitionStore
from state.partitions.watermarks_and_outcomes import read_agreed_watermark
from state.store import keys
from stream.customers.wall_or_event_time import SegmentClock

__all__ = ["CustomerReader"]

_CHUNK = 5_000


class CustomerReader:
    """Reads what the worker keeps, without disturbing it: HSCAN in small steps.

    `attributes` are the declared profile attributes in the order of the settings, as the worker has them.
    """

    def __init__(
        self,
        client: redis.Redis,
        clock: SegmentClock,
        *,
        partitions: int,
        half_life_ms: float,
        attributes: tuple[str, ...] = (),
    ) -> None:
        self._client, self._clock = client, clock
        self._partitions, self._half_life_ms, self._attributes = partitions, half_life_ms, attributes
        self._store = PartitionStore(client, keys.SEGMENTS_GROUP)

    def table(self, limit: int, seed: int) -> CustomerTable:
        """Return all customers, or a uniform sample where there are more than `limit`, with their profiles.

        The same state and seed give the same table, in whatever order Redis keeps it. Raises redis.RedisError.
        """
        reservoir = Reservoir(limit, seed)
        for chunk in self.chunks():
            reservoir.offer(chunk.ids, chunk.rows, chunk.now_ms)
        kept = reservoir.sample()
        profiles = join_profiles(self._client, kept.ids.tolist(), self._partitions)
        return CustomerTable(
            kept.ids,
            kept.rows,
            kept.now_ms,
            self._half_life_ms,
            self._attributes,
            profiles,
            population=reservoir.seen,
        )

    def chunks(self) -> Iterator[CustomerTable]:
        """Yield every customer once, some thousands at a time, without profiles. Raises redis.RedisError."""
        now_ms = self._clock.now_ms(read_agreed_watermark(self._client, self._partitions, keys.SEGMENTS_GROUP))
        for partition in range(self._partitions):
            for ids, rows in self._partition(partition):
                times = np.full(len(ids), now_ms, np.int64)
                yield CustomerTable(ids, rows, times, self._half_life_ms, self._attributes)

    def _partition(self, partition: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield ids and rows of a partition; HSCAN may return a customer twice, who counts once."""
        cursor, seen = 0, set[str]()
        while True:
            cursor, batch = self._store.scan(partition, cursor, _CHUNK)
            ids = np.array(batch.ids, object)
            if seen.isdisjoint(batch.ids):
                rows = batch.rows
            else:
                fresh = np.array([name not in seen for name in batch.ids], np.bool_)
                ids, rows = ids[fresh], batch.rows[fresh]
            seen.update(batch.ids)
            if len(ids):
                yield ids, rows
            if cursor == 0:
                return
