"""Say what it means for the live baseline where Redis fails in the middle of work on baselines."""

from collections.abc import Iterator
from contextlib import contextmanager

from events.base_error import ShoalError

__all__ = ["RedisLost", "explain_redis_failure"]


class RedisLost(ShoalError):
    """Redis failed in the middle of a command."""

    retriable = True


@contextmanager
def explain_redis_failure(consequence: str) -> Iterator[None]:
    """Turn an error of Redis into RedisLost, whose message says what follows for the live baseline."""
    from redis import RedisError

    try:
        yield
    except RedisError as error:
        raise RedisLost(f"Redis went away during this ({error}); {consequence}") from error
