"""What the process does by itself every few seconds, beside answering."""

import asyncio
import logging
from collections.abc import Callable

import redis
from starlette.concurrency import run_in_threadpool

from events.errors import ShoalError

__all__ = ["again_and_again"]

log = logging.getLogger(__name__)


async def again_and_again(name: str, chore: Callable[[], object], every_s: float) -> None:
    """Do a chore in a thread every so many seconds, until cancelled; where it fails, it is said, and done next time."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await run_in_threadpool(chore)
        except (redis.RedisError, ShoalError) as error:
            log.warning("%s: tried again in %g s, because %s", name, every_s, error)
