"""The heartbeat of a trigger service, for `shoal health`."""

import asyncio
import logging
import os
import socket
import time
import uuid
from collections.abc import Callable
from typing import Final

import redis

from state.partitions.worker_heartbeats import WorkerHeartbeat, WorkerRegistry
from state.store import keys

__all__ = ["Heartbeat"]

log = logging.getLogger(__name__)

_BEAT_S: Final = 2.0


class Heartbeat:
    """Writes a beat every two seconds until it is cancelled."""

    def __init__(self, client: redis.Redis) -> None:
        self._registry = WorkerRegistry(client, keys.TRIGGER_WORKERS)
        self._name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"

    async def run(self) -> None:
        """Beat, and take the name out of the registry at the end."""
        try:
            while True:
                await self._try(self._beat)
                await asyncio.sleep(_BEAT_S)
        finally:
            await self._try(lambda: self._registry.leave(self._name))

    async def _try(self, act: Callable[[], None]) -> None:
        try:
            await asyncio.to_thread(act)
        except redis.RedisError as error:
            log.warning("could not write the heartbeat: %s", error)

    def _beat(self) -> None:
        now_ms = time.time_ns() // 1_000_000
        self._registry.beat(WorkerHeartbeat(worker=self._name, at_ms=now_ms, partitions=[], events=0))
