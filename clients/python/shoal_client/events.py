"""The events that a shop publishes, and their bytes. What passes here is what Shoal accepts.

Times are `datetime` with a zone, amounts of money `Decimal`; a dict may also hold RFC 3339 text, and numbers or text.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from shoal_client.errors import EventInvalid

__all__ = ["TOPICS", "Consent", "Conversion", "CustomerProfile", "Event", "Exposure", "Identity", "Item", "Order",
           "WebSession", "encoded"]  # fmt: skip

_MAX_AMOUNT: Final = 10**12
_PLACES: Final = 6

Identifier = Annotated[str, Meta(min_length=1, max_length=128)]
Label = Annotated[str, Meta(max_length=256)]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z", description="ISO 4217")]
Instant = Annotated[datetime, Meta(tz=True)]
Amount = Annotated[Decimal, Meta(description="from 0 to 10^12, six decimals at most")]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Years = Annotated[int, Meta(ge=0, le=150)] | Annotated[float, Meta(ge=0, le=150, multiple_of=1)]


class _Wire(Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Refuses fields that there are not: a name with a slip in it would be ignored on the other side."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, Decimal):
                msgspec.structs.force_setattr(self, name, _amount(name, value))
            elif isinstance(value, datetime):
                msgspec.structs.force_setattr(self, name, _instant(name, value))


class Event(_Wire, kw_only=True, frozen=True):
    """What every event carries. A repeated `event_id` is taken for a repeat of the same event."""

    event_id: Identifier
    customer_id: Identifier
    occurred_at: Instant
    schema_version: Literal[1] = 1


class Item(_Wire, kw_only=True, frozen=True):
    """One line of an order."""

    sku: Identifier
    quantity: Annotated[int, Meta(ge=0, le=1_000_000_000)]
    price: Amount | None = None
    category: Label | None = None


class Order(Event, kw_only=True, frozen=True):
    """An order that was placed, or one that was cancelled or refunded (then `amount` is what is taken back).

    A cancellation takes back what is left of the order, whatever its `amount`; 0 will do where it is not known. The
    same `order_id` again is the same order. Only a refund may be without one: a credit note.
    """

    amount: Amount
    currency: Currency
    order_id: Identifier | None = None
    type: Literal["placed", "cancelled", "refunded"] = "placed"
    items: list[Item] | None = None
    channel: Label | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.order_id is None and self.type != "refunded":
            raise ValueError("order_id is missing; only a refund may be without one, as a credit note")


class WebSession(Event, kw_only=True, frozen=True):
    """A finished visit to the website; `occurred_at` is its end."""

    session_id: Identifier
    started_at: Instant
    pages: Count
    duration_s: Annotated[float, Meta(ge=0, le=604_800)] | None = None
    cart_adds: Count | None = None
    source: Label | None = None
    device: Label | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.started_at > self.occurred_at:
            raise ValueError("started_at lies after occurred_at, the session's end")


class Consent(_Wire, kw_only=True, frozen=True):
    """What the customer has agreed to."""

    marketing: bool | None


class CustomerProfile(Event, kw_only=True, frozen=True):
    """What the CRM tells of a customer: a field that is left out is unchanged, None clears it, the newest wins.

    `attributes` are JSON values, each a field of its own. A consent that was withdrawn is not cleared by None.
    """

    signed_up_at: Instant | UnsetType | None = UNSET
    age: Years | UnsetType | None = UNSET
    gender: Label | UnsetType | None = UNSET
    income: Annotated[float, Meta(ge=0, le=1000000000000.0)] | UnsetType | None = UNSET
    country: Label | UnsetType | None = UNSET
    city: Label | UnsetType | None = UNSET
    latitude: Annotated[float, Meta(ge=-90, le=90)] | UnsetType | None = UNSET
    longitude: Annotated[float, Meta(ge=-180, le=180)] | UnsetType | None = UNSET
    acquisition_source: Label | UnsetType | None = UNSET
    consent: Consent | UnsetType | None = UNSET
    attributes: dict[str, Any] | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            json.dumps(self.attributes or None, allow_nan=False)  # NaN would be written as null, which clears
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(f"attributes should be JSON values: {error}") from error


class Identity(Event, kw_only=True, frozen=True):
    """From now on two ids are one person, known as `customer_id`: a visitor signed in, or two accounts were merged."""

    previous_id: Identifier

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.previous_id == self.customer_id:
            raise ValueError("previous_id is the same as customer_id; name the id that goes up in the other")


class Exposure(Event, kw_only=True, frozen=True):
    """A customer was shown a variant of an experiment."""

    experiment: Identifier
    variant: Identifier


class Conversion(Event, kw_only=True, frozen=True):
    """A customer did what an experiment (or any experiment, where none is named) hopes for."""

    experiment: Identifier | None = None
    value: Amount | None = None
    currency: Currency | None = None
    kind: Label | None = None


TOPICS: Final[dict[str, type[Event]]] = {
    "orders": Order,
    "web-sessions": WebSession,
    "customers": CustomerProfile,
    "exposures": Exposure,
    "conversions": Conversion,
    "identities": Identity,
}
"""The kind of event of each topic."""

_ENCODER: Final = msgspec.json.Encoder()
_DECODERS: Final = {topic: msgspec.json.Decoder(kind) for topic, kind in TOPICS.items()}
Kind = TypeVar("Kind")


def encoded(topic: str, event: Event | Mapping[str, Any]) -> tuple[str, bytes]:
    """Return the customer and the bytes of an event for a topic. Raises EventInvalid.

    >>> encoded("exposures", {"event_id": "e1", "customer_id": "c1", "occurred_at": "2026-01-31T12:00:00+01:00",
    ...                       "experiment": "banner", "variant": "B"})[1].decode()
    '{"event_id":"e1","customer_id":"c1","occurred_at":"2026-01-31T11:00:00Z","experiment":"banner","variant":"B"}'
    """
    kind = TOPICS.get(topic)
    if kind is None:
        raise EventInvalid(f"there is no topic {topic!r} for events; there are: {', '.join(TOPICS)}")
    if isinstance(event, Struct) and not isinstance(event, kind):
        raise EventInvalid(f"the events of {topic} are of type {kind.__name__}, not {type(event).__name__}")
    try:
        built = event if isinstance(event, Struct) else msgspec.convert(dict(event), kind)
        # By its bytes, since a structure that is built by hand is not checked.
        checked = _DECODERS[topic].decode(_ENCODER.encode(built))
        return checked.customer_id, _ENCODER.encode(checked)
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise EventInvalid(f"this is no event for {topic}: {error}") from error


def _amount(name: str, value: Decimal) -> Decimal:
    """Return an amount that is written without an exponent. Raises ValueError."""
    if not value.is_finite() or not 0 <= value <= _MAX_AMOUNT:
        raise ValueError(f"{name} should be from 0 to 10^12, found {value}")
    places = value.as_tuple().exponent
    short = round(value, _PLACES) if isinstance(places, int) and places < -_PLACES else value
    return Decimal(format(short.copy_abs(), "f"))  # -0.0 is no amount of its own


def _instant(name: str, value: datetime) -> datetime:
    """Return a time in UTC. Raises ValueError."""
    if value.utcoffset() is None:
        raise ValueError(f"{name} should have a time zone, found {value.isoformat()}")
    return value.astimezone(UTC)
