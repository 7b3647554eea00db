"""The trigger service: a Faust agent on `segment-changes`, and the dispatcher beside it."""

import asyncio
import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import faust
import redis
from mode import Service

from consumers.broker.internal_messages import StoredMessage
from consumers.entries.entry_log import EntryLog
from events.base_error import ShoalError
from events.settings import KafkaSettings
from state.campaigns.deliveries import DeliveryStore
from state.campaigns.triggers import TriggerStore
from state.operations.background_jobs import BackgroundJobs
from state.settings import StateSettings
from state.store.connection import connect_for_service
from stream.campaigns.contact_permission import ContactPermission
from stream.campaigns.delivery_queueing import ChangeIntake
from stream.campaigns.dispatcher import Dispatcher
from stream.campaigns.heartbeat import Heartbeat
from stream.campaigns.settings import TriggerSettings
from stream.faust_processes import build_faust_app, run_faust_app

__all__ = ["build_trigger_app", "run_triggers"]

log = logging.getLogger(__name__)

_BATCH = 500
_WITHIN_S = 0.1
_SHUTDOWN_TIMEOUT_S = 8.0
_ENTRIES_S = 1.0


@dataclass(frozen=True)
class _TriggerService:
    intake: ChangeIntake
    dispatcher: Dispatcher
    heartbeat: Heartbeat
    entries: EntryLog
    jobs: BackgroundJobs


class DispatchService(Service):
    """Runs the dispatcher for as long as the application runs; a failure there ends the process."""

    def __init__(self, parts: _TriggerService, **options: Any) -> None:
        super().__init__(**options)
        self._parts = parts

    @Service.task
    async def _dispatch(self) -> None:
        await self._parts.dispatcher.run()

    @Service.task
    async def _restore_entries(self) -> None:
        def restore() -> None:
            with self._parts.jobs.running("restore what people entered"):
                self._parts.entries.follow()

        while True:
            try:
                await asyncio.to_thread(restore)
            except (redis.RedisError, ShoalError) as error:
                log.warning("could not restore what people entered: %s", error)
            await asyncio.sleep(_ENTRIES_S)

    @Service.task
    async def _beat(self) -> None:
        await self._parts.heartbeat.run()

    async def on_stop(self) -> None:
        """End the process even where Faust's clean-up hangs; what is queued stays in Redis."""
        watchdog = threading.Timer(_SHUTDOWN_TIMEOUT_S, lambda: os._exit(0))
        watchdog.daemon = True
        watchdog.start()


def build_trigger_app(kafka: KafkaSettings, intake: ChangeIntake, session_timeout_s: float, datadir: str) -> faust.App:
    """Return the application whose agent queues the deliveries of segment changes.

    One batch is handled at a time, and acknowledged only once it is in the queues: `take` would acknowledge a batch
    whose handler failed. What is read twice after a crash is recognised by its id.
    """
    app = build_faust_app(
        kafka,
        "shoal-triggers",
        session_timeout_s,
        datadir,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=1.0,
    )
    changes = app.topic(
        kafka.topic("segment-changes"),
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        partitions=kafka.partitions,
    )

    @app.agent(changes, concurrency=1, name="triggers")
    async def take_in(stream: Any) -> None:
        async for events in stream.noack_take(_BATCH, within=_WITHIN_S):
            await _queue_with_retry(intake, [_stored(event) for event in events])
            for event in events:
                event.ack()

    return app


def _stored(event: Any) -> tuple[StoredMessage, int]:
    """Return the message of one of Faust's events, and its time in ms."""
    message = event.message
    place = message.topic, message.partition, message.offset
    return StoredMessage(*place, message.key, message.value), int(message.timestamp * 1000)


async def _queue_with_retry(intake: ChangeIntake, messages: Sequence[tuple[StoredMessage, int]]) -> None:
    """Queue a batch, however long Redis is unreachable: what is not queued must not be acknowledged."""
    wait_s = 0.1
    while True:
        try:
            await asyncio.to_thread(intake.add, messages)
        except (redis.RedisError, ShoalError) as error:
            log.warning("changes cannot be queued for their webhooks now (%s); trying again", error)
            await asyncio.sleep(wait_s)
            wait_s = min(5.0, 2 * wait_s)
        else:
            return


def run_triggers(
    kafka: KafkaSettings, state: StateSettings, settings: TriggerSettings, session_timeout_s: float
) -> int:
    """Run the trigger service until SIGTERM or SIGINT and return the process's exit code.

    Raises RedisUnreachable, RedisRefuses, KafkaUnreachable.
    """
    parts = _build(kafka, state, settings)
    service = DispatchService(parts)
    return run_faust_app(partial(build_trigger_app, kafka, parts.intake, session_timeout_s), service)


def _build(kafka: KafkaSettings, state: StateSettings, settings: TriggerSettings) -> _TriggerService:
    client = connect_for_service(state)
    entries = EntryLog(kafka, client)
    entries.follow()
    triggers, deliveries = TriggerStore(client), DeliveryStore(client, log_length=settings.trigger_log)
    permission = ContactPermission(client, deliveries, settings, kafka.partitions, entries)
    intake = ChangeIntake(client, triggers, deliveries, kafka.partitions)
    dispatcher = Dispatcher(triggers, deliveries, permission, settings)
    return _TriggerService(intake, dispatcher, Heartbeat(client), entries, BackgroundJobs(client))
