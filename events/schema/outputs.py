"""What Shoal publishes: segment changes, dead letters, models, baselines, erasures and what people entered."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from events.schema.field_types import Identifier, Instant
from events.schema.segment_claims import Lifecycle, NameClaim, NameCondition, Stage

__all__ = [
    "OUTPUTS",
    "SECOND_OUTPUTS",
    "Baseline",
    "BaselineSegment",
    "Cause",
    "DeadLetter",
    "DeadLetterHeader",
    "Entry",
    "EntryKind",
    "Erasure",
    "ErasureNotice",
    "Lifecycle",
    "LifetimeAmounts",
    "LifetimeModel",
    "LifetimePurchases",
    "ModelVersion",
    "MovedFeature",
    "NameClaim",
    "NameCondition",
    "SegmentChange",
    "SegmentLineage",
    "SegmentMove",
    "Stage",
]

Cause = Literal["activity", "time", "model", "baseline", "correction", "merge"]


class _Output(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class MovedFeature(_Output):
    """A feature that made the difference, in its own unit (days, orders, money), to three significant digits."""

    feature: str
    before: float | None = Field(description="when the customer was last looked at; null where it was not known")
    after: float | None


class SegmentChange(_Output):
    """A customer moved to another segment (or into a first one, where `previous` is null).

    Where `merged_into` is not null, the customer is in no segment any more: it is one person with that customer now.

    The same change may arrive twice, byte for byte: drop a `change_id` that you have seen. The latest change of a
    customer is the one with the largest `change_number`.
    """

    change_id: str = Field(description="customer_id, a colon, and that customer's change number")
    customer_id: Identifier
    change_number: int = Field(ge=1, description="1 for a customer's first segment, then counting up by one")
    changed_at: Instant
    cause: Cause = Field(
        description="why: the customer's activity, time passing, the model, a baseline, a correction, a merge"
    )
    segment_id: str | None = Field(description="stable identity of the segment; null after a merge")
    segment: str | None = Field(description="the segment's name, for people; null after a merge")
    previous: str | None = Field(description="segment_id before the change")
    previous_segment: str | None = Field(description="name of the segment before the change")
    baseline: int = Field(ge=0, description="number of the baseline that defines the segment; 0 is the RFM tiers")
    model_version: int = Field(ge=0, description="version of the centroids that decided")
    merged_into: str | None = Field(
        default=None, description="the customer_id under which this person goes on; null but after a merge"
    )
    distance: float | None = Field(
        default=None, description="to the segment's centroid, in standard deviations; null under the RFM tiers"
    )
    previous_distance: float | None = Field(
        default=None, description="to the centroid of the segment before the change"
    )
    usual_gap_days: float | None = Field(
        default=None, description="mean days between the customer's orders; null before the second order"
    )
    moved: list[MovedFeature] = Field(
        default=[], description="the features that made the difference, at most two, the one that counted most first"
    )


class DeadLetterHeader(_Output):
    """A header of the message that was refused."""

    name: str
    value: str | None = Field(description="base64 of the header's bytes")


class DeadLetter(_Output):
    """An event that was refused: why, where it stood, and its bytes, so that it can be mended and sent again."""

    topic: str
    partition: int
    offset: int
    reason: str = Field(description="what is wrong, in words")
    key: str | None = Field(description="base64 of the message's key")
    value: str | None = Field(description="base64 of the message's original bytes")
    sealed_value: str | None = Field(
        default=None,
        description="the original bytes, encrypted (Fernet), where nobody can tell whose they are: they hold no JSON. "
        "The key is in Redis for SHOAL_UNREADABLE_DAYS",
    )
    headers: list[DeadLetterHeader] = Field(default=[], description="those of the message, in their order")
    dead_lettered_at: Instant


class ModelVersion(_Output):
    """The centroids of all partitions together, as the leader added them up."""

    version: int = Field(ge=1)
    baseline: int = Field(ge=1)
    features: list[str]
    centroids: list[list[float]] = Field(description="standardised units, one row a segment")
    counts: list[int] = Field(description="customers nearest to each centroid")
    borders: list[list[float]] | None = Field(
        default=None, description="earlier centroids that published segments still go by; null: they go by `centroids`"
    )
    borders_version: int = Field(default=0, ge=0, description="version that the borders are of; 0: the baseline")
    updated_at: Instant


class BaselineSegment(_Output):
    """One segment of a baseline."""

    segment_id: str
    segment: str
    centroid: list[float] = Field(description="standardised units, in the order of the baseline's features")
    profile: dict[str, float] = Field(description="mean of each feature in its own unit (days, orders, money)")
    customers: int = Field(ge=0, description="members when the baseline was fitted")
    renamed: bool = Field(default=False, description="whether a person gave the name; such a name stays")
    named_for: dict[str, float] = Field(
        default_factory=dict, description="the means, before scaling, that the name was given for; empty: the present"
    )
    stage: Stage | None = Field(default=None, description="whose members are found by rule; null: a learned segment")
    claims: list[NameClaim] = Field(
        default_factory=list, description="the names it may carry, the best first; the first one that is true is shown"
    )


class SegmentLineage(_Output):
    """What became of a segment from the baseline before to this one."""

    kind: Literal["kept", "split", "merged", "born", "retired"]
    segment_id: str
    segment: str
    related: list[str] = Field(description="the earlier segments it comes from; where most went, of a retired one")
    customers: int = Field(ge=0, description="customers in it when the baseline was fitted; before, of a retired one")


class SegmentMove(_Output):
    """How many customers a baseline takes from one segment to another when it goes live."""

    source: str | None = Field(description="segment_id before, null for customers without a segment")
    target: str = Field(description="segment_id under the baseline")
    customers: int = Field(ge=0)


class LifetimePurchases(_Output):
    """BG/NBD: how often customers order, and when they leave."""

    r: float
    alpha: float = Field(description="weeks")
    a: float
    b: float
    log_likelihood: float
    customers: int = Field(ge=0, description="customers that it was fitted to")


class LifetimeAmounts(_Output):
    """Gamma-Gamma: how much an order is of."""

    p: float
    q: float
    gamma: float = Field(description="in the shop's currency")
    log_likelihood: float
    customers: int = Field(ge=0, description="customers that it was fitted to")


class LifetimeModel(_Output):
    """What the lifetime value of a customer is computed by, from the customer's record."""

    purchases: LifetimePurchases
    amounts: LifetimeAmounts
    horizon_weeks: float = Field(gt=0, description="weeks ahead whose orders count")
    yearly_rate: float = Field(ge=0, description="discount rate a year")


