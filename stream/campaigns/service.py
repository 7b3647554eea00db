"""The trigger service: a reader of `segment-changes` in a thread, and the dispatcher beside it.

Plain asyncio hosts it rather than Faust: where it reads on is in Redis, which Faust's agents cannot be told, and there
is no leader and no table here (docs/decisions/0035-position-of-the-triggers.md).
"""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

import redis

from consumers.entries.entry_log import EntryLog
from consumers.history.erasure_log import ErasureLog
from events.base_error import ShoalError
from events.settings import KafkaSettings
from events.time_units import HOUR_MS
from state.campaigns.deliveries import DeliveryStore
from state.campaigns.secret_keys import secret_keys
from state.campaigns.triggers import TriggerStore
from state.operations.background_jobs import BackgroundJobs
from state.operations.metrics_server import serve_metrics
from state.operations.settings import MetricsSettings
from state.settings import StateSettings
from state.store.connection import connect_for_service
from stream.campaigns.change_positions import ChangePositions
from stream.campaigns.change_reader import ChangeReader
from stream.campaigns.contact_permission import ContactPermission
from stream.campaigns.delivery_queueing import ChangeIntake
from stream.campaigns.dispatcher import Dispatcher
from stream.campaigns.erased_recipients import ErasedRecipients
from stream.campaigns.heartbeat import Heartbeat
from stream.campaigns.settings import TriggerSettings

__all__ = ["run_triggers"]

log = logging.getLogger(__name__)

_SHUTDOWN_TIMEOUT_S: Final = 8.0
_ENTRIES_S: Final = 1.0


@dataclass(frozen=True)
class _TriggerService:
    reader: ChangeReader
    dispatcher: Dispatcher
    heartbeat: Heartbeat
    entries: EntryLog
    erased: ErasedRecipients
    jobs: BackgroundJobs


def run_triggers(
    kafka: KafkaSettings, state: StateSettings, settings: TriggerSettings, session_timeout_s: float
) -> int:
    """Run the trigger service until SIGTERM or SIGINT and return the process's exit code.

    Raises RedisUnreachable, RedisRefuses, KafkaUnreachable, SecretSealed.
    """
    parts = _build(kafka, state, settings, session_timeout_s)
    serve_metrics(MetricsSettings(), [parts.reader.health, parts.dispatcher.health])
    return asyncio.run(_run(parts))


async def _run(parts: _TriggerService) -> int:
    """Run the parts until one fails or the process is told to stop."""
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    reading = asyncio.create_task(asyncio.to_thread(parts.reader.run))
    beside: list[Coroutine[Any, Any, object]] = [
        parts.dispatcher.run(),
        parts.heartbeat.run(),
        _follow_topics(parts),
        told.wait(),
    ]
    running = [asyncio.create_task(each) for each in beside]
    ended, _ = await asyncio.wait([reading, *running], return_when=asyncio.FIRST_COMPLETED)
    failed = [error for task in ended if (error := task.exception()) is not None]
    for error in failed:
        log.error("the trigger service stopped: %s", error, exc_info=None if isinstance(error, ShoalError) else error)
    _exit_after_timeout(1 if failed else 0)
    parts.reader.stop()
    for task in running:
        task.cancel()
    await asyncio.gather(reading, *running, return_exceptions=True)
    return 1 if failed else 0


async def _follow_topics(parts: _TriggerService) -> None:
    """Learn of erasures, and put back what Redis has lost of what people entered, again and again."""

    def follow() -> None:
        with parts.jobs.running("restore what people entered"):
            parts.entries.follow()
        with parts.jobs.running("learn of erasures"):
            parts.erased.follow()

    while True:
        try:
            await asyncio.to_thread(follow)
        except (redis.RedisError, ShoalError) as error:
            log.warning("could not read the topics of entries and erasures: %s", error)
        await asyncio.sleep(_ENTRIES_S)


def _exit_after_timeout(code: int) -> None:
    """End the process where a call hangs; what is queued stays in Redis."""
    watchdog = threading.Timer(_SHUTDOWN_TIMEOUT_S, lambda: os._exit(code))
    watchdog.daemon = True
    watchdog.start()


def _build(
    kafka: KafkaSettings, state: StateSettings, settings: TriggerSettings, session_timeout_s: float
) -> _TriggerService:
    client = connect_for_service(state)
    entries = EntryLog(kafka, client)
    entries.follow()
    triggers = TriggerStore(client, entries, secret_keys(state))
    triggers.all()  # raises where a secret cannot be read: no change may be passed over for want of a key
    if sealed := triggers.seal_secrets():
        log.info("the secrets of %d triggers are encrypted under the first key from now on", sealed)
    deliveries = DeliveryStore(client, kafka.partitions, log_length=settings.trigger_log)
    erased = ErasedRecipients(deliveries, ErasureLog(kafka), kafka.partitions)
    erased.follow()
    permission = ContactPermission(client, deliveries, settings, kafka.partitions, entries, erased)
    intake = ChangeIntake(client, triggers, deliveries, kafka.partitions, entries, erased)
    positions = ChangePositions(client, kafka, deliveries, int(settings.trigger_max_age_h * HOUR_MS))
    reader = ChangeReader(kafka, intake, deliveries, positions, session_timeout_s=session_timeout_s)
    dispatcher = Dispatcher(triggers, deliveries, permission, settings)
    return _TriggerService(reader, dispatcher, Heartbeat(client), entries, erased, BackgroundJobs(client))
