"""Run background tasks periodically, beside the requests."""

import asyncio
import logging
from collections.abc import Callable

import redis
from starlette.concurrency import run_in_threadpool

from events.base_error import ShoalError
from state.operations.background_jobs import BackgroundJobs

__all__ = ["run_periodically"]

log = logging.getLogger(__name__)


async def run_periodically(jobs: BackgroundJobs, name: str, task: Callable[[], object], every_s: float) -> None:
    """Run a task in a thread every `every_s` seconds until cancelled.

    A failure, whatever it is, is logged and noted for `shoal health`, and the task runs again.
    """

    def run() -> None:
        with jobs.running(name):
            task()

    while True:
        await asyncio.sleep(every_s)
        try:
            await run_in_threadpool(run)
        except (redis.RedisError, ShoalError) as error:
            log.warning("%s failed (%s); it runs again in %g s", name, error, every_s)
        except Exception:
            log.exception("%s failed; it runs again in %g s", name, every_s)
