"""Valid API keys, cached for some seconds, so that checking one seldom costs a round trip to Redis."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from api.access.api_keys import ApiKey, parse_token
from api.access.scopes import Principal
from state.store import keys

__all__ = ["KeyCache"]

_MOST = 10_000


class KeyCache:
    """Finds the key behind a token.

    Only valid tokens are cached, for `keep_s` seconds: guessing fills no memory.
    """

    def __init__(self, client: Any, keep_s: float, clock: Callable[[], float] = time.time) -> None:
        self._redis, self._keep_s, self._clock = client, keep_s, clock
        self._cached: dict[str, tuple[float, ApiKey, Principal]] = {}

    async def principal_of(self, token: str) -> Principal | None:
        """Return the principal of a token, or None where it is invalid. Raises redis.RedisError."""
        now = self._clock()
        found = self._cached.get(token)
        if found is None or now >= found[0]:
            self._cached.pop(token, None)
            key = await self._read(token)
            if key is None:
                return None
            if len(self._cached) >= _MOST:
                self._cached.clear()
            self._cached[token] = found = (now + self._keep_s, key, key.principal)
        return found[2] if found[1].expires_at is None else _valid(found[1], now)

    async def by_id(self, key_id: str) -> Principal | None:
        """Return the principal of a key that a signed-in session names, or None where it was revoked or expired."""
        value = await self._redis.hget(keys.API_KEYS, key_id)
        return _valid(ApiKey.model_validate_json(value), self._clock()) if value else None

    async def _read(self, token: str) -> ApiKey | None:
        parts = parse_token(token)
        value = await self._redis.hget(keys.API_KEYS, parts.key_id) if parts else None
        if parts is None or value is None:
            return None
        key = ApiKey.model_validate_json(value)
        return key if key.matches(parts.secret) else None


def _valid(key: ApiKey, now: float) -> Principal | None:
    return key.principal if key.valid_at(datetime.fromtimestamp(now, UTC)) else None