class Baseline(_Output):
    """A batch fit of the segments: the scale, the centroids, and who the segments are."""

    baseline: Annotated[int, Field(ge=1)]
    status: Literal["proposed", "approved", "rejected", "retired"]
    created_at: Instant
    algorithm: str
    features: list[str]
    attributes: list[str] = Field(
        default_factory=list, description="declared profile attributes, in the order of their columns in the records"
    )
    lower: list[float | None] = Field(
        default_factory=list, description="where given, smaller values of a feature count as this one; null: no bound"
    )
    upper: list[float | None] = Field(
        default_factory=list, description="where given, larger values of a feature count as this one; null: no bound"
    )
    power: list[float | None] = Field(
        default_factory=list,
        description="where given, a Yeo-Johnson power comes next; null: the feature stays as it is",
    )
    center: list[float] = Field(description="then subtracted from each feature")
    scale: list[float] = Field(description="at last each feature is divided by it")
    segments: list[BaselineSegment]
    k: Annotated[int, Field(ge=1, description="learned segments; those of the lifecycle come on top")]
    silhouette: float | None
    inertia: float
    revision: int = Field(default=0, ge=0, description="grows when segments are renamed under the same number")
    follows: int = Field(default=0, ge=0, description="number of the baseline that it was compared with; 0: RFM tiers")
    restores: int | None = Field(default=None, description="number of the earlier baseline that a rollback brings back")
    last_segment: int = Field(default=0, ge=0, description="largest number ever given to a segment; ids are not reused")
    customers: int = Field(default=0, ge=0, description="customers that the preview counts")
    metrics: dict[str, float] = Field(default_factory=dict, description="what the choice and the guard rest on")
    reason: str = Field(default="", description="why this k and this algorithm")
    lifetime: LifetimeModel | None = Field(
        default=None, description="fitted to the same customers; null where it could not be"
    )
    lifetime_reason: str = Field(default="", description="why `lifetime` is null")
    lifecycle: Lifecycle | None = Field(
        default=None, description="rules that come before the learned segments; null: there are learned ones only"
    )
    lineage: list[SegmentLineage] = Field(default_factory=list)
    moves: list[SegmentMove] = Field(default_factory=list, description="the preview; who stays is counted too")
    proposed_by: str = Field(default="", description="who asked for it: a person, the schedule, drift, a rollback")
    decided_by: str = Field(default="", description="who approved or rejected it")
    decided_at: Instant | None = None
    decision: str = Field(default="", description="why it was approved, rejected or retired")


class Erasure(_Output):
    """A customer was erased, known by a salted hash only: for Shoal itself, should Redis lose the tombstone."""

    partition: int = Field(ge=0)
    digest: str = Field(
        pattern="^[0-9a-f]{32}$", description="BLAKE2b of the customer_id, 16 bytes, the salt as its key"
    )
    salt: str = Field(pattern="^([0-9a-f]{2})+$", description="the same in every message of the topic")
    erased_at: Instant


class ErasureNotice(_Output):
    """A customer was erased: for receivers of segment changes, so that they can forget the customer, too.

    Published where SHOAL_ERASED_NOTICES says so, with the digest as its key; it may arrive twice.
    """

    kind: Literal["erased"] = "erased"
    digest: str = Field(
        pattern="^[0-9a-f]{32}$", description="BLAKE2b of the customer_id, 16 bytes, the salt as its key"
    )
    salt: str = Field(pattern="^([0-9a-f]{2})+$", description="the same in every notice, hexadecimal")
    customer_id: Identifier | None = Field(default=None, description="only where the setting is `id`")
    erased_at: Instant


EntryKind = Literal["experiment", "trigger", "suppression", "api-key", "salt"]


class Entry(_Output):
    """What a person entered, for Shoal itself, should Redis lose it: the latest message of a key counts.

    It holds the secrets of webhooks, and customers who are suppressed: only Shoal may read and write the topic.
    """

    kind: EntryKind = Field(description="`salt` is the key of the hashes in suppressions' keys, not entered")
    name: str = Field(
        max_length=300, description="an experiment's id, a trigger's name, the scope of a suppression, an API key's id"
    )
    customer_id: Identifier | None = Field(default=None, description="who is suppressed; null for the other kinds")
    value: str | None = Field(default=None, description="what Redis holds, as text; null for suppressions and removals")
    removed: bool = Field(default=False, description="whether it was taken back")


OUTPUTS: dict[str, type[BaseModel]] = {
    "segment-changes": SegmentChange,
    "dead-letters": DeadLetter,
    "models": ModelVersion,
    "baselines": Baseline,
    "erasures": Erasure,
    "entries": Entry,
}
"""The model of each output and control topic, by the topic's name without prefix."""

SECOND_OUTPUTS: dict[str, type[BaseModel]] = {"segment-changes": ErasureNotice}
"""What else is published on a topic."""
