"""What partitions hold of a person beside the record: profiles, segments, unsent changes, merges, requests to erase."""

import json
from collections.abc import Sequence
from typing import Any

import redis

from events.codec.instants import rfc3339
from events.topics.partitioning import partition_of
from queries.subject_access.held_data import HeldData, readable
from state.customers.records import unpack
from state.customers.session_entries import UNTOLD, read_sessions
from state.store import keys

__all__ = ["add_records"]

_GROUPS = (keys.SEGMENTS_GROUP, keys.EXPERIMENTS_GROUP)


def add_records(held: HeldData, client: redis.Redis, ids: Sequence[str], partitions: int) -> None:
    """Add what the partitions hold under a person's ids."""
    store: Any = client
    for customer_id in ids:
        home = partition_of(customer_id, partitions)
        _record(held, store, customer_id, home)
        for section, key in (("profiles", keys.profiles(home)), ("merges", keys.merging(home))):
            _field(held, section, store, key, customer_id)
        current = store.get(keys.segment(customer_id))
        held.add("current_segments", keys.segment(customer_id), [] if current is None else [_value(current)])
        _requests(held, store, customer_id, {home, keys.IDENTITIES_PARTITION})
    _unsent(held, store, ids, partitions)
    _merges(held, store, ids, partitions)


def _record(held: HeldData, store: Any, customer_id: str, home: int) -> None:
    value = store.hget(keys.customers(home), customer_id)
    if value is None:
        return
    customer = unpack([customer_id], [value])
    sessions = read_sessions(customer.sessions.values)
    found = [
        {
            "customer_id": customer_id,
            "ended_at": None if end == UNTOLD else rfc3339(end),
            "duration_s": duration,
            "pages": pages,
            "cart_adds": cart_adds,
        }
        for end, duration, pages, cart_adds in zip(*(each.tolist() for each in sessions), strict=True)
    ]
    held.add("sessions", keys.customers(home), found)
    held.keys[keys.customers(home)] = "customer"
    hashes = {"customer_id": customer_id, "events": len(customer.recent.values), "bytes": len(value)}
    held.add("hashes_of_events", keys.customers(home), [hashes])
    held.keys[keys.customers(home)] = "customer"


def _field(held: HeldData, section: str, store: Any, key: str, customer_id: str) -> None:
    value = store.hget(key, customer_id)
    found = [] if value is None else [{"customer_id": customer_id, "value": _value(value)}]
    held.add(section, key, found)


def _requests(held: HeldData, store: Any, customer_id: str, places: set[int]) -> None:
    for place in sorted(places):
        asked = store.sismember(keys.erasing(place), customer_id)
        held.add("erasure", keys.erasing(place), [{"customer_id": customer_id, "waiting_in": place}] if asked else [])
    since = store.hget(keys.ERASURES, customer_id)
    found = [] if since is None else [{"customer_id": customer_id, "requested_at": rfc3339(int(since))}]
    held.add("erasure", keys.ERASURES, found)


def _unsent(held: HeldData, store: Any, ids: Sequence[str], partitions: int) -> None:
    wanted = set(ids)
    for place in range(partitions):  # of a merge, the survivor's id is in the change of the other
        changes = [json.loads(value) for value in store.lrange(keys.outbox(place), 0, -1)]
        mine = [each for each in changes if wanted & {each.get("customer_id"), each.get("merged_into")}]
        held.add("unsent_changes", keys.outbox(place), mine)


def _merges(held: HeldData, store: Any, ids: Sequence[str], partitions: int) -> None:
    hashes = [keys.merged(place, group) for place in range(partitions) for group in _GROUPS]
    for key in (keys.IDENTITIES, *hashes):
        values = zip(ids, store.hmget(key, list(ids)), strict=True)
        found = [{"customer_id": each, "merged_into": readable(into)} for each, into in values if into is not None]
        held.add("merges", key, found)
    for customer_id in ids:
        home = partition_of(customer_id, partitions)
        key = keys.aliases(home, customer_id)
        found = [{"customer_id": readable(each), "merged_into": customer_id} for each in sorted(store.smembers(key))]
        held.add("merges", key, found)
        for group in _GROUPS:
            _field(held, "handovers", store, keys.handovers(home, group), customer_id)


def _value(value: bytes) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return readable(value)
