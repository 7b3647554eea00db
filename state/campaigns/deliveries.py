"""Webhook deliveries: a queue for each trigger, the dead deliveries, and a log of every attempt.

A delivery is in the queue until it is settled. A process that receives it makes it invisible to others for a while; if
that process dies, the delivery becomes visible and is sent again under the same id. So every delivery is sent at least
once, and exactly once for a webhook that drops ids it has seen.

Nothing of an erased customer is queued or noted, also where the erasure came while a webhook was called.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import redis
from pydantic import BaseModel

from events.time_units import DAY_MS
from state.campaigns.contacts import withdraw_contact
from state.campaigns.delivery_scripts import ADD, RECEIVE, RETRY, SCHEDULE
from state.erasures.tombstone_fence import TombstoneFence
from state.store import keys

__all__ = ["Attempt", "DeadDelivery", "Delivery", "DeliveryOutcome", "DeliveryStore"]

DeliveryOutcome = Literal["delivered", "failed", "dead", "suppressed", "no-consent", "capped", "expired"]

_SEEN_MS = 7 * DAY_MS
_AT_ONCE = 1_000


class Delivery(BaseModel):
    """One change for one webhook: `body` is what is sent, the same bytes at every attempt; times in ms since 1970.

    `segment_id` is None where the change is that the customer was merged into another, which `also_names` then has.
    """

    id: str
    trigger: str
    change_id: str
    customer_id: str
    segment_id: str | None
    body: str
    changed_ms: int
    attempts: int = 0
    also_names: list[str] = []

    @property
    def customers(self) -> list[str]:
        """All customers that the delivery names."""
        return [self.customer_id, *self.also_names]


class DeadDelivery(BaseModel):
    """A delivery that is not tried any more, when that was decided and why."""

    delivery: Delivery
    died_ms: int
    reason: str


class Attempt(BaseModel):
    """The outcome of one attempt to deliver."""

    at_ms: int
    trigger: str
    id: str
    change_id: str
    customer_id: str
    outcome: DeliveryOutcome
    attempt: int
    status: int | None = None
    detail: str = ""
    duration_ms: int = 0


class DeliveryStore:
    """The queues of all triggers; several dispatchers may work on them."""

    def __init__(self, client: redis.Redis, partitions: int, *, log_length: int = 10_000) -> None:
        self._redis: Any = client
        self._fence = TombstoneFence(client, partitions)
        self._log_length = log_length
        self._add, self._receive = client.register_script(ADD), client.register_script(RECEIVE)
        self._schedule = client.register_script(SCHEDULE)
        self._retry = client.register_script(RETRY)

    def add(self, trigger: str, deliveries: Sequence[Delivery], now_ms: int) -> int:
        """Queue deliveries of a trigger and return how many; ids that came in the last week are skipped."""

        def queue(pipe: Any, erased: set[str]) -> None:
            self._queue(pipe, trigger, _without(erased, deliveries), now_ms)

        return int(self._fence.write(_named(deliveries), queue)[0]) if deliveries else 0

    def add_read(
        self,
        deliveries: Mapping[str, Sequence[Delivery]],
        topic: str,
        before: Mapping[int, int | None],
        after: Mapping[int, int],
        now_ms: int,
    ) -> int | None:
        """Queue deliveries by trigger and, in the same transaction, the offsets `after` what they were read from.

        Returns how many were new; None, and nothing is queued, where the stored offsets are not those `before`.
        """
        names = [keys.offsets(partition, keys.TRIGGERS_GROUP) for partition in before]
        named = {name for each in deliveries.values() for name in _named(each)}
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.watch(*names, *self._fence.keys_of(named))
            erased = self._fence.erased_among(named)
            if [_offset(pipe.hget(name, topic)) for name in names] != list(before.values()):
                return None
            pipe.multi()
            for trigger, each in deliveries.items():
                self._queue(pipe, trigger, _without(erased, each), now_ms)
            for partition, offset in after.items():
                pipe.hset(keys.offsets(partition, keys.TRIGGERS_GROUP), topic, offset)
            try:
                answers = pipe.execute()
            except redis.WatchError:
                return None
        return sum(map(int, answers[: len(deliveries)]))

    def positions(self, topic: str, partitions: Iterable[int]) -> dict[int, int | None]:
        """Return up to which offset each partition was read for the queues, None where Redis does not know."""
        wanted = list(partitions)
        with self._redis.pipeline(transaction=False) as pipe:
            for partition in wanted:
                pipe.hget(keys.offsets(partition, keys.TRIGGERS_GROUP), topic)
            return dict(zip(wanted, map(_offset, pipe.execute()), strict=True))

    def forget_position(self, topic: str, partition: int) -> None:
        """Remove the offset of a partition: it says nothing of the topic that is there now."""
        self._redis.hdel(keys.offsets(partition, keys.TRIGGERS_GROUP), topic)

    def _queue(self, client: Any, trigger: str, deliveries: Sequence[Delivery], now_ms: int) -> Any:
        pairs = [part for each in deliveries for part in (each.id, each.model_dump_json())]
        names = [keys.deliveries_due(trigger), keys.deliveries(trigger), keys.deliveries_seen(trigger)]
        arguments: list[int | str] = [now_ms, now_ms - _SEEN_MS, trigger, *pairs]
        return self._add(keys=[*names, keys.DELIVERIES_NEXT], args=arguments, client=client)

    def triggers_due(self, now_ms: int) -> list[str]:
        """Return the triggers that have a delivery which is due, the longest waiting first."""
        return [name.decode() for name in self._redis.zrangebyscore(keys.DELIVERIES_NEXT, "-inf", now_ms)]

    def schedule(self, triggers: Sequence[str]) -> None:
        """Note when the first delivery of each of these triggers is due; now, where its queue cannot be read."""
        for start in range(0, len(triggers), _AT_ONCE):
            chunk = triggers[start : start + _AT_ONCE]
            with self._redis.pipeline(transaction=False) as pipe:
                for trigger in chunk:
                    self._schedule(
                        keys=[keys.deliveries_due(trigger), keys.DELIVERIES_NEXT], args=[trigger], client=pipe
                    )
                answers = pipe.execute(raise_on_error=False)
            unreadable = [name for name, each in zip(chunk, answers, strict=True) if isinstance(each, Exception)]
            if unreadable:
                self._redis.zadd(keys.DELIVERIES_NEXT, dict.fromkeys(unreadable, 0))

    def unschedule(self, trigger: str) -> None:
        """Let nobody look at the queue of a trigger that was removed."""
        self._redis.zrem(keys.DELIVERIES_NEXT, trigger)

    def receive(self, trigger: str, now_ms: int, invisible_ms: int, limit: int) -> list[Delivery]:
        """Return up to `limit` deliveries that are due; each is returned again after `invisible_ms` unless settled."""
        names = [keys.deliveries_due(trigger), keys.deliveries(trigger)]
        found = self._receive(keys=names, args=[now_ms, now_ms + invisible_ms, limit])
        return [Delivery.model_validate_json(body) for body in found]

    def settle(self, delivery: Delivery, attempt: Attempt, person: Sequence[str] = ()) -> None:
        """Remove a delivery from the queue, with the attempt that ended it; `person` are the ids of its customer."""

        def settle(pipe: Any, erased: set[str]) -> None:
            _drop(pipe, delivery)
            if attempt.outcome != "delivered":
                withdraw_contact(pipe, delivery.trigger, delivery.id, {delivery.customer_id, *person})
            if erased:
                return
            if attempt.outcome in {"dead", "expired"}:
                dead = DeadDelivery(delivery=delivery, died_ms=attempt.at_ms, reason=attempt.detail)
                pipe.hset(keys.DEAD_DELIVERIES, delivery.id, dead.model_dump_json())
            self._note(pipe, attempt)

        self._fence.write(delivery.customers, settle)

    def erased_among(self, customer_ids: Iterable[str]) -> set[str]:
        """Return which of these customers were erased."""
        return self._fence.erased_among(customer_ids)

    def drop(self, delivery: Delivery) -> None:
        """Remove a delivery of which nothing may be noted, as its customer was erased."""
        with self._redis.pipeline(transaction=True) as pipe:
            _drop(pipe, delivery)
            pipe.execute()

    def retry(self, delivery: Delivery, attempt: Attempt, due_ms: int) -> None:
        """Schedule another attempt at `due_ms`."""
        later = delivery.model_copy(update={"attempts": attempt.attempt})
        names = [keys.deliveries_due(delivery.trigger), keys.deliveries(delivery.trigger), keys.DELIVERIES_NEXT]
        arguments: list[int | str] = [delivery.id, later.model_dump_json(), due_ms, delivery.trigger]

        def retry(pipe: Any, erased: set[str]) -> None:
            if erased:
                _drop(pipe, delivery)
                return
            self._retry(keys=names, args=arguments, client=pipe)
            self._note(pipe, attempt)

        self._fence.write(delivery.customers, retry)

    def pending(self, trigger: str) -> int:
        """Return how many deliveries of a trigger are not settled."""
        return int(self._redis.hlen(keys.deliveries(trigger)))

    def dead(self, trigger: str | None = None) -> list[DeadDelivery]:
        """Return the dead deliveries, the oldest first."""
        found = [DeadDelivery.model_validate_json(value) for value in self._redis.hvals(keys.DEAD_DELIVERIES)]
        mine = [each for each in found if trigger in (None, each.delivery.trigger)]
        return sorted(mine, key=lambda each: (each.died_ms, each.delivery.id))

    def dead_count(self) -> int:
        """Return the number of dead deliveries."""
        return int(self._redis.hlen(keys.DEAD_DELIVERIES))

    def requeue(self, dead: DeadDelivery, now_ms: int) -> None:
        """Queue a dead delivery again, with no attempts counted."""
        again = dead.delivery.model_copy(update={"attempts": 0, "changed_ms": now_ms})

        def requeue(pipe: Any, erased: set[str]) -> None:
            if not erased:
                pipe.hset(keys.deliveries(again.trigger), again.id, again.model_dump_json())
                pipe.zadd(keys.deliveries_due(again.trigger), {again.id: now_ms})
                pipe.zadd(keys.DELIVERIES_NEXT, {again.trigger: now_ms}, lt=True)
            pipe.hdel(keys.DEAD_DELIVERIES, again.id)

        self._fence.write(again.customers, requeue)

    def attempts(self, limit: int = 100, trigger: str | None = None) -> list[Attempt]:
        """Return the latest attempts, the newest first."""
        found = (Attempt.model_validate_json(fields[b"attempt"]) for _, fields in self._redis.xrevrange(keys.ATTEMPTS))
        return [each for each in found if trigger in (None, each.trigger)][:limit]

    def _note(self, client: Any, attempt: Attempt) -> None:
        entry = {"attempt": attempt.model_dump_json()}
        client.xadd(keys.ATTEMPTS, entry, maxlen=self._log_length, approximate=True)


def _named(deliveries: Iterable[Delivery]) -> set[str]:
    return {name for each in deliveries for name in each.customers}


def _without(erased: set[str], deliveries: Sequence[Delivery]) -> list[Delivery]:
    return [each for each in deliveries if erased.isdisjoint(each.customers)]


def _drop(client: Any, delivery: Delivery) -> None:
    client.zrem(keys.deliveries_due(delivery.trigger), delivery.id)
    client.hdel(keys.deliveries(delivery.trigger), delivery.id)


def _offset(value: bytes | None) -> int | None:
    return None if value is None else int(value)
