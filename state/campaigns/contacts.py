"""Contacts with a customer, as the frequency caps count them: one for each delivery that was made or is being made."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import redis

from events.time_units import DAY_MS, DAY_S
from state.erasures.tombstone_fence import TombstoneFence
from state.store import keys

__all__ = ["ContactStore", "FrequencyCap", "withdraw_contact"]

# Record a contact with a customer, unless a frequency cap is reached: KEYS contacts; ARGV id, now, then three for each
# cap: since, how many, prefix of the ids that count; last the seconds to keep.
_RESERVE: Final = """
for i = 3, #ARGV - 1, 3 do
  local count = 0
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[i], '+inf')) do
    if id ~= ARGV[1] and string.sub(id, 1, #ARGV[i + 2]) == ARGV[i + 2] then count = count + 1 end
  end
  if count >= tonumber(ARGV[i + 1]) then return 0 end
end
redis.call('ZADD', KEYS[1], 'NX', ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[#ARGV])
return 1
"""


class FrequencyCap(NamedTuple):
    """How many contacts a customer may have in so many days; of all triggers together where `trigger` is empty."""

    number: int
    days: float
    trigger: str


class ContactStore:
    """The contacts with each customer that is not erased; several dispatchers may write."""

    def __init__(self, client: redis.Redis, partitions: int) -> None:
        self._redis: Any = client
        self._fence = TombstoneFence(client, partitions)
        self._reserve = client.register_script(_RESERVE)

    def reserve(
        self,
        trigger: str,
        delivery_id: str,
        named: Iterable[str],
        person: Sequence[str],
        now_ms: int,
        caps: Sequence[FrequencyCap],
    ) -> bool:
        """Record a contact with a person, and return whether the frequency caps allow it.

        `person` are the ids of the delivery's customer, first the one that it goes on under: contacts with all of them
        count. Of somebody who was erased, also of another customer that the delivery names, nothing is recorded, and no
        contact is allowed.
        """
        if not caps:
            return True
        limits = [
            part
            for cap in caps
            for part in (now_ms - int(cap.days * DAY_MS), cap.number, f"{cap.trigger} " if cap.trigger else "")
        ]
        keep_s = int(max(cap.days for cap in caps) * DAY_S) + 1
        survivor, *merged = person
        arguments = [_contact_id(trigger, delivery_id), now_ms, *limits, keep_s]

        def reserve(pipe: Any, erased: set[str]) -> None:
            if not erased:
                self._take_over(pipe, survivor, merged, keep_s)
                self._reserve(keys=[keys.contacts(survivor)], args=arguments, client=pipe)

        answers = self._fence.write([*named, *person], reserve)
        return bool(answers and answers[-1])

    def _take_over(self, client: Any, survivor: str, merged: Sequence[str], keep_s: int) -> None:
        """Make contacts with ids that were merged into a customer the customer's own; twice does no harm."""
        with self._redis.pipeline(transaction=False) as pipe:
            for each in merged:
                pipe.zrange(keys.contacts(each), 0, -1, withscores=True)
            found = {name: at_ms for contacts in pipe.execute() for name, at_ms in contacts}
        if found:
            client.zadd(keys.contacts(survivor), found, nx=True)
            client.expire(keys.contacts(survivor), keep_s)
            for each in merged:
                client.delete(keys.contacts(each))


def withdraw_contact(client: Any, trigger: str, delivery_id: str, person: Iterable[str]) -> None:
    """Let a delivery count no more that came to nothing, under none of the ids of its customer."""
    for each in person:
        client.zrem(keys.contacts(each), _contact_id(trigger, delivery_id))


def _contact_id(trigger: str, delivery_id: str) -> str:
    return f"{trigger} {delivery_id}"  # names of triggers have no spaces
