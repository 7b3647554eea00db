"""Triggers as JSON values: without their secrets, with the number of deliveries that wait or failed for good."""

from collections import Counter
from typing import Any

import redis

from events.codec.instants import rfc3339
from state.campaigns.deliveries import Attempt, DeliveryStore
from state.campaigns.secret_keys import SecretKeys
from state.campaigns.triggers import StoredTrigger, TriggerStore
from state.entries.entry_writer import EntryWriter

__all__ = ["Triggers"]


class Triggers:
    """Reads the triggers and the outcomes of their deliveries."""

    def __init__(
        self,
        client: redis.Redis,
        partitions: int,
        writer: EntryWriter | None = None,
        secret_keys: SecretKeys | None = None,
    ) -> None:
        self.store = TriggerStore(client, writer, secret_keys)
        self.deliveries = DeliveryStore(client, partitions)

    def all(self) -> list[dict[str, Any]]:
        """Return every trigger, sorted by name, as JSON values."""
        dead = Counter(each.delivery.trigger for each in self.deliveries.dead())
        return [self._document(trigger, dead[name]) for name, trigger in self.store.stored().items()]

    def one(self, name: str) -> dict[str, Any]:
        """Return a trigger as JSON values. Raises TriggerUnknown."""
        return self._document(self.store.get_stored(name), len(self.deliveries.dead(name)))

    def attempts(self, limit: int, name: str | None = None) -> list[dict[str, Any]]:
        """Return the latest attempts, of one trigger if it is named, the newest first, as JSON values."""
        return [_attempt(each) for each in self.deliveries.attempts(limit, name)]

    def _document(self, trigger: StoredTrigger, dead: int) -> dict[str, Any]:
        waiting = self.deliveries.pending(trigger.trigger)
        return trigger.model_dump(mode="json", exclude={"secret"}) | {"waiting": waiting, "dead": dead}


def _attempt(each: Attempt) -> dict[str, Any]:
    values = each.model_dump()
    return {"at": rfc3339(values.pop("at_ms")), **values}
