"""What the website and the CRM publish: one pydantic model for each input topic."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from events.schema.field_types import INTEGRAL, Amount, Attributes, Count, Currency, Identifier, Instant, Label, Version

__all__ = [
    "INPUTS",
    "Consent",
    "Conversion",
    "CustomerProfile",
    "Event",
    "Exposure",
    "Identity",
    "Item",
    "Order",
    "WebSession",
]


SAME_ID = "previous_id is the same as customer_id; name the id that goes up in the other"
ORDER_ID_MISSING = "order_id is missing; only a refund may be without one, as a credit note"


class _Wire(BaseModel):
    """Strict about types, silent about unknown fields: a newer publisher may send more than we know."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


class Event(_Wire):
    """What every event carries, whatever its topic."""

    event_id: Identifier = Field(description="unique for each event; a repeated id is a producer's duplicate")
    customer_id: Identifier = Field(description="whose event it is; also the Kafka key")
    occurred_at: Instant = Field(description="when it happened, by the publisher's clock")
    schema_version: Version = 1

    def to_json(self) -> bytes:
        """Return the event as it is published."""
        return self.model_dump_json(exclude_none=True).encode()


class Item(_Wire):
    """One line of an order."""

    sku: Identifier
    quantity: Annotated[int, Field(ge=0, le=1_000_000_000)]
    price: Amount | None = None
    category: Label | None = None


class Order(Event):
    """An order that was placed, or one that was cancelled or refunded (then `amount` is what is taken back).

    A cancellation is taken without `amount` and `currency` too: it takes back what is left of the order.
    """

    type: Literal["placed", "cancelled", "refunded"] = "placed"
    order_id: (
        Annotated[
            Identifier,
            Field(description="told again it is the same order; absent only in a refund of no order: a credit note"),
        ]
        | None
    ) = None
    amount: Amount
    currency: Currency
    items: list[Item] | None = None
    channel: Label | None = None

    @model_validator(mode="after")
    def _names_its_order(self) -> "Order":
        if self.order_id is None and self.type != "refunded":
            raise ValueError(ORDER_ID_MISSING)
        return self


class WebSession(Event):
    """A finished visit to the website; `occurred_at` is its end."""

    session_id: Identifier
    started_at: Instant
    pages: Count
    duration_s: (
        Annotated[float, Field(ge=0, le=604_800, description="seconds; from the two times where absent")] | None
    ) = None
    cart_adds: Count | None = None
    source: Label | None = None
    device: Label | None = None

    @model_validator(mode="after")
    def _starts_before_it_ends(self) -> "WebSession":
        if self.started_at > self.occurred_at:
            raise ValueError("started_at lies after occurred_at, the session's end")
        return self


class Consent(_Wire):
    """What the customer has agreed to."""

    marketing: Annotated[
        bool | None, Field(description="false holds until an event of a later time says true; null clears a true only")
    ]


class CustomerProfile(Event):
    """What the CRM tells of a customer, field by field: absent means unchanged, null means cleared, the newest wins."""

    signed_up_at: Instant | None = None
    age: Annotated[int, Field(ge=0, le=150, description="years"), INTEGRAL] | None = None
    gender: Label | None = None
    income: Annotated[float, Field(ge=0, le=1e12, description="a year, in the shop's currency")] | None = None
    country: Label | None = None
    city: Label | None = None
    latitude: Annotated[float, Field(ge=-90, le=90, description="degrees")] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180, description="degrees")] | None = None
    acquisition_source: Label | None = None
    consent: Consent | None = None
    attributes: Attributes | None = None

    def to_json(self) -> bytes:
        """Return the event as it is published, with the nulls that were given: they clear what was told before."""
        absent = CustomerProfile.model_fields.keys() - self.model_fields_set - {"schema_version"}
        return self.model_dump_json(exclude=absent).encode()


class Exposure(Event):
    """A customer was shown a variant of an experiment."""

    experiment: Identifier
    variant: Identifier


class Conversion(Event):
    """A customer did what an experiment (or any experiment, where none is named) hopes for."""

    experiment: Identifier | None = None
    value: Amount | None = None
    currency: Currency | None = None
    kind: Label | None = None


class Identity(Event):
    """From now on two ids are one person, known as `customer_id`: a visitor signed in, or two accounts were merged."""

    previous_id: Identifier = Field(description="the id that goes up in customer_id, with all its events")

    @model_validator(mode="after")
    def _names_two(self) -> "Identity":
        if self.previous_id == self.customer_id:
            raise ValueError(SAME_ID)
        return self


INPUTS: dict[str, type[Event]] = {
    "orders": Order,
    "web-sessions": WebSession,
    "customers": CustomerProfile,
    "exposures": Exposure,
    "conversions": Conversion,
    "identities": Identity,
}
"""The model of each input topic, by the topic's name without prefix."""
