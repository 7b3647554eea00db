"""What lists say of an experiment, kept with a mark of the tallies that it is from.

It is a cache, since the statistics of one experiment take a twentieth of a second: what is missing is computed again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import redis
import xxhash
from pydantic import BaseModel, ValidationError

from state.experiments.tally_store import TallyReading, combined_tallies
from state.store import keys
from state.store.pipelined_connection import PipelinedConnection, as_mapping, raise_first_error

__all__ = ["StoredSummary", "SummaryStore", "TallyTexts"]

_CHUNK = 500


class StoredSummary(BaseModel):
    """The verdict on an experiment at a time, ms since 1970 UTC; `mark` stands for what it follows from."""

    mark: str
    at_ms: int
    exposed: int
    decision: str
    sentence: str


class TallyTexts:
    """The tallies of one experiment as Redis has them, by partition, not decoded yet."""

    def __init__(self, partitions: Sequence[Mapping[bytes, bytes]]) -> None:
        self._partitions = partitions

    def mark(self, definition: str) -> str:
        """Return a hash of a definition and these tallies."""
        parts = [sorted(fields.items()) for fields in self._partitions]
        return xxhash.xxh3_128_hexdigest(repr((definition, parts)).encode())

    def read(self) -> TallyReading:
        """Return the tallies over all partitions."""
        return combined_tallies(self._partitions)


class SummaryStore:
    """Summaries by experiment in a Redis hash, and the tallies of many experiments."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def read(self, ids: Sequence[str]) -> list[StoredSummary | None]:
        """Return the stored summaries of experiments, None where there is none that this release reads."""
        found = self._redis.hmget(keys.EXPERIMENT_SUMMARIES, list(ids)) if ids else []
        return [None if value is None else _parsed(value) for value in found]

    def write(self, summaries: Mapping[str, StoredSummary]) -> None:
        """Store summaries by experiment."""
        if summaries:
            values = {name: each.model_dump_json() for name, each in summaries.items()}
            self._redis.hset(keys.EXPERIMENT_SUMMARIES, mapping=values)

    def tallies(self, ids: Sequence[str], partitions: int) -> list[TallyTexts]:
        """Return the tallies of experiments, in a round trip for every 500. Raises redis.RedisError."""
        connection = PipelinedConnection(self._redis)
        found = []
        try:
            for start in range(0, len(ids), _CHUNK):
                chunk = ids[start : start + _CHUNK]
                commands = [("HGETALL", keys.tally(p, name)) for name in chunk for p in range(partitions)]
                answers = connection.execute(commands)
                raise_first_error(answers)
                for i in range(len(chunk)):
                    mine = answers[i * partitions : (i + 1) * partitions]
                    found.append(TallyTexts([as_mapping(each) for each in mine]))
        finally:
            connection.release()
        return found


def _parsed(value: bytes) -> StoredSummary | None:
    try:
        return StoredSummary.model_validate_json(value)
    except ValidationError:
        return None
