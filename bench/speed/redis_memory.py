"""What a customer costs in Redis."""

from typing import NamedTuple

import numpy as np

from bench.job.end_state import customer_ids
from bench.job.fixed_job import PARTITIONS
from bench.job.servers import Run
from state.store import keys

__all__ = ["RedisMemory", "measure_memory", "used_memory"]

_SAMPLES = 1_000


class RedisMemory(NamedTuple):
    """Bytes of Redis a customer: in all keys by INFO, and of the record and the view by MEMORY USAGE."""

    bytes_per_customer: float
    record_bytes: float
    view_bytes: float


def measure_memory(run: Run, empty_bytes: int, customers: int) -> RedisMemory:
    """Measure after the workers have stopped; `empty_bytes` is `used_memory` of the run's Redis before them."""
    numbers = np.linspace(0, customers - 1, min(_SAMPLES, customers)).astype(np.int64)
    with run.redis.pipeline(transaction=False) as pipe:
        for name in customer_ids(numbers):
            pipe.memory_usage(keys.segment(name))
        views = [int(size) for size in pipe.execute() if size]
        for partition in range(PARTITIONS):
            pipe.memory_usage(keys.customers(partition), samples=_SAMPLES)
        records = sum(int(size or 0) for size in pipe.execute())
    used = used_memory(run) - empty_bytes
    return RedisMemory(used / customers, records / customers, sum(views) / max(1, len(views)))


def used_memory(run: Run) -> int:
    """Return the bytes that Redis uses now, by INFO."""
    return int(run.redis.info("memory")["used_memory"])
