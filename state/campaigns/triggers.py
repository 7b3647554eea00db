"""Triggers of campaigns: which segment changes call which webhook."""

import base64
import json
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import redis
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from yarl import URL

from events.base_error import ShoalError
from events.schema.field_types import Identifier
from events.schema.outputs import Cause, Entry
from state.campaigns.secret_keys import SEALED, SecretKeys
from state.entries.entry_writer import EntryWriter, RedisEntryWriter
from state.store import keys

__all__ = ["StoredTrigger", "Trigger", "TriggerExists", "TriggerRule", "TriggerStore", "TriggerUnknown"]


log = logging.getLogger(__name__)


class TriggerUnknown(ShoalError):
    """There is no trigger of this name."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"there is no trigger {name!r}; there are: {', '.join(known) or 'none'}")


class TriggerExists(ShoalError):
    """A trigger of this name exists already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a trigger {name!r} already; remove it first, or choose another name")


def _webhook_url(url: str) -> str:
    # By the parser of the client that calls it: two parsers may see two hosts in one text.
    if not url.isprintable() or "\\" in url or any(map(str.isspace, url)):
        raise ValueError(
            "the URL of a webhook holds no spaces, control characters or backslashes; write %20 for a space"
        )
    try:
        parts = URL(url)
        named = parts.scheme in {"http", "https"} and parts.host and parts.port
    except ValueError as error:
        raise ValueError(f"the URL of a webhook cannot be read: {error}") from None
    if not named:
        raise ValueError("the URL of a webhook begins with https:// or http:// and names a host")
    if parts.user is not None or parts.password is not None:
        raise ValueError("a URL with a password would stand in logs; let the receiver check the signature instead")
    return url


def _secret(secret: str) -> str:
    try:
        size = len(base64.b64decode(secret.removeprefix("whsec_"), validate=True))
    except ValueError as error:
        raise ValueError("a secret is whsec_ and base64") from error
    if not 24 <= size <= 64:
        raise ValueError(f"a secret has 24 to 64 bytes, this one {size}")
    return secret


