"""Connect to Redis, with an error that says what to do."""

import re

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from events.base_error import ShoalError

__all__ = ["RedisUnreachable", "connect"]


class RedisUnreachable(ShoalError):
    """No Redis answers at the address."""

    retriable = True

    def __init__(self, url: str, cause: object) -> None:
        self.url = re.sub(r"//.*@", "//***@", url)  # the password is not for logs
        super().__init__(
            f"no Redis answers at {self.url} ({cause}). Is it running? Set SHOAL_REDIS or --redis to its address."
        )


def connect(url: str, *, timeout_s: float = 10.0) -> redis.Redis:
    """Return a client that has been answered once. Raises RedisUnreachable.

    A command is not tried again by the client: after a lost answer nobody knows whether it was applied, so the
    caller goes back to the stored offsets instead.
    """
    try:
        client = redis.Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(ExponentialBackoff(), 0),
            health_check_interval=0,
        )
        client.ping()
    except (redis.RedisError, ValueError, OSError) as error:
        raise RedisUnreachable(url, error) from error
    return client
