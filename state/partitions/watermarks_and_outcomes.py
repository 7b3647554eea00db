"""How far each partition's events have come in event time, and what became of them, by outcome."""

from typing import Any

import redis

from state.store import keys

__all__ = ["read_outcome_counts", "read_watermarks"]


def read_watermarks(client: redis.Redis, partitions: int, group: str) -> dict[int, int]:
    """Return the largest event time (ms since 1970 UTC) of each partition, 0 where there was none."""
    store: Any = client
    with store.pipeline(transaction=False) as pipe:
        for partition in range(partitions):
            pipe.hget(keys.outcome_counts(partition, group), "watermark")
        return {partition: int(value or 0) for partition, value in enumerate(pipe.execute())}


def read_outcome_counts(client: redis.Redis, partitions: int, group: str) -> dict[str, int]:
    """Return the number of events by `<topic>:<outcome>`, over all partitions."""
    store: Any = client
    total: dict[str, int] = {}
    with store.pipeline(transaction=False) as pipe:
        for partition in range(partitions):
            pipe.hgetall(keys.outcome_counts(partition, group))
        for outcome_counts in pipe.execute():
            for name, value in outcome_counts.items():
                if b":" in name:
                    total[name.decode()] = total.get(name.decode(), 0) + int(value)
    return total
