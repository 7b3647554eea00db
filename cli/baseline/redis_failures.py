"""Errors of Redis in the middle of work on baselines, as a sentence that says what they mean for the live one."""

from collections.abc import Iterator
from contextlib import contextmanager

from events.errors import ShoalError

__all__ = ["RedisLost", "redis_said"]


class RedisLost(ShoalError):
    """Redis went away in the middle."""

    retriable = True


@contextmanager
def redis_said(what: str) -> Iterator[None]:
    """Turn an error of Redis into one that says what it means for the live baseline."""
    from redis import RedisError

    try:
        yield
    except RedisError as error:
        raise RedisLost(f"Redis went away during this ({error}); {what}") from error
