"""Send due deliveries, with a task for each trigger, so that a slow or unreachable webhook delays no other."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import Any, Literal

import aiohttp
import redis

from events.base_error import ShoalError
from state.campaigns.deliveries import Attempt, Delivery, DeliveryOutcome, DeliveryStore
from state.campaigns.triggers import Trigger, TriggerStore
from stream.campaigns.contact_permission import ContactPermission
from stream.campaigns.settings import TriggerSettings
from stream.campaigns.webhook_call import CallResult, call_webhook, open_session
from stream.campaigns.webhook_request import backoff_s

__all__ = ["Dispatcher"]

log = logging.getLogger(__name__)

_POLL_S = 0.2
_TRIGGERS_S = 1.0
_VISIBILITY_MARGIN_S = 30.0
_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 30.0


class Dispatcher:
    """Delivers until it is cancelled; several may run at once, on the same queues.

    While a webhook fails, its task calls it with one delivery at a time and exponential backoff in between: waiting
    deliveries do not use up their attempts on a receiver that is unreachable.
    """

    def __init__(
        self,
        triggers: TriggerStore,
        deliveries: DeliveryStore,
        permission: ContactPermission,
        settings: TriggerSettings,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._triggers, self._deliveries, self._permission = triggers, deliveries, permission
        self._settings, self._jitter = settings, jitter
        self._known: dict[str, Trigger] = {}

    async def run(self) -> None:
        """Keep a task running for each trigger."""
        tasks: dict[str, asyncio.Task[None]] = {}
        async with open_session(self._settings) as session:
            try:
                while True:
                    await self._refresh_triggers()
                    for name in self._known.keys() - tasks.keys():
                        tasks[name] = asyncio.create_task(self._deliver_continuously(name, session))
                    for name in tasks.keys() - self._known.keys():
                        tasks.pop(name).cancel()
                    await asyncio.sleep(_TRIGGERS_S)
            finally:
                for task in tasks.values():
                    task.cancel()
                await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def _refresh_triggers(self) -> None:
        try:
            self._known = await asyncio.to_thread(self._triggers.all)
        except (redis.RedisError, ShoalError, ValueError) as error:
            log.warning("the triggers cannot be read now (%s); using the last known ones", error)

    async def _deliver_continuously(self, name: str, session: aiohttp.ClientSession) -> None:
        failures = 0
        while True:
            trigger = self._known.get(name)
            try:
                outcomes = await self._deliver_due(
                    trigger, session, 1 if failures else self._settings.trigger_in_flight
                )
            except Exception as error:  # the task has to continue after any error
                log.warning("trigger %s: its queue cannot be processed (%r); trying again", name, error)
                await asyncio.sleep(_TRIGGERS_S)
                continue
            failed = {"failed", "dead"} & set(outcomes)
            failures = failures + 1 if failed and "delivered" not in outcomes else 0 if outcomes else failures
            if failed:
                await asyncio.sleep(min(_LONGEST_PAUSE_S, _PAUSE_S * 2.0 ** min(failures, 20)))
            elif not outcomes:
                await asyncio.sleep(_POLL_S)

    async def _deliver_due(
        self, trigger: Trigger | None, session: aiohttp.ClientSession, limit: int
    ) -> list[DeliveryOutcome | Literal["erased"]]:
        """Make up to `limit` due deliveries and return the outcome of each."""
        if trigger is None:
            return []
        invisible_ms = int((self._settings.trigger_timeout_s + _VISIBILITY_MARGIN_S) * 1000)
        due = await asyncio.to_thread(self._deliveries.receive, trigger.trigger, _now_ms(), invisible_ms, limit)
        return list(await asyncio.gather(*(self._deliver(trigger, each, session) for each in due)))

    async def _deliver(
        self, trigger: Trigger, delivery: Delivery, session: aiohttp.ClientSession
    ) -> DeliveryOutcome | Literal["erased"]:
        if await asyncio.to_thread(self._permission.is_erased, delivery):
            await asyncio.to_thread(self._deliveries.drop, delivery)
            return "erased"
        refused = await asyncio.to_thread(self._permission.refusal, trigger, delivery, _now_ms())
        if refused is not None:
            outcome, reason = refused
            await self._settle(delivery, _attempt(delivery, outcome, detail=reason))
            return outcome
        result = await call_webhook(session, trigger.url, trigger.secret, delivery.id, delivery.body.encode())
        number = delivery.attempts + 1
        if result.ok:
            await self._settle(delivery, _attempt(delivery, "delivered", result, number))
            return "delivered"
        if number >= self._settings.trigger_attempts:
            await self._settle(delivery, _attempt(delivery, "dead", result, number))
            log.warning(
                "trigger %s: %s given up after %d attempts: %s", trigger.trigger, delivery.id, number, result.detail
            )
            return "dead"
        wait_s = backoff_s(
            number,
            self._settings.trigger_backoff_s,
            self._settings.trigger_backoff_max_s,
            self._jitter(),
            result.retry_after_s,
        )
        due_ms = _now_ms() + int(wait_s * 1000)
        await asyncio.to_thread(self._deliveries.retry, delivery, _attempt(delivery, "failed", result, number), due_ms)
        return "failed"

    async def _settle(self, delivery: Delivery, attempt: Attempt) -> None:
        def settle() -> None:
            came_to_nothing = attempt.outcome != "delivered"  # then it is no contact, under whichever id it was noted
            person = self._permission.person(delivery.customer_id) if came_to_nothing else []
            self._deliveries.settle(delivery, attempt, person)

        await asyncio.to_thread(settle)


def _attempt(
    delivery: Delivery, outcome: DeliveryOutcome, result: CallResult | None = None, number: int = 0, detail: str = ""
) -> Attempt:
    more: dict[str, Any] = {"detail": detail}
    if result is not None:
        more = {"status": result.status, "detail": result.detail, "duration_ms": result.duration_ms}
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
