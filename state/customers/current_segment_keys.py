"""`segment:<customer_id>`: what downstream services read, one GET a customer."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import redis

from events.codec.text_rows import Table, build_rows
from events.segment_changes import Change, ChangeBatch
from state.store import keys

__all__ = [
    "LONGEST_CHAIN",
    "MergedView",
    "SegmentView",
    "SegmentViews",
    "survivor_of",
    "view_items",
    "view_of_customer",
]

# A change is written unless a later one is there: two workers may both write, and the slower one may be older.
_WRITE_IF_NEWER = """
local written = 0
for i, key in ipairs(KEYS) do
  local there = redis.call('GET', key)
  local number = there and tonumber(string.match(there, ':(%d+)"}$')) or 0
  if tonumber(ARGV[2 * i - 1]) >= number then
    redis.call('SET', key, ARGV[2 * i])
    written = written + 1
  end
end
return written
"""
_CHUNK = 2_000


class SegmentView(msgspec.Struct, frozen=True):
    """A customer's current segment; `change_id` comes last, since its number orders the writes."""

    segment_id: str
    segment: str
    since: str
    previous: str | None
    baseline: int
    change_id: str


class MergedView(msgspec.Struct, frozen=True):
    """What stands in the place of the segment of a customer who was merged into another."""

    merged_into: str
    change_id: str


LONGEST_CHAIN: Final = 10_000
"""Merges that are followed from one customer to the next, at most: a visitor's cookie may be renewed each day."""
_MERGED: Final = b'{"merged_into":'


def survivor_of(value: bytes | None) -> str | None:
    """Return the id that a customer was merged into, by what stands under its key; None where it was not."""
    if not value or not value.startswith(_MERGED):
        return None
    return msgspec.json.decode(value, type=MergedView).merged_into


class SegmentViews:
    """Writes and reads the views."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client
        self._write = client.register_script(_WRITE_IF_NEWER)

    def write(self, changes: Sequence[Change]) -> int:
        """Write the views that follow from changes and return how many were not older than Redis's.

        Of several changes of one customer in the list, the last counts.
        """
        batch = ChangeBatch.of(changes)
        items = view_items(batch)
        latest = dict(zip(items[::2], zip(batch.numbers, items[1::2], strict=True), strict=True))
        names, pairs = list(latest), list(latest.values())
        written = 0
        for start in range(0, len(names), _CHUNK):
            args = [part for pair in pairs[start : start + _CHUNK] for part in pair]
            written += int(self._write(keys=names[start : start + _CHUNK], args=args))
        return written

    def read(self, customer_id: str) -> SegmentView | None:
        """Return a customer's current segment, or None."""
        return self.read_many([customer_id])[0]

    def read_many(self, customer_ids: Sequence[str]) -> list[SegmentView | None]:
        """Return the current segments of customers, or None, in their order and in one round trip.

        A customer who was merged into another has that one's segment, for one more round trip for each merge.
        """
        _, values = self._followed(customer_ids)
        return [msgspec.json.decode(value, type=SegmentView) if value else None for value in values]

    def missing(self, customer_ids: Sequence[str]) -> list[str]:
        """Return those of these customers who have no view; where all have one, that is one short answer."""
        names = keys.segments(customer_ids)
        if not names or int(self._redis.exists(*names)) == len(names):
            return []
        with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.exists(name)
            found = pipe.execute()
        return [customer_id for customer_id, there in zip(customer_ids, found, strict=True) if not there]

    def survivors(self, customer_ids: Sequence[str]) -> dict[str, str]:
        """Return those of these customers who were merged, each with the id under which the person goes on."""
        ids, _ = self._followed(customer_ids)
        return {name: final for name, final in zip(customer_ids, ids, strict=True) if name != final}

    def _followed(self, customer_ids: Sequence[str]) -> tuple[list[str], list[bytes | None]]:
        """Return the ids under which these customers go on, and what stands under those."""
        ids = list(customer_ids)
        values: list[bytes | None] = self._redis.mget(keys.segments(ids)) if ids else []
        for _ in range(LONGEST_CHAIN):
            merged = {i: name for i, value in enumerate(values) if (name := survivor_of(value)) is not None}
            if not merged:
                break
            found = self._redis.mget(keys.segments(merged.values()))
            for (i, name), value in zip(merged.items(), found, strict=True):
                ids[i], values[i] = name, value
        return ids, values


def view_of_customer(customer_id: str, view: SegmentView) -> tuple[str, bytes]:
    """Return the key of a customer's view, and its JSON."""
    return keys.segment(customer_id), msgspec.json.encode(view)


def view_items(changes: ChangeBatch) -> list[str | bytes]:
    """Return the keys of the views that follow from changes, each followed by its JSON, as MSET takes them."""
    items: list[str | bytes] = [b""] * (2 * len(changes))
    items[::2] = keys.segments(changes.customer_ids)
    items[1::2] = changes.rows(_views)
    return items


def _views(changes: ChangeBatch) -> list[bytes]:
    """Return the JSON of the view that follows from each change."""
    kinds = (changes.kind_column, Table([_head(prototype) for prototype in changes.prototypes]))
    return build_rows(len(changes), kinds, changes.escaped_ids, b":", changes.number_column, b'"}')


def _head(prototype: Change) -> bytes:
    """Return the JSON of a view up to the change id, the part that all changes of a kind share."""
    each = prototype
    if each.segment_id is None or each.segment is None:
        return msgspec.json.encode(MergedView(each.merged_into or "", change_id="")).removesuffix(b'"}')
    view = SegmentView(each.segment_id, each.segment, each.changed_at, each.previous, each.baseline, change_id="")
    return msgspec.json.encode(view).removesuffix(b'"}')
