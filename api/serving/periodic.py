"""Run background tasks periodically, beside the requests."""

import asyncio
import logging
from collections.abc import Callable

import redis
from starlette.concurrency import run_in_threadpool

from events.base_error import ShoalError

__all__ = ["run_periodically"]

log = logging.getLogger(__name__)


async def run_periodically(name: str, task: Callable[[], object], every_s: float) -> None:
    """Run a task in a thread every `every_s` seconds until cancelled; a failure is logged and the task runs again."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await run_in_threadpool(task)
        except (redis.RedisError, ShoalError) as error:
            log.warning("%s failed (%s); it runs again in %g s", name, error, every_s)
