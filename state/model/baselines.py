"""Baselines and the current model in Redis: what a starting worker begins with."""

from typing import Any, Final, NamedTuple

import redis

from events.base_error import ShoalError
from events.schema.outputs import Baseline, ModelVersion
from events.time_units import DAY_S
from state.partitions.model_sums import ModelSums
from state.store import keys

__all__ = ["BaselineConflict", "BaselineStore", "BaselineUnknown", "ModelStore", "PartitionSums"]

_REPORT_S: Final = 90 * DAY_S
"""Seconds that the report of a baseline which is not live is kept."""


class BaselineUnknown(ShoalError):
    """There is no baseline of this number."""


class BaselineConflict(ShoalError):
    """Somebody else decided on a baseline, or put another live, at the same moment."""

    retriable = True


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
            value_now, last = pipe.get(keys.BASELINE_CURRENT), int(pipe.get(keys.BASELINE_LAST) or 0)
            live = Baseline.model_validate_json(value_now) if value_now else None
            if live and (live.baseline, live.revision) >= (baseline.baseline, baseline.revision):
                return False
            pipe.multi()
            if live and live.baseline != baseline.baseline:
                retired = live.model_copy(update={"status": "retired"})
                pipe.set(keys.baseline(live.baseline), retired.model_dump_json())
                pipe.expire(keys.baseline_report(live.baseline), _REPORT_S)
            pipe.set(keys.baseline(baseline.baseline), value)
            pipe.set(keys.BASELINE_CURRENT, value)
            pipe.set(keys.BASELINE_LAST, max(last, baseline.baseline))
            pipe.persist(keys.baseline_report(baseline.baseline))
            try:
                pipe.execute()
            except redis.WatchError:
                return False
        return True

    def propose(self, baseline: Baseline, report: bytes | None = None) -> None:
        """Store a proposed baseline and its report, which changes nothing that is live."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(keys.baseline(baseline.baseline), baseline.model_dump_json())
            if report is not None:
                pipe.set(keys.baseline_report(baseline.baseline), report, ex=_REPORT_S)
            pipe.execute()

    def replace(self, before: Baseline, after: Baseline) -> None:
        """Store a baseline's new status or names. Raises BaselineConflict where it is no longer as `before`."""
        key = keys.baseline(before.baseline)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.watch(key)
            if self._read(pipe.get(key), before.baseline) != before:
                raise BaselineConflict(f"baseline {before.baseline} has just been changed by somebody else; look again")
            pipe.multi()
            pipe.set(key, after.model_dump_json())
            try:
                pipe.execute()
            except redis.WatchError:
                raise BaselineConflict(f"baseline {before.baseline} is being changed by somebody else") from None

    def get(self, number: int) -> Baseline:
        """Return a baseline. Raises BaselineUnknown."""
        return self._read(self._redis.get(keys.baseline(number)), number)

    def _read(self, value: bytes | None, number: int) -> Baseline:
        if value is None:
            raise BaselineUnknown(f"there is no baseline {number}; `shoal baselines list` shows which there are")
        return Baseline.model_validate_json(value)

    def all(self) -> list[Baseline]:
        """Return every baseline, by number."""
        last = int(self._redis.get(keys.BASELINE_LAST) or 0)
        values = self._redis.mget([keys.baseline(number) for number in range(1, last + 1)]) if last else []
        return [Baseline.model_validate_json(value) for value in values if value]

    def report(self, number: int) -> bytes | None:
        """Return the report document of a baseline, None where it has none or it is no longer kept."""
        found: bytes | None = self._redis.get(keys.baseline_report(number))
        return found

    def current(self) -> Baseline | None:
        """Return the live baseline, or None before the first."""
        value = self._redis.get(keys.BASELINE_CURRENT)
        return Baseline.model_validate_json(value) if value else None


class PartitionSums(NamedTuple):
    """One partition's part of the model: under which baseline, complete under which, and the sums."""

    baseline: int
    swept_baseline: int
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
