"""Send due deliveries, with a task for each trigger that has some, so that a slow webhook delays no other."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import Any, Final, Literal

import aiohttp
import redis
from prometheus_client import Counter

from state.campaigns.deliveries import Attempt, Delivery, DeliveryOutcome, DeliveryStore
from state.campaigns.triggers import Trigger, TriggerStore
from state.operations.service_health import ServiceHealth
from stream.campaigns.contact_permission import ContactPermission
from stream.campaigns.settings import TriggerSettings
from stream.campaigns.webhook_call import CallResult, call_webhook, open_session
from stream.campaigns.webhook_request import backoff_s

__all__ = ["Dispatcher"]

log = logging.getLogger(__name__)

_DELIVERIES: Final = Counter("shoal_deliveries", "Attempts of this process to deliver", ["trigger", "outcome"])
_POLL_S = 0.2
_ERROR_S = 1.0
_VISIBILITY_MARGIN_S = 30.0
_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 30.0


class Dispatcher:
    """Delivers until it is cancelled; several may run at once, on the same queues.

    Redis tells which triggers have something due, so that those that have nothing cost nothing. While a webhook fails,
    its task calls it with one delivery at a time and exponential backoff in between: waiting deliveries do not use up
    their attempts on a receiver that is unreachable.
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
        self._scheduled = False
        self._failures: dict[str, int] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.health = ServiceHealth("the first look at what is due")

    async def run(self) -> None:
        """Keep a task running for each trigger that has something due."""
        async with open_session(self._settings) as session:
            try:
                while True:
                    self.health.progressed()
                    self._tasks = {name: task for name, task in self._tasks.items() if not task.done()}
                    for name in await self._due():
                        if name not in self._tasks:
                            self._tasks[name] = asyncio.create_task(self._deliver_queue(name, session))
                    await asyncio.sleep(_POLL_S)
            finally:
                for task in self._tasks.values():
                    task.cancel()
                await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _due(self) -> list[str]:
        def due() -> list[str]:
            if not self._scheduled:  # an earlier release did not note when queues are due
                self._deliveries.schedule(self._triggers.names())
                self._scheduled = True
            return self._deliveries.triggers_due(_now_ms())

        try:
            names = await asyncio.to_thread(due)
        except redis.RedisError as error:
            self.health.not_ready(str(error))
            log.warning("what is to be delivered cannot be read now (%s); trying again", error)
            await asyncio.sleep(_ERROR_S)
            return []
        self.health.ready()
        return names

    async def _deliver_queue(self, name: str, session: aiohttp.ClientSession) -> None:
        """Deliver until nothing of the trigger's queue is due."""
        while True:
            failures = self._failures.get(name, 0)
            try:
                outcomes = await self._deliver_due(name, session, 1 if failures else self._settings.trigger_in_flight)
            except Exception as error:  # the task has to continue after any error
                log.warning("trigger %s: its queue cannot be processed (%r); trying again", name, error)
                await asyncio.sleep(_ERROR_S)
                continue
            if not outcomes:
                return
            failed = {"failed", "dead"} & set(outcomes)
            if failed and "delivered" not in outcomes:
                self._failures[name] = failures + 1
            else:
                self._failures.pop(name, None)
            if failed:
                pause_s = _PAUSE_S * 2.0 ** min(self._failures.get(name, 0), 20)
                await asyncio.sleep(min(_LONGEST_PAUSE_S, pause_s))

    async def _deliver_due(
        self, name: str, session: aiohttp.ClientSession, limit: int
    ) -> list[DeliveryOutcome | Literal["erased"]]:
        """Make up to `limit` due deliveries and return the outcome of each; note when to look again if there are none.

        What belongs to a trigger that was removed is left alone.
        """
        invisible_ms = int((self._settings.trigger_timeout_s + _VISIBILITY_MARGIN_S) * 1000)

        def receive() -> tuple[Trigger | None, list[Delivery]]:
            trigger = self._triggers.find(name)
            if trigger is None:
                self._deliveries.unschedule(name)
                return None, []
            due = self._deliveries.receive(name, _now_ms(), invisible_ms, limit)
            if not due:
                self._deliveries.schedule([name])
            return trigger, due

        trigger, due = await asyncio.to_thread(receive)
        if trigger is None:
            self._failures.pop(name, None)
            return []
        outcomes = list(await asyncio.gather(*(self._deliver(trigger, each, session) for each in due)))
        for outcome in outcomes:
            _DELIVERIES.labels(name, outcome).inc()
        return outcomes

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
