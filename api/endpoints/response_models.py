"""Request and response models of several endpoints; their JSON keys are a contract."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from events.schema.field_types import Identifier
from events.schema.outputs import Baseline

__all__ = [
    "BaselineDocument",
    "CustomerDocument",
    "CustomerLookupRequest",
    "CustomerLookupResponse",
    "CustomerPage",
    "CustomerSummary",
    "Explanation",
    "SegmentDocument",
    "SegmentFlows",
    "SegmentHistory",
    "SegmentLookupRequest",
    "SegmentLookupResponse",
    "SegmentSummary",
    "SegmentsDocument",
]

BaselineDocument = Baseline


class SegmentDocument(BaseModel):
    """A customer's current segment, as `segment:<customer_id>` in Redis holds it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "segment_id": "s5",
                    "segment": "At-Risk Customers",
                    "since": "2026-03-01T09:30:00.000Z",
                    "previous": "s2",
                    "baseline": 1,
                    "change_id": "00001:3",
                }
            ]
        }
    )

    segment_id: str = Field(description="stable identity of the segment")
    segment: str = Field(description="its name, for people")
    since: str = Field(description="when the customer moved into it")
    previous: str | None = Field(description="segment_id before")
    baseline: int = Field(description="baseline that defines it; 0 is the RFM tiers")
    change_id: str = Field(description="customer_id, a colon, and the number of the change")
    merged_into: str | None = Field(
        None,
        description="the customer whose segment this is, where the one that was asked for was merged; else absent",
    )


class SegmentLookupRequest(BaseModel):
    """Customers whose segments to return."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"customer_ids": ["00001", "00002"]}]})

    customer_ids: Annotated[list[Identifier], Field(min_length=1, max_length=1_000)]


class SegmentLookupResponse(BaseModel):
    """The segments of those customers that have one; the others are in `unknown`."""

    segments: dict[str, SegmentDocument] = Field(description="by customer_id")
    unknown: list[str]


class SegmentMembership(BaseModel):
    """A segment that a customer was in."""

    change_number: int
    segment_id: str
    segment: str
    since: str


class Lifetime(BaseModel):
    """Lifetime value of a customer, by the models kept with the live baseline; null with a `reason`."""

    probability_alive: float | None = Field(description="probability that the customer is still one (BG/NBD)")
    expected_orders: float | None = Field(description="orders to expect within the horizon (BG/NBD)")
    expected_amount: float | None = Field(description="of each of them, in the shop's currency (Gamma-Gamma)")
    lifetime_value: float | None = Field(description="of these orders today, discounted, in the shop's currency")
    horizon_weeks: float | None = Field(description="weeks ahead whose orders count")
    yearly_rate: float | None = Field(description="discount rate a year")
    baseline: int | None = Field(description="number of the baseline that keeps the models")
    reason: str | None = Field(description="why there are no figures; null where there are")
    probability_alive_reason: str | None = Field(description="why there are the other figures and no probability")


class CustomerDocument(BaseModel):
    """What is known of a customer. `features`, `record`, `lifetime` and `profile` need the scope `customers:read`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "00001",
                    "requested_id": "visitor-9f2c",
                    "merged_from": ["visitor-9f2c"],
                    "segment_id": "s5",
                    "segment": "At-Risk Customers",
                    "since": "2026-03-01T09:30:00.000Z",
                    "previous": "s2",
                    "baseline": 1,
                    "change_id": "00001:3",
                    "as_of": "2026-03-14T10:00:00.000Z",
                    "history": [
                        {
                            "change_number": 3,
                            "segment_id": "s5",
                            "segment": "At-Risk Customers",
                            "since": "2026-03-01T09:30:00.000Z",
                        }
                    ],
                    "features": {"recency": 61.0, "frequency": 1.7, "monetary": 94.1},
                    "record": {"recency_days": 61.0, "frequency": 4, "monetary": 212.4, "orders": 4, "cancelled": 0},
                    "lifetime": {
                        "probability_alive": 0.7268,
                        "expected_orders": 1.5502,
                        "expected_amount": 47.21,
                        "lifetime_value": 69.87,
                        "horizon_weeks": 52.0,
                        "yearly_rate": 0.1,
                        "baseline": 1,
                        "reason": None,
                        "probability_alive_reason": None,
                    },
                    "profile": {"country": "PT", "age": 37},
                }
            ]
        }
    )

    customer_id: str = Field(description="the id that the customer goes on under")
    requested_id: str = Field(description="the id that was asked for; another one where it was merged into this one")
    merged_from: list[str] = Field(description="ids that were merged into this customer")
    segment_id: str | None
    segment: str | None
    since: str | None
    previous: str | None
    baseline: int | None
    change_id: str | None
    as_of: str = Field(description="the moment that features and recency are computed for")
    history: list[SegmentMembership] = Field(description="the last few segments, the present one first")
    features: dict[str, float | None] | None = Field(None, description="the segmentation's features, each in its unit")
    record: dict[str, Any] | None = Field(None, description="what the events add up to; money in the shop's currency")
    lifetime: Lifetime | None = Field(None, description="lifetime value")
    profile: dict[str, Any] | None = Field(
        None, description="what CRM profiles tell, each field as it was told last; null without any"
    )


