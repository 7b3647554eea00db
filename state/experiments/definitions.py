"""The definitions of experiments in Redis, as JSON text: what they mean is not this folder's concern."""

from typing import Any

import redis

from state.store import keys

__all__ = ["ExperimentStore"]


class ExperimentStore:
    """Keeps every experiment's definition, and which experiments there are."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def create(self, experiment_id: str, definition: str) -> bool:
        """Store a new experiment; return False, and change nothing, where the id is taken."""
        # Into the index first: an entry without a definition is skipped, a definition without an entry would be lost.
        self._redis.sadd(keys.EXPERIMENTS, experiment_id)
        return bool(self._redis.set(keys.experiment(experiment_id), definition, nx=True))

    def replace(self, experiment_id: str, definition: str, expected: str) -> bool:
        """Store a changed definition; return False, and change nothing, unless the stored one is `expected`."""
        key = keys.experiment(experiment_id)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.watch(key)
            if pipe.get(key) != expected.encode():
                return False
            pipe.multi()
            pipe.set(key, definition)
            try:
                pipe.execute()
            except redis.WatchError:
                return False
        return True

    def get(self, experiment_id: str) -> str | None:
        """Return an experiment's definition, or None."""
        value = self._redis.get(keys.experiment(experiment_id))
        return None if value is None else value.decode()

    def all(self) -> dict[str, str]:
        """Return every definition by id, sorted by id, in two round trips."""
        ids = sorted(member.decode() for member in self._redis.smembers(keys.EXPERIMENTS))
        with self._redis.pipeline(transaction=False) as pipe:
            for experiment_id in ids:
                pipe.get(keys.experiment(experiment_id))
            values = pipe.execute()
        return {each: value.decode() for each, value in zip(ids, values, strict=True) if value is not None}
