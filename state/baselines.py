"""Baselines and the current model in Redis: what a starting worker begins with."""

from typing import Any, NamedTuple

import redis

from events.outputs import Baseline, ModelVersion
from state import keys
from state.sums import ModelSums

__all__ = ["BaselineStore", "ModelStore", "PartitionSums"]


class BaselineStore:
    """Keeps every baseline by number, and which one is live."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def next_number(self) -> int:
        """Return a number that no other baseline has or will have."""
        return int(self._redis.incr(keys.BASELINE_LAST))

    def approve(self, baseline: Baseline) -> bool:
        """Store a baseline and make it the live one, unless an equal or later one is; return whether it was made."""
        value = baseline.model_dump_json()
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.watch(keys.BASELINE_CURRENT, keys.BASELINE_LAST)
            live, last = pipe.get(keys.BASELINE_CURRENT), int(pipe.get(keys.BASELINE_LAST) or 0)
            if live and Baseline.model_validate_json(live).baseline >= baseline.baseline:
                return False
            pipe.multi()
            pipe.set(keys.baseline(baseline.baseline), value)
            pipe.set(keys.BASELINE_CURRENT, value)
            pipe.set(keys.BASELINE_LAST, max(last, baseline.baseline))
            try:
                pipe.execute()
            except redis.WatchError:
                return False
        return True

    def current(self) -> Baseline | None:
        """Return the live baseline, or None before the first."""
        value = self._redis.get(keys.BASELINE_CURRENT)
        return Baseline.model_validate_json(value) if value else None


class PartitionSums(NamedTuple):
    """One partition's part of the model: under which baseline, complete under which, and the sums."""

    baseline: int
    swept: int
    sums: ModelSums


class ModelStore:
    """The partitions' sums, and the model that they add up to."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def current(self) -> ModelVersion | None:
        """Return the newest model, or None before the first."""
        value = self._redis.get(keys.MODEL_CURRENT)
        return ModelVersion.model_validate_json(value) if value else None

    def partition_sums(self, partitions: int) -> list[PartitionSums]:
        """Return the sums of each partition that has any, in one round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            for partition in range(partitions):
                pipe.hgetall(keys.model(partition))
            found = pipe.execute()
        return [
            PartitionSums(int(fields[b"baseline"]), int(fields[b"swept"]), ModelSums.from_fields(fields))
            for fields in found
            if fields
        ]

    def customers(self, partitions: int) -> list[int]:
        """Return the number of customers of each partition, in one round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            for partition in range(partitions):
                pipe.hlen(keys.customers(partition))
            return [int(size) for size in pipe.execute()]

    def advance(self, model: ModelVersion) -> bool:
        """Make a model the current one unless an equal or later version is there; return whether it was stored."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.watch(keys.MODEL_CURRENT)
            value = pipe.get(keys.MODEL_CURRENT)
            if value and ModelVersion.model_validate_json(value).version >= model.version:
                return False
            pipe.multi()
            pipe.set(keys.MODEL_CURRENT, model.model_dump_json())
            try:
                pipe.execute()
            except redis.WatchError:
                return False
        return True
