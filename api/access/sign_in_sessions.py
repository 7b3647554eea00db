"""Dashboard sign-in: a one-time link or a key buys a session, whose cookie is random and kept as a hash."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any, Final

import redis
from pydantic import BaseModel, ConfigDict

__all__ = ["COOKIE", "LINK_S", "Session", "Sessions", "new_sign_in"]

COOKIE: Final = "shoal_session"
LINK_S: Final = 3_600
"""Seconds that a one-time sign-in link waits to be used."""


class Session(BaseModel):
    """Who is signed in, and what every form must send back."""

    model_config = ConfigDict(frozen=True)

    key_id: str
    csrf: str

    def csrf_matches(self, csrf: str) -> bool:
        """Return whether a form's token is this session's."""
        return hmac.compare_digest(self.csrf.encode(), csrf.encode())


def new_sign_in(client: redis.Redis, key_id: str, random: Callable[[], str] = secrets.token_urlsafe) -> str:
    """Return a token that signs in once, as this key, within an hour."""
    token = random()
    store: Any = client
    store.set(_redis_key("sign-in", token), key_id, ex=LINK_S)
    return token


class Sessions:
    """The sessions in Redis, shared by all API processes."""

    def __init__(self, client: Any, hours: float, random: Callable[[], str] = secrets.token_urlsafe) -> None:
        self._redis, self._random = client, random
        self.seconds = round(hours * 3600)

    async def owner(self, token: str) -> str | None:
        """Return the key id behind a one-time token without using it up, or None."""
        value = await self._redis.get(_redis_key("sign-in", token))
        return value.decode() if value else None

    async def redeem(self, token: str) -> str | None:
        """Return the key id behind a one-time token and use the token up, or None."""
        value = await self._redis.getdel(_redis_key("sign-in", token))
        return value.decode() if value else None

    async def begin(self, key_id: str) -> str:
        """Return the cookie of a new session."""
        cookie = self._random()
        session = Session(key_id=key_id, csrf=self._random())
        await self._redis.set(_redis_key("session", cookie), session.model_dump_json(), ex=self.seconds)
        return cookie

    async def find(self, cookie: str) -> Session | None:
        """Return the session of a cookie, or None."""
        value = await self._redis.get(_redis_key("session", cookie))
        return Session.model_validate_json(value) if value else None

    async def end(self, cookie: str) -> None:
        """Forget a session."""
        await self._redis.delete(_redis_key("session", cookie))


def _redis_key(kind: str, token: str) -> str:
    return f"api:{kind}:{hashlib.sha256(token.encode()).hexdigest()}"
