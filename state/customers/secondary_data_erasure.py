"""Erases what Redis holds of a customer outside its partition: the one list of such data, to be kept complete.

`stream.erasure.partition_eraser` erases the record, the profile, the view, the part in the model, unsent changes, and
the merges of the `segments` group.
Experiments keep sums of their tallies, which hold no ids; who was exposed is erased here.
"""

import json
from typing import Any

import redis

from events.topics.partitioning import partition_of
from state.campaigns.suppressions import SuppressionStore
from state.entries.entry_writer import EntryWriter
from state.store import keys

__all__ = ["erase_secondary_data"]

_CHUNK = 1_000
# XDEL only marks an entry; its bytes stay. So the log is written anew without the entries whose ids are given.
_REWRITE = """
local gone = {}
for _, id in ipairs(ARGV) do gone[id] = true end
local entries = redis.call('XRANGE', KEYS[1], '-', '+')
redis.call('DEL', KEYS[1])
local removed = 0
for _, entry in ipairs(entries) do
  if gone[entry[1]] then
    removed = removed + 1
  else
    redis.call('XADD', KEYS[1], entry[1], unpack(entry[2]))
  end
end
return removed
"""


def erase_secondary_data(
    client: redis.Redis, customer_id: str, partitions: int, entries: EntryWriter | None = None
) -> dict[str, int]:
    """Erase a customer's data outside the partition of the `segments` group; return how much was found, by kind.

    `entries` erases suppressions on their topic too. Raises what it raises.
    """
    home = partition_of(customer_id, partitions)
    found = {
        "suppressions": SuppressionStore(client, entries).remove_everywhere(customer_id),
        "experiments": _experiments(client, customer_id, home),
        "deliveries": _deliveries(client, customer_id),
        "attempts": _attempts(client, customer_id),
    }
    store: Any = client
    found["contacts"] = int(store.delete(keys.contacts(customer_id)))
    _merges(store, customer_id, home)
    return found


def _merges(client: Any, customer_id: str, home: int) -> None:
    """Erase pointers to the survivor that are not the `segments` group's, or came back with an older Redis."""
    for key in (keys.merged(home, keys.EXPERIMENTS_GROUP), keys.handovers(home, keys.EXPERIMENTS_GROUP)):
        client.hdel(key, customer_id)
    client.hdel(keys.IDENTITIES, customer_id)


def _experiments(client: Any, customer_id: str, home: int) -> int:
    names = [name.decode() for name in client.smembers(keys.EXPERIMENTS)]
    with client.pipeline(transaction=True) as pipe:
        pipe.hdel(keys.purchases(home), customer_id)
        pipe.hdel(keys.enrolled(home), customer_id)
        for name in names:
            pipe.hdel(keys.exposed(home, name), customer_id)
        return sum(pipe.execute())


def _deliveries(client: Any, customer_id: str) -> int:
    removed = 0
    for trigger in [name.decode() for name in client.hkeys(keys.TRIGGERS)]:
        for delivery_id, body in client.hscan_iter(keys.deliveries(trigger), count=_CHUNK):
            if _names(json.loads(body), customer_id):
                client.zrem(keys.deliveries_due(trigger), delivery_id)
                removed += client.hdel(keys.deliveries(trigger), delivery_id)
    for delivery_id, body in client.hscan_iter(keys.DEAD_DELIVERIES, count=_CHUNK):
        if _names(json.loads(body)["delivery"], customer_id):
            removed += client.hdel(keys.DEAD_DELIVERIES, delivery_id)
    return removed


def _names(delivery: dict[str, Any], customer_id: str) -> bool:
    return customer_id in (delivery["customer_id"], *delivery.get("also_names", ()))


def _attempts(client: Any, customer_id: str) -> int:
    entries = client.xrange(keys.ATTEMPTS)
    mine = [entry for entry, fields in entries if json.loads(fields[b"attempt"])["customer_id"] == customer_id]
    return int(client.eval(_REWRITE, 1, keys.ATTEMPTS, *mine)) if mine else 0