class TriggerRule(BaseModel):
    """A webhook, and the changes that it is called for.

    A change fits where the customer entered one of the segments `entered` and left one of `left` (by id or name; an
    empty list fits all), for one of the `causes`, with a net spend of at least `min_value`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    trigger: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", description="name, also that of the campaign")
    url: Annotated[str, AfterValidator(_webhook_url)] = Field(max_length=2_000)
    entered: list[Identifier] = []
    left: list[Identifier] = []
    causes: list[Cause] = ["activity", "time"]
    min_value: float | None = Field(default=None, allow_inf_nan=False)
    needs_consent: bool = Field(default=False, description="only customers with consent.marketing true")
    cap: int = Field(default=0, ge=0, description="deliveries for one customer within cap_days; 0: any number")
    cap_days: float = Field(default=7.0, gt=0, le=365)


def _stored_secret(secret: str) -> str:
    return secret if secret.startswith(SEALED) else _secret(secret)


class StoredTrigger(TriggerRule):
    """A trigger as it is kept, its secret encrypted where there is a key for that."""

    secret: Annotated[str, AfterValidator(_stored_secret)] = Field(repr=False, max_length=1_000)
    created_at: datetime


class Trigger(TriggerRule):
    """A trigger with the secret that signs what it sends."""

    secret: Annotated[str, AfterValidator(_secret)] = Field(repr=False)
    created_at: datetime


class TriggerStore:
    """Keeps the triggers by name; changes go through `writer`, secrets are encrypted under `secret_keys`."""

    def __init__(
        self, client: redis.Redis, writer: EntryWriter | None = None, secret_keys: SecretKeys | None = None
    ) -> None:
        self._redis: Any = client
        self._writer = writer or RedisEntryWriter(client)
        self._secret_keys = secret_keys or SecretKeys([])
        self._warned = set[str]()
        self._parsed: dict[bytes, Trigger] = {}

    def add(self, trigger: Trigger) -> None:
        """Add a trigger. Raises TriggerExists."""

        def change() -> Sequence[Entry]:
            if self._redis.hexists(keys.TRIGGERS, trigger.trigger):
                raise TriggerExists(trigger.trigger)
            return [self._entry(trigger)]

        self._writer.write(change)

    def all(self) -> dict[str, Trigger]:
        """Return every trigger by name, sorted; one that an earlier release took and this one refuses is left out.

        Raises SecretSealed.
        """
        found, parsed = {}, {}
        for name, value in sorted(self._found().items()):
            trigger = self._parsed.get(value) or self._opened(name.decode(), value)
            if trigger is not None:
                found[name.decode()] = parsed[value] = trigger
        self._parsed = parsed  # thousands of them are asked for with every batch of changes, and seldom change
        return found

    def stored(self) -> dict[str, StoredTrigger]:
        """Return what `all` returns, with the secrets as they are stored."""
        read = {name.decode(): self._read(name.decode(), value) for name, value in sorted(self._found().items())}
        return {name: trigger for name, trigger in read.items() if trigger is not None}

    def names(self) -> list[str]:
        """Return the names of all triggers, sorted."""
        return sorted(name.decode() for name in self._redis.hkeys(keys.TRIGGERS))

    def find(self, name: str) -> Trigger | None:
        """Return one trigger, None where there is none, or one that this release refuses. Raises SecretSealed."""
        value = self._redis.hget(keys.TRIGGERS, name)
        return None if value is None else self._parsed.get(value) or self._opened(name, value)

    def get(self, name: str) -> Trigger:
        """Return one trigger. Raises TriggerUnknown, SecretSealed."""
        return Trigger.model_validate(self._opened_values(self.get_stored(name)))

    def get_stored(self, name: str) -> StoredTrigger:
        """Return one trigger with its secret as it is stored. Raises TriggerUnknown."""
        value = self._redis.hget(keys.TRIGGERS, name)
        if value is None:
            raise TriggerUnknown(name, self.names())
        return StoredTrigger.model_validate_json(value)

    def remove(self, name: str) -> None:
        """Remove a trigger; what it still had to deliver is dropped. Raises TriggerUnknown."""

        def change() -> Sequence[Entry]:
            if not self._redis.hexists(keys.TRIGGERS, name):
                raise TriggerUnknown(name, self.names())
            return [Entry(kind="trigger", name=name, removed=True)]

        self._writer.write(change)

    def seal_secrets(self) -> int:
        """Store every secret under the first key that is not; return how many. Without keys nothing is changed.

        Raises SecretSealed where one is under a key that is not known any more.
        """
        sealed = 0

        def change() -> Sequence[Entry]:
            nonlocal sealed
            opened = self.all()
            old = [name for name, each in self.stored().items() if not self._secret_keys.is_current(each.secret)]
            sealed = len(old)
            return [self._entry(opened[name]) for name in old]

        if self._secret_keys:
            self._writer.write(change)
        return sealed

    def _entry(self, trigger: Trigger) -> Entry:
        values = trigger.model_dump(mode="json") | {"secret": self._secret_keys.seal(trigger.secret)}
        return Entry(kind="trigger", name=trigger.trigger, value=json.dumps(values))

    def _opened(self, name: str, value: bytes) -> Trigger | None:
        stored = self._read(name, value)
        return None if stored is None else Trigger.model_validate(self._opened_values(stored))

    def _opened_values(self, stored: StoredTrigger) -> dict[str, Any]:
        return stored.model_dump() | {"secret": self._secret_keys.open(stored.trigger, stored.secret)}

    def _read(self, name: str, value: bytes) -> StoredTrigger | None:
        try:
            return StoredTrigger.model_validate_json(value)
        except ValidationError as error:
            self._warn(name, error)
            return None

    def _warn(self, name: str, error: ValidationError) -> None:
        if name not in self._warned:  # the triggers are read with every batch
            self._warned.add(name)
            log.warning("the trigger %s is not called; remove it and add it anew: %s", name, error)

    def _found(self) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = self._redis.hgetall(keys.TRIGGERS)
        return found
