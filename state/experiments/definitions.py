"""The definitions of experiments in Redis, as JSON text: what they mean is not this folder's concern."""

from collections.abc import Sequence
from typing import Any

import redis

from events.schema.outputs import Entry
from state.entries.entry_writer import EntryWriter, RedisEntryWriter
from state.store import keys

__all__ = ["ExperimentStore"]


class ExperimentStore:
    """Keeps every experiment's definition, and which experiments there are; changes go through `writer`."""

    def __init__(self, client: redis.Redis, writer: EntryWriter | None = None) -> None:
        self._redis: Any = client
        self._writer = writer or RedisEntryWriter(client)

    def create(self, experiment_id: str, definition: str) -> bool:
        """Store a new experiment; return False, and change nothing, where the id is taken."""
        return self._put(experiment_id, definition, expected=None)

    def replace(self, experiment_id: str, definition: str, expected: str) -> bool:
        """Store a changed definition; return False, and change nothing, unless the stored one is `expected`."""
        return self._put(experiment_id, definition, expected)

    def _put(self, experiment_id: str, definition: str, expected: str | None) -> bool:
        as_expected = False

        def change() -> Sequence[Entry]:
            nonlocal as_expected
            as_expected = self.get(experiment_id) == expected
            return [Entry(kind="experiment", name=experiment_id, value=definition)] if as_expected else []

        self._writer.write(change)
        return as_expected

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
