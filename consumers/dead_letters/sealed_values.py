"""Bytes whose customer cannot be told are kept encrypted, under a key that Redis drops after some days."""

import base64
import secrets
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

    def seal(self, content: bytes, now_ms: int) -> str | None:
        """Return bytes encrypted, None where they are not to be kept. Raises redis.RedisError."""
        from cryptography.fernet import Fernet

        if self._days == 0:
            return None
        day = now_ms // DAY_MS
        if self._keys.get(day) is None:
            made = base64.urlsafe_b64encode(secrets.token_bytes(32))
            name = keys.sealing_key(day)
            self._redis.set(name, made, nx=True, ex=(self._days + 1) * DAY_S)
            self._keys = {day: self._redis.get(name)}
        key = self._keys[day]
        return None if key is None else Fernet(key).encrypt(content).decode()

    def open(self, sealed: str, sealed_ms: int) -> bytes | None:
        """Return what was sealed at a time, None where its key is gone or it is not genuine."""
        from cryptography.fernet import Fernet, InvalidToken

        day = sealed_ms // DAY_MS
        if day not in self._keys:
            self._keys[day] = self._redis.get(keys.sealing_key(day))
        key = self._keys[day]
        try:
            return None if key is None else Fernet(key).decrypt(sealed)
        except InvalidToken:
            return None
