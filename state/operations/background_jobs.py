"""Background jobs that fail: who looks after the pipeline sees them until they succeed again."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis
from prometheus_client import Counter
from pydantic import BaseModel

from events.time_units import DAY_MS
from state.store import keys

__all__ = ["BackgroundJobs", "FailingJob"]

log = logging.getLogger(__name__)

_FAILURES: Final = Counter("shoal_background_job_failures", "Runs of a background job that failed", ["job"])
_FORGET_MS: Final = DAY_MS
"""A job that has failed and was not tried again for a day is not run by anybody any more."""


class FailingJob(BaseModel):
    """A job whose last run failed: since when, when last (ms since 1970), how often in a row, and why."""

    job: str
    since_ms: int
    at_ms: int
    failures: int
    reason: str


class BackgroundJobs:
    """The failing jobs of a deployment in a Redis hash, by name: a job is the same whichever process runs it."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    @contextmanager
    def running(self, job: str) -> Iterator[None]:
        """Note how a run of a job ends; its exception goes on to the caller."""
        try:
            yield
        except Exception as error:
            self.failed(job, error)
            raise
        self.succeeded(job)

    def failed(self, job: str, error: Exception) -> None:
        """Note that a run failed; where Redis is away too, only the caller's log tells."""
        _FAILURES.labels(job).inc()
        now_ms = time.time_ns() // 1_000_000
        try:
            value = self._redis.hget(keys.FAILING_JOBS, job)
            before = FailingJob.model_validate_json(value) if value else None
            failing = FailingJob(
                job=job,
                since_ms=before.since_ms if before else now_ms,
                at_ms=now_ms,
                failures=before.failures + 1 if before else 1,
                reason=f"{type(error).__name__}: {error}"[:500],
            )
            self._redis.hset(keys.FAILING_JOBS, job, failing.model_dump_json())
        except redis.RedisError as away:
            log.warning("that %s failed could not be noted in Redis: %s", job, away)

    def succeeded(self, job: str) -> None:
        """Note that a run succeeded; whichever process failed at it before, the job is well again."""
        try:
            self._redis.hdel(keys.FAILING_JOBS, job)
        except redis.RedisError as away:
            log.warning("that %s succeeded could not be noted in Redis: %s", job, away)

    def failing(self) -> list[FailingJob]:
        """Return the jobs that fail, the longest first. Raises redis.RedisError."""
        now_ms = time.time_ns() // 1_000_000
        found = [FailingJob.model_validate_json(value) for value in self._redis.hgetall(keys.FAILING_JOBS).values()]
        return sorted((each for each in found if now_ms - each.at_ms < _FORGET_MS), key=lambda each: each.since_ms)