class CustomerLookupRequest(BaseModel):
    """Customers to return in full."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"customer_ids": ["00001", "00002"]}]})

    customer_ids: Annotated[list[Identifier], Field(min_length=1, max_length=100)]


class CustomerLookupResponse(BaseModel):
    """Those customers of whom an event has been processed; the others are in `unknown`."""

    customers: dict[str, CustomerDocument] = Field(description="by customer_id")
    unknown: list[str]


class SegmentHistoryEntry(SegmentMembership):
    """A segment that a customer was in, and why it moved there."""

    cause: str | None = Field(
        description="activity, time, model, baseline, correction or merge; null where it is not known"
    )
    explanation: str | None = Field(description="why, in a sentence; null where it is not known")


class MergedHistoryEntry(BaseModel):
    """A published move of an id that was merged into the customer; the merge itself ends in no segment."""

    customer_id: str
    change_number: int
    segment_id: str | None
    segment: str | None
    since: str
    cause: str
    explanation: str


class SegmentHistory(BaseModel):
    """A customer's segments over time, the latest first."""

    customer_id: str = Field(description="the id that the customer goes on under")
    requested_id: str = Field(description="the id that was asked for; another one where it was merged into this one")
    history: list[SegmentHistoryEntry]
    history_of_merged: list[MergedHistoryEntry] = Field(
        description="moves of the ids that were merged into the customer, the latest first"
    )
    without_causes: str | None = Field(description="why the causes are not known, where Kafka could not be asked")


class SegmentDistance(BaseModel):
    """A segment, and how far the customer is from its centre, in standard deviations."""

    segment_id: str
    segment: str
    distance: float


class FeatureDifference(BaseModel):
    """A feature that speaks for the nearest segment against the next: the customer's value and the two centres'."""

    feature: str
    unit: str
    value: float
    nearest: float
    other: float


class Explanation(BaseModel):
    """Why a customer is in its segment. The published segment may lag behind the nearest: it moves by a margin."""

    customer_id: str = Field(description="the id that the customer goes on under")
    requested_id: str = Field(description="the id that was asked for; another one where it was merged into this one")
    segment_id: str | None
    segment: str | None
    since: str | None
    as_of: str
    nearest: list[SegmentDistance] | None = Field(description="the nearest first; null under the RFM tiers")
    reasons: list[FeatureDifference] | None = Field(description="the features that count most between the two nearest")


class CustomerSummary(BaseModel):
    """A customer in a list."""

    customer_id: str
    segment_id: str | None
    segment: str | None
    recency_days: float | None
    frequency: int
    monetary: float


class CustomerPage(BaseModel):
    """Some customers, in no particular order, and where the next page begins."""

    customers: list[CustomerSummary]
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last")


class SegmentSummary(BaseModel):
    """A segment's size, and the means of its members."""

    segment_id: str
    segment: str
    customers: int
    share: float
    profile: dict[str, float | None] = Field(examples=[{"recency_days": 12.5, "frequency": 6.1, "monetary": 310.0}])
    claim: str | None = Field(description="what the name says of the members; null where it claims nothing")
    holds: float | None = Field(description="share of the members for whom that is true; null where nothing is claimed")


class SegmentsDocument(BaseModel):
    """Every segment that has customers, the largest first."""

    baseline: int = Field(description="number of the live baseline; 0 before the first")
    customers: int
    segments: list[SegmentSummary]


class SegmentFlow(BaseModel):
    """Moves from one segment to another for one cause; `from` is null for customers who had none.

    `to` is null where customers were merged into others.
    """

    model_config = ConfigDict(populate_by_name=True)

    source: str | None = Field(alias="from")
    from_segment: str | None
    to: str | None
    to_segment: str | None
    cause: str
    moves: int


class SegmentFlows(BaseModel):
    """How many moves there were on whole days (UTC), from where to where, and why."""

    since: str
    until: str
    moves: int
    flows: list[SegmentFlow]
