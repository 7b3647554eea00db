"""Bytes whose customer cannot be told are kept encrypted, under a key that Redis drops after some days."""

import base64
import secrets
from contextlib import suppress
from typing import Any

import redis

from events.time_units import DAY_MS, DAY_S
from state.store import keys

__all__ = ["SealedValues"]


class SealedValues:
    """Encrypts (Fernet) under one key a day. Once the key is gone nobody can read what was sealed on that day.

    An erasure can only find an id that it can read. So bytes that no decoder understands do not outlive the days that
    are set, also where the topic keeps the letter.
    """

    def __init__(self, client: redis.Redis, days: int = 0) -> None:
        """Seal for `days`; with 0 days nothing of the bytes is kept."""
        self._redis: Any = client
        self._days = days
        self._keys: dict[int, bytes | None] = {}

    def agree_on_key(self, now_ms: int) -> None:
        """Take the key of the day that Redis has; one that has lost it is given it back. Raises redis.RedisError.

        To be called before each batch that is sealed: under a key that Redis has not, nobody could read it.
        """
        if self._days == 0:
            return
        day = now_ms // DAY_MS
        made = self._keys.get(day) or base64.urlsafe_b64encode(secrets.token_bytes(32))
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(keys.sealing_key(day), made, nx=True, ex=(self._days + 1) * DAY_S)
            pipe.get(keys.sealing_key(day))
            self._keys = {day: pipe.execute()[1]}

    def seal(self, content: bytes, now_ms: int) -> str | None:
        """Return bytes encrypted, None where they are not to be kept. Raises redis.RedisError."""
        from cryptography.fernet import Fernet

        if self._days == 0:
            return None
        day = now_ms // DAY_MS
        if self._keys.get(day) is None:
            self.agree_on_key(now_ms)
        key = self._keys[day]
        return None if key is None else Fernet(key).encrypt(content).decode()

    def open(self, sealed: str, sealed_ms: int) -> bytes | None:
        """Return what was sealed at a time, None where its key is gone or it is not genuine."""
        from cryptography.fernet import Fernet, InvalidToken

        day = sealed_ms // DAY_MS
        for known in (True, False):  # Redis may have been put back, with another key than the one that is known
            if not known or self._keys.get(day) is None:
                self._keys[day] = self._redis.get(keys.sealing_key(day))
            key = self._keys[day]
            with suppress(InvalidToken):
                return None if key is None else Fernet(key).decrypt(sealed)
        return None
