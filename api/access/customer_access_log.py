"""The audit log: who read or changed what about a customer, in a Redis stream that is only added to.

Customer ids are kept as a keyed hash, so that the log can be asked about a customer, and holds no id after an erasure.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import redis
from pydantic import BaseModel

from api.access.audit_chain import STREAM, append_arguments
from api.access.scopes import Principal
from events.time_units import DAY_MS

__all__ = ["STREAM", "AuditEntry", "AuditLog", "audit_salt", "pseudonym", "read_audit", "record_now"]

_SALT: Final = "audit:salt"
_PAGE = 1_000
_FLUSH_S = 60.0


class AuditEntry(BaseModel):
    """One line of the log; `customer` is the pseudonym of the id, `times` how often it happened within the minute."""

    at: datetime
    key: str
    name: str
    action: str
    customer: str | None = None
    detail: str | None = None
    times: int = 1


def audit_salt(client: redis.Redis) -> bytes:
    """Return the secret of the pseudonyms, made at its first use."""
    store: Any = client
    store.set(_SALT, secrets.token_bytes(32), nx=True)
    return bytes(store.get(_SALT))


def pseudonym(salt: bytes, customer_id: str) -> str:
    """Return what stands for a customer in the log: HMAC-SHA256 of the id, 128 bits in hexadecimal."""
    return hmac.new(salt, customer_id.encode(), hashlib.sha256).hexdigest()[:32]


class AuditLog:
    """Adds entries: each on its own, or counted by key and minute where single ones would drown the rest."""

    def __init__(self, client: Any, salt: bytes, days: int, clock: Callable[[], float] = time.time) -> None:
        self._redis, self._salt, self._days, self._clock = client, salt, days, clock
        self._counts: dict[tuple[Principal, str], int] = {}
        self._counted_since = clock()

    async def record(
        self, caller: Principal, action: str, customer_id: str | None = None, detail: str | None = None
    ) -> None:
        """Add an entry before the answer goes out. Raises redis.RedisError; then nothing is answered."""
        await self._add([self._entry(caller, action, customer_id, detail)])

    async def record_each(
        self, caller: Principal, action: str, customer_ids: Sequence[str], detail: str | None = None
    ) -> None:
        """Add an entry for each of the customers, in one round trip. Raises redis.RedisError."""
        await self._add([self._entry(caller, action, each, detail) for each in customer_ids])

    def _entry(self, caller: Principal, action: str, customer_id: str | None, detail: str | None) -> dict[str, str]:
        return _fields(self._salt, caller, action, customer_id, detail)

    async def count(self, caller: Principal, action: str, times: int = 1) -> None:
        """Count an action; what was counted is added to the log about once a minute."""
        place = (caller, action)
        self._counts[place] = self._counts.get(place, 0) + times
        if self._clock() - self._counted_since >= _FLUSH_S:
            await self.flush()

    async def flush(self) -> None:
        """Add what was counted."""
        counts, self._counts, self._counted_since = self._counts, {}, self._clock()
        await self._add(
            [
                {"key": caller.key_id, "name": caller.name, "action": action, "times": str(times)}
                for (caller, action), times in counts.items()
            ]
        )

    async def _add(self, entries: list[dict[str, str]]) -> None:
        oldest = _oldest(self._clock(), self._days)
        async with self._redis.pipeline(transaction=False) as pipe:
            for fields in entries:
                pipe.eval(*append_arguments(fields, oldest))
            await pipe.execute()


def record_now(
    client: redis.Redis,
    caller: Principal,
    action: str,
    customer_ids: Sequence[str] = (),
    detail: str | None = None,
    *,
    days: int,
    now_s: float,
) -> None:
    """Add an entry, or one for each of the customers, from a program that does not wait. Raises redis.RedisError."""
    store: Any = client
    salt = audit_salt(client)
    with store.pipeline(transaction=False) as pipe:
        for customer_id in customer_ids or (None,):
            fields = _fields(salt, caller, action, customer_id, detail)
            pipe.eval(*append_arguments(fields, _oldest(now_s, days)))
        pipe.execute()


def _fields(salt: bytes, caller: Principal, action: str, customer_id: str | None, detail: str | None) -> dict[str, str]:
    fields = {"key": caller.key_id, "name": caller.name, "action": action}
    if customer_id is not None:
        fields["customer"] = pseudonym(salt, customer_id)
    if detail is not None:
        fields["detail"] = detail
    return fields


def _oldest(now_s: float, days: int) -> str:
    return f"{int(now_s * 1000) - days * DAY_MS}-0"


def read_audit(client: redis.Redis, customer_id: str | None = None) -> Iterator[AuditEntry]:
    """Return the entries, the oldest first; of one customer only, where one is named."""
    store: Any = client
    wanted = None if customer_id is None else pseudonym(audit_salt(client), customer_id)
    start = "-"
    while page := store.xrange(STREAM, min=start, count=_PAGE):
        for name, fields in page:
            texts = {field.decode(): value.decode() for field, value in fields.items()}
            if wanted is None or texts.get("customer") == wanted:
                at = datetime.fromtimestamp(int(name.split(b"-")[0]) / 1000, UTC)
                yield AuditEntry.model_validate({**texts, "at": at})
        start = f"({page[-1][0].decode()}"
