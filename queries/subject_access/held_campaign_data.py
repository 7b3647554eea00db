"""What campaigns hold of a person: suppressions, contacts, and webhooks that wait, failed or were attempted."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import redis

from events.codec.instants import rfc3339
from queries.subject_access.held_data import HeldData, readable
from state.campaigns.deliveries import Attempt, DeadDelivery, Delivery
from state.store import keys

__all__ = ["add_campaign_data"]

_CHUNK: Final = 1_000


def add_campaign_data(held: HeldData, client: redis.Redis, ids: Sequence[str]) -> None:
    """Add what campaigns hold under a person's ids."""
    store: Any = client
    _suppressions(held, store, ids)
    for customer_id in ids:
        contacts = store.zrange(keys.contacts(customer_id), 0, -1, withscores=True)
        found = [
            {"customer_id": customer_id, "at": rfc3339(int(at)), "delivery": readable(name)} for name, at in contacts
        ]
        held.add("contacts", keys.contacts(customer_id), found)
    for trigger in sorted(name.decode() for name in store.hkeys(keys.TRIGGERS)):
        key = keys.deliveries(trigger)
        waiting = [Delivery.model_validate_json(value) for value in _values(store, key)]
        held.add("deliveries", key, [_delivery(each) for each in waiting if _names(each, ids)])
    dead = [DeadDelivery.model_validate_json(value) for value in _values(store, keys.DEAD_DELIVERIES)]
    given_up = [
        _delivery(each.delivery) | {"failed_at": rfc3339(each.died_ms), "reason": each.reason}
        for each in dead
        if _names(each.delivery, ids)
    ]
    held.add("deliveries", keys.DEAD_DELIVERIES, given_up)
    attempts = [Attempt.model_validate_json(fields[b"attempt"]) for _, fields in store.xrange(keys.ATTEMPTS)]
    mine = [
        each.model_dump(exclude={"at_ms"}) | {"at": rfc3339(each.at_ms)} for each in attempts if each.customer_id in ids
    ]
    held.add("attempts", keys.ATTEMPTS, mine)


def _suppressions(held: HeldData, store: Any, ids: Sequence[str]) -> None:
    for scope in sorted(name.decode() for name in store.smembers(keys.SUPPRESSED_SCOPES)):
        key = keys.suppressed(scope)
        flags = zip(ids, store.smismember(key, list(ids)), strict=True)
        held.add("suppressions", key, [{"customer_id": each, "scope": scope} for each, there in flags if there])


def _values(store: Any, key: str) -> Iterator[bytes]:
    for _, value in store.hscan_iter(key, count=_CHUNK):
        yield value


def _names(delivery: Delivery, ids: Sequence[str]) -> bool:
    return not set(ids).isdisjoint(delivery.customers)


def _delivery(each: Delivery) -> dict[str, Any]:
    return each.model_dump(exclude={"changed_ms"}) | {"changed_at": rfc3339(each.changed_ms)}
