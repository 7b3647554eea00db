"""API keys: shown once, stored as a hash, found by their id, which is no secret.

A key is `shoal_<id>_<secret>`. The secret is 32 random bytes, so one SHA-256 is enough: slow hashes (bcrypt, Argon2)
are for passwords that people choose, which can be guessed; 256 random bits cannot.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import redis
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from api.access.scopes import Principal, Scope
from events.base_error import ShoalError
from events.schema.outputs import Entry
from state.entries.entry_writer import EntryWriter, RedisEntryWriter
from state.store import keys

__all__ = ["ApiKey", "KeyStore", "KeyUnknown", "NewKey", "Token", "bearer_token", "parse_token"]

_FORM: Final = re.compile(r"shoal_([0-9a-z]{12})_([A-Za-z0-9_-]{43})")


class KeyUnknown(ShoalError):
    """There is no key with this id."""


def _printable(name: str) -> str:
    if not name.isprintable():
        raise ValueError(f"the name {name!r} holds characters that cannot be shown")
    return name


class ApiKey(BaseModel):
    """A key as it is stored."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]
    scopes: tuple[Scope, ...] = Field(min_length=1)
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    digest: str = Field(description="SHA-256 of the secret, hexadecimal")

    def matches(self, secret: str) -> bool:
        """Return whether a secret is this key's."""
        return hmac.compare_digest(self.digest, _digest(secret))

    def valid_at(self, now: datetime) -> bool:
        """Return whether the key has not expired."""
        return self.expires_at is None or now < self.expires_at

    @property
    def principal(self) -> Principal:
        """The principal of this key."""
        return Principal(self.id, self.name, frozenset(self.scopes))


@dataclass(frozen=True)
class Token:
    """The id and the secret in a token."""

    key_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class NewKey:
    """A new key and its token, which is not stored anywhere."""

    key: ApiKey
    token: str = field(repr=False)


class KeyStore:
    """Makes, lists and revokes keys; changes go through `writer`."""

    def __init__(self, client: redis.Redis, writer: EntryWriter | None = None) -> None:
        self._redis: Any = client
        self._writer = writer or RedisEntryWriter(client)

    def create(
        self,
        name: str,
        scopes: Sequence[Scope],
        now: datetime,
        expires_at: datetime | None = None,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> NewKey:
        """Keep a new key. Raises pydantic.ValidationError for a name or scopes that cannot be."""
        made = _new_key(name, scopes, now, expires_at, random)
        self._writer.write(lambda: [_entry(made.key)])
        return made

    def rotate(
        self,
        key_id: str,
        now: datetime,
        overlap: timedelta,
        expires_at: datetime | None = None,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> NewKey:
        """Keep a new key with the name and scopes of another, which ends after the overlap, or earlier as before.

        Raises KeyUnknown, also where the other key has expired.
        """
        made: list[NewKey] = []

        def change() -> Sequence[Entry]:
            old = self._get(key_id)
            if not old.valid_at(now):
                raise KeyUnknown(f"the API key {key_id!r} has expired; make a new one with `shoal keys create`")
            ends = now + overlap if old.expires_at is None else min(old.expires_at, now + overlap)
            made[:] = [_new_key(old.name, old.scopes, now, expires_at, random)]
            return [_entry(made[0].key), _entry(old.model_copy(update={"expires_at": ends}))]

        self._writer.write(change)
        return made[0]

    def all(self) -> list[ApiKey]:
        """Return every key, the oldest first."""
        found = [ApiKey.model_validate_json(value) for value in self._redis.hgetall(keys.API_KEYS).values()]
        return sorted(found, key=lambda key: (key.created_at, key.id))

    def revoke(self, key_id: str) -> None:
        """Forget a key; API processes that remember it stop at the end of their cache. Raises KeyUnknown."""

        def change() -> Sequence[Entry]:
            self._get(key_id)
            return [Entry(kind="api-key", name=key_id, removed=True)]

        self._writer.write(change)

    def _get(self, key_id: str) -> ApiKey:
        value = self._redis.hget(keys.API_KEYS, key_id)
        if value is None:
            raise KeyUnknown(f"there is no API key {key_id!r}; `shoal keys list` shows those there are")
        return ApiKey.model_validate_json(value)


def _new_key(
    name: str, scopes: Sequence[Scope], now: datetime, expires_at: datetime | None, random: Callable[[int], bytes]
) -> NewKey:
    key_id, secret = random(6).hex(), base64.urlsafe_b64encode(random(32)).decode().rstrip("=")
    key = ApiKey(
        id=key_id,
        name=name,
        scopes=tuple(dict.fromkeys(scopes)),
        created_at=now,
        expires_at=expires_at,
        digest=_digest(secret),
    )
    return NewKey(key, f"shoal_{key_id}_{secret}")


def _entry(key: ApiKey) -> Entry:
    return Entry(kind="api-key", name=key.id, value=key.model_dump_json())


def bearer_token(authorization: str) -> str:
    """Return the token of an `Authorization` header of the scheme Bearer (RFC 6750), "" of any other.

    >>> bearer_token("Bearer abc"), bearer_token("Basic abc")
    ('abc', '')
    """
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def parse_token(token: str) -> Token | None:
    """Return the parts of a token, or None where it is malformed.

    >>> parse_token("shoal_0123456789ab_" + "x" * 43).key_id
    '0123456789ab'
    >>> parse_token("Bearer me") is None
    True
    """
    found = _FORM.fullmatch(token)
    return Token(found[1], found[2]) if found else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
