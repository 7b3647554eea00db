"""Parts of topics that somebody agreed to go on without: written with the offset after them, kept as a mark."""

from typing import Any, Final, Literal

import redis
from pydantic import BaseModel

from state.store import keys

__all__ = ["AcceptedGap", "AcceptedGaps"]

_KEPT: Final = 1_000

Reason = Literal["deleted", "replaced", "state lost", "offset lost", "log shortened"]


class AcceptedGap(BaseModel):
    """What a consumer group does not read of a partition (topic without prefix), why, and who accepted that when.

    `from_offset` is where it would have gone on, `to_offset` where it goes on.
    """

    group: str
    topic: str
    partition: int
    reason: Reason
    from_offset: int
    to_offset: int
    at_ms: int
    by: str


class AcceptedGaps:
    """The gaps of a deployment in a Redis list, the latest first."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def accept(self, gap: AcceptedGap, topic: str, log: str | None) -> None:
        """Let a partition go on behind a gap; `topic` is its full name, `log` what the offset belongs to.

        The revision grows with it, so that a worker that owns the partition claims it again. Raises redis.WatchError
        where the partition was written to meanwhile.
        """
        offsets = keys.offsets(gap.partition, gap.group)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.watch(offsets)
            pipe.multi()
            pipe.hset(offsets, topic, gap.to_offset)
            pipe.hincrby(keys.outcome_counts(gap.partition, gap.group), "revision", 1)
            if log is not None:
                pipe.hset(keys.logs(gap.partition, gap.group), topic, log)
            pipe.lpush(keys.ACCEPTED_GAPS, gap.model_dump_json())
            pipe.ltrim(keys.ACCEPTED_GAPS, 0, _KEPT - 1)
            pipe.execute()

    def all(self) -> list[AcceptedGap]:
        """Return the gaps, the latest first. Raises redis.RedisError."""
        return [AcceptedGap.model_validate_json(value) for value in self._redis.lrange(keys.ACCEPTED_GAPS, 0, -1)]
