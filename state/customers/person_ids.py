"""The ids of a person: the one that a customer goes on under, and those that were merged into it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import redis

from events.topics.partitioning import partitions_of
from state.customers.current_segment_keys import SegmentViews
from state.store import keys

__all__ = ["PersonIds", "PersonIdsReader"]


class PersonIds(NamedTuple):
    """`customer_id` is the id that events are counted under; `merged_from` are the ids that went up in it, sorted."""

    customer_id: str
    merged_from: list[str]

    @property
    def all(self) -> list[str]:
        """All ids of the person, the one that stays first."""
        return [self.customer_id, *self.merged_from]


class PersonIdsReader:
    """Reads who is one person with whom, as the partitions have carried it out.

    For customers who were never merged this takes two round trips, and one more for each merge of a chain.
    """

    def __init__(self, client: redis.Redis, partitions: int) -> None:
        self._redis: Any = client
        self._views, self._partitions = SegmentViews(client), partitions

    def one(self, customer_id: str) -> PersonIds:
        """Return the ids of the person that a customer is. Raises redis.RedisError."""
        return self.many([customer_id])[0]

    def many(self, customer_ids: Sequence[str]) -> list[PersonIds]:
        """Return the ids of the persons that customers are, in their order. Raises redis.RedisError."""
        survivors = self._views.survivors(customer_ids)
        people = [survivors.get(each, each) for each in customer_ids]
        with self._redis.pipeline(transaction=False) as pipe:
            for name, partition in zip(people, partitions_of(people, self._partitions).tolist(), strict=True):
                pipe.smembers(keys.aliases(partition, name))
            found = pipe.execute()
        return [
            PersonIds(name, sorted({each.decode() for each in members} | ({asked} - {name})))
            for asked, name, members in zip(customer_ids, people, found, strict=True)
        ]
