"""Dashboard sign-in: a one-time link or a key buys a session, whose cookie is random and kept as a hash."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import redis
from pydantic import BaseModel, ConfigDict

from events.base_error import ShoalError

__all__ = [
    "COOKIE",
    "LINK_S",
    "OpenSession",
    "Session",
    "SessionUnknown",
    "Sessions",
    "end_sessions",
    "new_sign_in",
    "open_sessions",
]

COOKIE: Final = "shoal_session"
LINK_S: Final = 3_600
"""Seconds that a one-time sign-in link waits to be used."""


_INDEX: Final = "api:sessions"
"""Sorted set: hashes of the cookies of sessions by when they end, s; so that nobody looks through all keys for them."""
_ID_LENGTH: Final = 12


class SessionUnknown(ShoalError):
    """There is no session with this id."""


class Session(BaseModel):
    """Who is signed in, and what every form must send back."""

    model_config = ConfigDict(frozen=True)

    key_id: str
    csrf: str
    began_s: int | None = None  # None in sessions that an earlier release began

    def csrf_matches(self, csrf: str) -> bool:
        """Return whether a form's token is this session's."""
        return hmac.compare_digest(self.csrf.encode(), csrf.encode())


def new_sign_in(client: redis.Redis, key_id: str, random: Callable[[], str] = secrets.token_urlsafe) -> str:
    """Return a token that signs in once, as this key, within an hour."""
    token = random()
    store: Any = client
    store.set(_redis_key("sign-in", token), key_id, ex=LINK_S)
    return token


class OpenSession(NamedTuple):
    """A session without what opens it: `id` is the beginning of its cookie's hash; times in seconds since 1970."""

    id: str
    key_id: str
    began_s: int | None
    ends_s: int


def open_sessions(client: redis.Redis, now_s: float) -> list[OpenSession]:
    """Return the sessions that have not ended, the newest first."""
    store: Any = client
    store.zremrangebyscore(_INDEX, "-inf", now_s)
    listed = store.zrevrange(_INDEX, 0, -1, withscores=True)
    values = store.mget([f"api:session:{digest.decode()}" for digest, _ in listed]) if listed else []
    found = []
    for (digest, ends), value in zip(listed, values, strict=True):
        if value is not None:
            session = Session.model_validate_json(value)
            found.append(OpenSession(digest.decode()[:_ID_LENGTH], session.key_id, session.began_s, int(ends)))
    return found


def end_sessions(client: redis.Redis, now_s: float, *, session_id: str = "", key_id: str = "") -> int:
    """End the session with an id, or all of a key; return how many. Raises SessionUnknown for an id that is none."""
    store: Any = client
    wanted = {each.id for each in open_sessions(client, now_s) if session_id == each.id or key_id == each.key_id}
    if session_id and not wanted:
        raise SessionUnknown(f"there is no session {session_id!r}; `shoal keys sessions` shows those there are")
    digests = [each for each in store.zrange(_INDEX, 0, -1) if each.decode()[:_ID_LENGTH] in wanted]
    if digests:
        store.delete(*(f"api:session:{each.decode()}" for each in digests))
        store.zrem(_INDEX, *digests)
    return len(digests)


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
        now_s = int(time.time())
        session = Session(key_id=key_id, csrf=self._random(), began_s=now_s)
        await self._redis.zadd(_INDEX, {_digest(cookie): now_s + self.seconds})
        await self._redis.expire(_INDEX, self.seconds)
        await self._redis.set(_redis_key("session", cookie), session.model_dump_json(), ex=self.seconds)
        return cookie

    async def find(self, cookie: str) -> Session | None:
        """Return the session of a cookie, or None."""
        value = await self._redis.get(_redis_key("session", cookie))
        return Session.model_validate_json(value) if value else None

    async def end(self, cookie: str) -> None:
        """Forget a session."""
        await self._redis.delete(_redis_key("session", cookie))
        await self._redis.zrem(_INDEX, _digest(cookie))


def _redis_key(kind: str, token: str) -> str:
    return f"api:{kind}:{_digest(token)}"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
