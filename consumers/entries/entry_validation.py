"""Published entries, checked: a message on `entries` may be anybody's."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field

from consumers.broker.internal_messages import NotReadable
from events.schema.outputs import Entry
from experiments.definition import Experiment
from state.campaigns.triggers import StoredTrigger
from state.entries.entry_keys import entry_key

__all__ = ["published_entry"]


class _ApiKey(BaseModel):
    """What an API key cannot do without; `api.access.api_keys` knows the rest."""

    id: str
    name: str = Field(min_length=1, max_length=100)
    scopes: list[Annotated[str, Field(pattern="^[a-z]+(:[a-z]+)?$")]] = Field(min_length=1)
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    digest: str = Field(pattern="^[0-9a-f]{64}$")


def published_entry(key: bytes | None, value: bytes, salt: bytes | None) -> Entry:
    """Return the entry of a message; `salt` is that of the topic, None where it has had none.

    Raises ValidationError, or NotReadable where its parts do not belong together.
    """
    entry = Entry.model_validate_json(value)
    if entry.kind == "salt":
        _check_salt(entry, salt)
    elif entry.kind == "suppression":
        if entry.customer_id is None:
            raise NotReadable("customer_id: missing")
        if salt is None:
            raise NotReadable("a suppression before there is a salt")
    elif not entry.removed and _name_in(entry) != entry.name:
        raise NotReadable("value: of another name")
    if key != entry_key(entry, salt or b"").encode():
        raise NotReadable("its key is not that of what it holds")
    return entry


def _check_salt(entry: Entry, salt: bytes | None) -> None:
    try:
        mine = bytes.fromhex(entry.value or "")
    except ValueError:
        raise NotReadable("value: no salt") from None
    if not 8 <= len(mine) <= 64:
        raise NotReadable("value: no salt")
    if salt not in (None, mine):
        raise NotReadable("value: another salt than that of the entries before")


def _name_in(entry: Entry) -> str:
    value = entry.value or ""
    if entry.kind == "trigger":
        return StoredTrigger.model_validate_json(value).trigger
    if entry.kind == "experiment":
        return Experiment.model_validate_json(value).id
    return _ApiKey.model_validate_json(value).id
