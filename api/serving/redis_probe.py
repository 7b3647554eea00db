"""Whether the API can answer: what probes of its metrics port ask."""

from typing import Any

import redis

from state.operations.service_health import ServiceProbe

__all__ = ["RedisProbe"]


class RedisProbe(ServiceProbe):
    """The API is alive while its port answers, and ready while Redis does."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client

    def liveness_problem(self) -> str:
        """Return nothing: a server that hangs does not answer probes of its own port."""
        return ""

    def readiness_problem(self) -> str:
        """Ask Redis, and return what it says instead of an answer."""
        try:
            self._redis.ping()
        except redis.RedisError as error:
            return f"Redis does not answer: {error}"
        return ""
