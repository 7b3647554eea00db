"""Send what is due: a lane for each trigger, so that a webhook that is slow or gone holds up no other."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import redis

from events.errors import ShoalError
from state.campaigns.deliveries import Attempt, Delivery, DeliveryOutcome, DeliveryStore
from state.campaigns.triggers import Trigger, TriggerStore
from stream.campaigns.contact_permission import ContactPermission
from stream.campaigns.settings import TriggerSettings
from stream.campaigns.webhook_call import CallResult, call_webhook, open_session
from stream.campaigns.webhook_request import backoff_s

__all__ = ["Dispatcher"]

log = logging.getLogger(__name__)

_LOOK_S = 0.2
_TRIGGERS_S = 1.0
_SPARE_S = 30.0
_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 30.0


class Dispatcher:
    """Delivers until it is cancelled; several may run at once, on the same queues.

    While a webhook fails, its lane calls it with one delivery at a time and pauses in between, twice as long each
    time: what is waiting does not use up its attempts on a receiver that is away.
    """

    def __init__(
        self,
        triggers: TriggerStore,
        deliveries: DeliveryStore,
        permission: ContactPermission,
        settings: TriggerSettings,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._triggers, self._deliveries, self._permission = triggers, deliveries, permission
        self._settings, self._chance = settings, chance
        self._known: dict[str, Trigger] = {}

    async def run(self) -> None:
        """Keep a lane for each trigger that there is."""
        lanes: dict[str, asyncio.Task[None]] = {}
        async with open_session(self._settings.trigger_timeout_s) as session:
            try:
                while True:
                    await self._look_for_triggers()
                    for name in self._known.keys() - lanes.keys():
                        lanes[name] = asyncio.create_task(self._lane(name, session))
                    for name in lanes.keys() - self._known.keys():
                        lanes.pop(name).cancel()
                    await asyncio.sleep(_TRIGGERS_S)
            finally:
                for lane in lanes.values():
                    lane.cancel()
                await asyncio.gather(*lanes.values(), return_exceptions=True)

    async def _look_for_triggers(self) -> None:
        try:
            self._known = await asyncio.to_thread(self._triggers.all)
        except (redis.RedisError, ShoalError, ValueError) as error:
            log.warning("the triggers cannot be read now (%s); going on with those known", error)

    async def _lane(self, name: str, session: aiohttp.ClientSession) -> None:
        failures = 0
        while True:
            trigger = self._known.get(name)
            try:
                outcomes = await self._round(trigger, session, 1 if failures else self._settings.trigger_in_flight)
            except Exception as error:  # whatever it is, the lane has to go on
                log.warning("trigger %s: its queue cannot be worked on (%r); trying again", name, error)
                await asyncio.sleep(_TRIGGERS_S)
                continue
            failed = {"failed", "dead"} & set(outcomes)
            failures = failures + 1 if failed and "delivered" not in outcomes else 0 if outcomes else failures
            if failed:
                await asyncio.sleep(min(_LONGEST_PAUSE_S, _PAUSE_S * 2.0 ** min(failures, 20)))
            elif not outcomes:
                await asyncio.sleep(_LOOK_S)

    async def _round(self, trigger: Trigger | None, session: aiohttp.ClientSession, most: int) -> list[DeliveryOutcome]:
        """Deliver up to `most` of what is due and return what became of each."""
        if trigger is None:
            return []
        invisible_ms = int((self._settings.trigger_timeout_s + _SPARE_S) * 1000)
        due = await asyncio.to_thread(self._deliveries.receive, trigger.trigger, _now_ms(), invisible_ms, most)
        return list(await asyncio.gather(*(self._deliver(trigger, each, session) for each in due)))

    async def _deliver(self, trigger: Trigger, delivery: Delivery, session: aiohttp.ClientSession) -> DeliveryOutcome:
        refused = await asyncio.to_thread(self._permission.refusal, trigger, delivery, _now_ms())
        if refused is not None:
            outcome, why = refused
            await self._settle(delivery, _attempt(delivery, outcome, detail=why))
            return outcome
        called = await call_webhook(session, trigger.url, trigger.secret, delivery.id, delivery.body.encode())
        number = delivery.attempts + 1
        if called.ok:
            await self._settle(delivery, _attempt(delivery, "delivered", called, number))
            return "delivered"
        if number >= self._settings.trigger_attempts:
            await self._settle(delivery, _attempt(delivery, "dead", called, number))
            log.warning(
                "trigger %s: %s given up after %d attempts: %s", trigger.trigger, delivery.id, number, called.detail
            )
            return "dead"
        wait_s = backoff_s(
            number,
            self._settings.trigger_backoff_s,
            self._settings.trigger_backoff_max_s,
            self._chance(),
            called.retry_after_s,
        )
        due_ms = _now_ms() + int(wait_s * 1000)
        await asyncio.to_thread(self._deliveries.retry, delivery, _attempt(delivery, "failed", called, number), due_ms)
        return "failed"

    async def _settle(self, delivery: Delivery, attempt: Attempt) -> None:
        await asyncio.to_thread(self._deliveries.settle, delivery, attempt)


def _attempt(
    delivery: Delivery, outcome: DeliveryOutcome, called: CallResult | None = None, number: int = 0, detail: str = ""
) -> Attempt:
    more: dict[str, Any] = {"detail": detail}
    if called is not None:
        more = {"status": called.status, "detail": called.detail, "duration_ms": called.duration_ms}
    return Attempt(
        at_ms=_now_ms(),
        trigger=delivery.trigger,
        id=delivery.id,
        change_id=delivery.change_id,
        customer_id=delivery.customer_id,
        outcome=outcome,
        attempt=number,
        **more,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
