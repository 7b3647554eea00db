"""The settings that data in Redis was written under. Reading it under others would silently be wrong."""

from collections.abc import Callable
from typing import Any

import redis

from events.base_error import ShoalError
from state.store import keys

__all__ = ["FormatMismatch", "require_same_format", "shop_currency"]


class FormatMismatch(ShoalError):
    """A setting differs from the one that the data in Redis was written under."""

    def __init__(self, name: str, mine: str, stored: str) -> None:
        super().__init__(
            f"{name} is {mine}, but the data in Redis was written with {stored}. Set SHOAL_{name.upper()}={stored}, "
            "or use another Redis database."
        )
        self.name = name


def require_same_format(client: redis.Redis, settings: dict[str, str]) -> None:
    """Record the settings in an empty Redis, or compare with those recorded. Raises FormatMismatch."""
    store: Any = client
    _compare(store, settings)  # before writing: a process that is refused leaves nothing behind
    for name, value in settings.items():
        store.hsetnx(keys.FORMAT, name, value)
    _compare(store, settings)  # another process may have been first


def _compare(store: Any, settings: dict[str, str]) -> None:
    for (name, value), stored in zip(settings.items(), store.hmget(keys.FORMAT, list(settings)), strict=True):
        if stored is not None and stored.decode() != value:
            raise FormatMismatch(name, value, stored.decode())


def shop_currency(client: redis.Redis) -> Callable[[str], str]:
    """Return a function that makes a currency the shop's, unless there is one already, and returns the shop's."""

    def adopt(candidate: str) -> str:
        store: Any = client
        store.hsetnx(keys.FORMAT, "currency", candidate)
        return str(store.hget(keys.FORMAT, "currency").decode())

    return adopt
